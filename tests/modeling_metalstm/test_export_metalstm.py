"""The model as a `torch.export` program, and in ONNX, is the model: any stack, a mask, a state, any size."""

import onnxruntime
import pytest
import torch

from modeling_metalstm.export_metalstm import empty_state, export_read, export_step, state_names

from .conftest import STACKS

TOKENS = torch.tensor([[12, 0, 1, 13, 6, 7, 12, 2, 13, 8], [12, 3, 13, 9, 12, 3, 2, 13, 9, 8], [1] * 10])
MASK = torch.tensor([[0, 0, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 1, 1, 1, 1, 0], [0] * 10])
IN_ONNX = ["lstm-lstm", "lstm-shifted-late-delta-mlstm"]
"""Those of which ONNX is tried at each run of the tests; of the others in `make test-slow`."""


def as_onnx(program, tokens, config, path):
    """A function that runs the program, whose tokens are given by inputs of these names, in ONNX Runtime."""
    names = state_names(config)
    inputs = [*tokens, *(f"{name}_before" for name in names)]
    torch.onnx.export(program, f=path, input_names=inputs, output_names=["logits", *names], verbose=False)
    session = onnxruntime.InferenceSession(path)
    assert {value.name for value in session.get_inputs()} == set(inputs)

    def run(*given):
        given = [value.numpy() for value in given if value is not None]
        return [torch.from_numpy(value) for value in session.run(None, dict(zip(inputs, given, strict=True)))]

    return run


def check_read(run, model):
    """In two parts, of sizes that the program wasn't traced with."""
    with torch.no_grad():
        first, *state = run(TOKENS[:, :4], MASK[:, :4], *empty_state(model, 3))
        second, *state = run(TOKENS[:, 4:], MASK[:, 4:], *state)
        expected = model(TOKENS, attention_mask=MASK)
    torch.testing.assert_close(torch.cat([first, second], dim=1), expected.logits, rtol=1e-4, atol=1e-4)
    for name, value in zip(state_names(model.config), state, strict=True):
        layer, part = expected.past_key_values.layers[int(name.split("_")[1])], name.split("_")[2]
        kept = {"hidden": "keys", "memory": "keys", "cell": "values", "output": "values", "place": "places"}
        torch.testing.assert_close(value, getattr(layer, kept.get(part, "last_keys")), rtol=1e-4, atol=1e-4)


def check_step(run, model):
    state, logits = empty_state(model, 3), []
    with torch.no_grad():
        for token in TOKENS.split(1, dim=1):
            said, *state = run(token, None, *state)
            logits.append(said)
        expected = model(TOKENS).logits
    torch.testing.assert_close(torch.cat(logits, dim=1), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", STACKS)
def test_programs_are_the_model(make_model, name):
    model = make_model(scale=1.0, **STACKS[name])
    check_read(export_read(model).module(), model)
    check_step(export_step(model).module(), model)


@pytest.mark.parametrize(
    "name", [name if name in IN_ONNX else pytest.param(name, marks=pytest.mark.slow) for name in STACKS]
)
def test_onnx_is_the_model(make_model, tmp_path, name):
    model = make_model(scale=1.0, **STACKS[name])
    tokens = ["input_ids", "attention_mask"]
    check_read(as_onnx(export_read(model), tokens, model.config, tmp_path / "read.onnx"), model)
    check_step(as_onnx(export_step(model), tokens[:1], model.config, tmp_path / "step.onnx"), model)


def test_gates_that_are_nearly_closed_are_the_model_s_in_onnx(make_model, tmp_path):
    model = make_model(scale=1.0, layer_types=["mlstm", "delta"])
    with torch.no_grad():
        for layer in model.model.mlstm:
            layer.gates.bias.copy_(torch.tensor([-17.0, -40.0, -25.0, -14.0]))  # of a norm that has no part in it
            layer.head_norm.eps = 1e-30
    check_step(as_onnx(export_step(model), ["input_ids"], model.config, tmp_path / "step.onnx"), model)


def test_the_model_itself_is_exported_with_a_mask_and_a_length_that_varies(make_model):
    model = make_model(scale=1.0, **STACKS["lstm-shifted-late-delta-mlstm"])
    rows, length = torch.export.Dim("rows", min=2), torch.export.Dim("length", min=3)
    given = {"input_ids": TOKENS, "attention_mask": MASK, "use_cache": False}
    sizes = {key: {0: rows, 1: length} for key in ("input_ids", "attention_mask")} | {"use_cache": None}
    torch.compiler.reset()
    program = torch.export.export(model, (), given, dynamic_shapes=sizes, strict=False).module()
    other = {"input_ids": TOKENS[:2].repeat(1, 3), "attention_mask": MASK[:2].repeat(1, 3), "use_cache": False}
    torch.testing.assert_close(program(**other)["logits"], model(**other).logits, rtol=1e-4, atol=1e-4)


def test_the_model_stays_as_it_was(make_model):
    model = make_model(**STACKS["lstm-mlstm"]).train()
    export_step(model)
    assert model.training and all(parameter.requires_grad for parameter in model.parameters())
