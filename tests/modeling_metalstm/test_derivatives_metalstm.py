"""Derivatives that the fast paths haven't are the reference's: per-sample gradients, second ones, forward mode."""

import copy

import pytest
import torch
from torch.func import functional_call, grad, jacrev, jvp, vmap

from modeling_metalstm.dispatch_metalstm import RECURRENCES

from .conftest import STACKS

CASES = [
    (recurrence, stack)
    for stack, layers in STACKS.items()
    for recurrence in (("auto",) if "layer_types" in layers else set(RECURRENCES) - {"reference"})
]
pytestmark = pytest.mark.parametrize(("recurrence", "stack"), sorted(CASES), ids=lambda value: value)

TOKENS = torch.tensor([[12, 0, 1, 13, 6, 7, 12, 1, 13, 7, 12], [12, 3, 13, 9, 12, 3, 2, 13, 9, 8, 12]])


@pytest.fixture
def models(make_model, stack, recurrence):
    """A model, and the same by the reference."""
    model = make_model(dtype=torch.float64, recurrence=recurrence, **STACKS[stack])
    reference = copy.deepcopy(model)
    reference.config.recurrence = "reference"
    return model, reference


def assert_same(one, other):
    """Pairs of tensors, or None where there is no gradient, equal within rounding, and not all zero."""
    assert any(value is not None and value.abs().max() > 1e-6 for value in one)
    for value, expected in zip(one, other, strict=True):
        assert (value is None) == (expected is None)
        if value is not None:
            torch.testing.assert_close(value, expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("mask", [None, torch.tensor([[0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1], [1] * 11])])
def test_gradients_of_each_sample(models, mask):
    """As Opacus and influence functions take them."""
    model, reference = models

    def loss(parameters, tokens, mask):
        mask = None if mask is None else mask[None]
        given = {"labels": tokens[None], "attention_mask": mask}
        return functional_call(model, parameters, (tokens[None],), given).loss

    in_dims = (None, 0, None if mask is None else 0)
    found = vmap(grad(loss), in_dims)(dict(model.named_parameters()), TOKENS, mask)
    for row in range(len(TOKENS)):
        reference.zero_grad()
        tokens, own = TOKENS[row : row + 1], None if mask is None else mask[row : row + 1]
        reference(tokens, attention_mask=own, labels=tokens).loss.backward()
        expected = [parameter.grad for _, parameter in reference.named_parameters()]
        assert_same([gradient[row] for gradient in found.values()], expected)


@pytest.mark.parametrize("length", [11, 132], ids=["short", "chunked"])
def test_second_derivatives(models, length):
    """As gradient penalties and MAML take them."""
    tokens = TOKENS.repeat(1, 12)[:, :length]

    def second(model):
        vectors = model.get_input_embeddings()(tokens).detach().requires_grad_()
        given = [vectors, *model.parameters()]
        loss = model(inputs_embeds=vectors, labels=tokens).loss
        first = torch.autograd.grad(loss, given, create_graph=True, allow_unused=True)
        return torch.autograd.grad(sum((g**2).sum() for g in first if g is not None), given, allow_unused=True)

    assert_same(*(second(model) for model in models))


def test_jacobians_and_forward_mode(models):
    """As attribution takes them."""

    def both(model):
        def last(vectors):
            return model(inputs_embeds=vectors).logits[0, -1]

        vectors = model.get_input_embeddings()(TOKENS[:1]).detach()
        return jacrev(last)(vectors), jvp(last, (vectors,), (torch.ones_like(vectors),))[1]

    assert_same(*(both(model) for model in models))
