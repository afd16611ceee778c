"""Hooks and PEFT's adapters change what the model says wherever they are put, in generated tokens too."""

import copy

import pytest
import torch
from peft import IA3Config, LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from torch import nn

from .conftest import STACKS

TOKENS = torch.tensor([[12, 0, 1, 13, 6, 7, 12, 1, 13], [12, 3, 13, 9, 12, 3, 2, 13, 9]])
STACK = "lstm-shifted-late-delta-mlstm"


def generated(model, **settings):
    """The scores of six generated tokens, and the same by reading all anew for each."""
    given = {"max_new_tokens": 6, "eos_token_id": None, "pad_token_id": 14, "do_sample": False} | settings
    output = model.generate(input_ids=TOKENS, output_logits=True, return_dict_in_generate=True, **given)
    with torch.no_grad():
        anew = model(input_ids=output.sequences).logits[:, -7:-1]
    return torch.stack(output.logits, dim=1), anew.float()


@pytest.mark.parametrize("hidden_size", [16, 512], ids=["narrow", "wide"])
@pytest.mark.parametrize("recurrence", ["auto", "folded"])
def test_a_hook_on_the_embedding_sees_each_call_s_tokens(make_model, recurrence, hidden_size):
    model, seen = make_model(recurrence=recurrence, hidden_size=hidden_size), []
    model.model.embed_tokens.register_forward_hook(lambda _, given, said: seen.append((given[0].shape, said.shape)))
    model.train()(TOKENS, labels=TOKENS).loss.backward()
    model.eval().generate(TOKENS, max_new_tokens=3, eos_token_id=None)
    lengths = [9, 9, 1, 1]
    assert seen == [((2, length), (2, length, 12)) for length in lengths]


MODULES = ["model.embed_tokens", "model.mlstm.0.norm", "model.mlstm.0.in_proj", "model.mlstm.1.gates", "model.norm"]
MODULES += ["model.mlstm.1.head_norm", "model.mlstm.0.out_proj", "lm_head"]


@pytest.mark.parametrize("name", MODULES)
def test_a_hook_changes_generated_tokens_too(make_model, name):
    model = make_model(dtype=torch.float64, **STACKS[STACK])
    plain, _ = generated(model)
    module, seen = model.get_submodule(name), []

    def change(_, given, said):
        seen.append(given)
        return said * 1.5

    handle = module.register_forward_hook(change)
    found, anew = generated(model)
    torch.testing.assert_close(found, anew)
    assert (found - plain).abs().max() > 1e-3 and len(seen) == 7
    handle.remove()
    torch.testing.assert_close(generated(model)[0], plain)


@pytest.mark.parametrize("name", ["lstm-lstm", STACK])
def test_an_embedding_s_backward_hook_gets_the_gradient_of_each_token(make_model, name):
    model, gradients = make_model(**STACKS[name]).train(), []
    model.model.embed_tokens.register_full_backward_hook(lambda _, before, after: gradients.append(after[0].shape))
    model(TOKENS, labels=TOKENS).loss.backward()
    assert gradients == [(2, 9, 12)]


LORA = {"r": 2, "task_type": "CAUSAL_LM", "init_lora_weights": False}
ADAPTERS = {
    "all-linear": (STACK, LoraConfig(target_modules="all-linear", **LORA)),
    "of a memory": (STACK, LoraConfig(target_modules=["in_proj", "gates", "out_proj"], **LORA)),
    "of the LSTM's matrices": (
        "lstm-lstm",
        LoraConfig(target_parameters=["lstm.weight_ih_l0", "lstm.weight_hh_l0"], **LORA),
    ),
    "of the head": ("lstm-lstm", LoraConfig(target_modules=["lm_head"], **LORA)),
    "of the embedding": ("lstm-lstm", LoraConfig(target_modules=["embed_tokens"], **LORA)),
    "of the embedding, below a memory": ("example", LoraConfig(target_modules=["embed_tokens"], **LORA)),
    "some tokens": ("lstm-lstm", LoraConfig(target_modules=["lm_head"], trainable_token_indices=[1, 2], **LORA)),
    "the LSTM itself": ("lstm-lstm", LoraConfig(target_modules=["lm_head"], modules_to_save=["model.lstm"], **LORA)),
    "IA3": (STACK, IA3Config(target_modules=["out_proj"], feedforward_modules=[], task_type="CAUSAL_LM")),
}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_train_generate_and_merge(make_model, adapter):
    name, config = ADAPTERS[adapter]
    base = make_model(dtype=torch.float64, **STACKS[name])
    plain = generated(copy.deepcopy(base))[0]
    model = get_peft_model(base, config)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer, losses = torch.optim.AdamW(trained, lr=1e-2), []
    model.train()
    for _ in range(8):
        losses.append(model(input_ids=TOKENS, labels=TOKENS).loss)
        losses[-1].backward()
        assert all(parameter.grad is not None for parameter in trained)
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < losses[0]
    found, anew = generated(model.eval())
    torch.testing.assert_close(found, anew)
    assert (found - plain).abs().max() > 1e-4
    merged = model.merge_and_unload()
    torch.testing.assert_close(generated(merged)[0], found)


@pytest.mark.parametrize("name", ["lstm-lstm", STACK])
def test_prompts_are_tuned_at_the_embedding_s_size(make_model, name):
    base = make_model(dtype=torch.float64, **STACKS[name])
    model = get_peft_model(base, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3, token_dim=12))
    model(input_ids=TOKENS, labels=TOKENS).loss.backward()
    (gradient,) = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
    assert gradient.shape == (3, 12) and gradient.abs().max() > 0
    found, anew = generated(model)
    torch.testing.assert_close(found, anew)


def test_a_prefix_of_keys_and_values_is_refused(make_model):
    model = get_peft_model(make_model(), PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    with pytest.raises(ValueError, match=r"^This model keeps LSTM states"):
        model(input_ids=TOKENS)


@pytest.mark.parametrize("kind", [nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.orthogonal])
def test_parametrized_matrices_are_what_generates(make_model, kind):
    model = make_model(dtype=torch.float64, **STACKS[STACK])
    kind(model.model.mlstm[0].out_proj)
    with torch.no_grad():
        next(iter(model.model.mlstm[0].out_proj.parametrizations.weight.parameters())).mul_(1.5)
    found, anew = generated(model)
    torch.testing.assert_close(found, anew)
