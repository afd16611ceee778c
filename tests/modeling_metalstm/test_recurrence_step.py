import pytest
import torch

from modeling_metalstm import layouts_metalstm
from modeling_metalstm.layouts_metalstm import Layouts
from modeling_metalstm.recurrence_step import lstm_step


def read_by_steps(model, tokens, prompt):
    cache, logits = None, []
    for step in tokens.split(1, dim=1):
        inputs = {"input_ids": step} if prompt == "tokens" else {"inputs_embeds": model.model.embed_tokens(step)}
        outputs = model(**inputs, past_key_values=cache)
        cache = outputs.past_key_values
        logits.append(outputs.logits)
    return torch.cat(logits, dim=1)


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("prompt", ["tokens", "embeddings"])
@torch.no_grad()
def test_a_step_by_frozen_weights_is_a_plain_step(make_model, monkeypatch, is_packed, num_layers, dtype, prompt):
    if not is_packed:
        monkeypatch.setattr(layouts_metalstm, "_LINEAR", None)
    model = make_model(num_hidden_layers=num_layers, dtype=dtype)
    tokens = torch.randint(0, 14, (3, 6))
    plain = read_by_steps(model, tokens, prompt)
    with model.frozen_weights():
        frozen = read_by_steps(model, tokens, prompt)
        assert all(layouts.made for layouts in model.model.lstm.layouts)
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.1}[dtype]
    torch.testing.assert_close(frozen, plain, rtol=0, atol=tolerance)


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("prompt", ["tokens", "embeddings"])
@torch.no_grad()
def test_a_step_of_a_stack_is_a_plain_step(make_model, monkeypatch, stack, is_packed, dtype, prompt):
    if not is_packed:
        monkeypatch.setattr(layouts_metalstm, "_LINEAR", None)
    model = make_model(dtype=dtype, scale=1.0, **stack)
    tokens = torch.tensor([[12, 1, 2, 13, 7, 8, 12, 3, 13, 9], [4, 13, 6, 12, 12, 13, 13, 2, 12, 0]])
    plain = read_by_steps(model, tokens, prompt)
    with model.frozen_weights():
        frozen = read_by_steps(model, tokens, prompt)
        modules = [*model.model.mlstm, *([] if model.model.lstm is None else [model.model.lstm])]
        assert all(layouts.made for module in modules for layouts in module.layouts)
    # The angles by which keys turn are computed in float32.
    tolerance = {torch.float64: 1e-6, torch.float32: 1e-4, torch.bfloat16: 5e-2}[dtype]
    assert (frozen - plain).norm() <= tolerance * plain.norm()


@pytest.mark.parametrize("prompt", ["tokens", "vectors"])
@torch.no_grad()
def test_without_layouts_it_makes_its_own(prompt):
    """So a step survives that another thread closes its context meanwhile."""
    weights = [torch.randn(28, 5), torch.randn(28, 7), torch.randn(28), torch.randn(28)]
    h0, c0 = torch.randn(2, 3, 7)
    vectors, tokens = torch.randn(9, 5), torch.tensor([[8], [0], [3]])
    inputs = (tokens, h0, c0, weights, None, vectors) if prompt == "tokens" else (vectors[tokens], h0, c0, weights)
    for own, kept in zip(lstm_step(*inputs), lstm_step(*inputs, layouts=Layouts()), strict=True):
        assert torch.equal(own, kept)
