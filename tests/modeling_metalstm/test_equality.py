"""However a sequence is read (in chunks, token by token, padded, by beams), the logits are those of one plain run."""

import copy

import pytest
import torch

from modeling_metalstm.dispatch_metalstm import RECURRENCES

from .conftest import STACKS

LENGTH = 12
ATOL = 1e-5
MASKS = {
    "left": [[0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
    "right": [[1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]],
    "middle": [[1, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1], [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]],
}

# Which recurrence runs matters to LSTMs most; matrix memories are held to their reference in tests of their own.
CASES = [
    (recurrence, stack)
    for stack, layers in STACKS.items()
    for recurrence in (("auto", "reference") if "layer_types" in layers else RECURRENCES)
]

pytestmark = pytest.mark.parametrize(("recurrence", "stack"), CASES, ids=["-".join(case) for case in CASES])


@pytest.fixture
def model(make_model, stack, recurrence):
    # In float64: where a memory is nearly empty, the norm of what is read of it makes much of float32's rounding.
    return make_model(dtype=torch.float64, recurrence=recurrence, **STACKS[stack])


@pytest.fixture
def tokens():
    """Two rows; many tokens are ␁ and ␂, where places begin and memories are emptied."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, 14, (2, LENGTH), generator=generator)
    marks = torch.randint(12, 14, (2, LENGTH), generator=generator)
    return torch.where(torch.rand(2, LENGTH, generator=generator) < 0.3, marks, tokens)


def read_in_parts(model, tokens, sizes, mask=None):
    """The logits (B, S, V) of all parts, and the state after the last."""
    logits, cache, done = [], None, 0
    with torch.no_grad():
        for part in tokens.split(sizes, dim=1):
            done += part.shape[1]
            attention_mask = None if mask is None else mask[:, :done]
            outputs = model(part, attention_mask=attention_mask, past_key_values=cache)
            cache = outputs.past_key_values
            logits.append(outputs.logits)
    return torch.cat(logits, dim=1), cache


def parts_of(layer):
    return [layer.keys, layer.values, *([layer.places] if hasattr(layer, "places") else [])]


def assert_equal_states(actual, expected):
    for layer, layer_expected in zip(actual.layers, expected.layers, strict=True):
        for part, part_expected in zip(parts_of(layer), parts_of(layer_expected), strict=True):
            torch.testing.assert_close(part, part_expected, rtol=0, atol=ATOL)


@pytest.mark.parametrize("sizes", [[5, 7], [1, 11], [11, 1], [4, 4, 4], [1] * LENGTH], ids=str)
def test_chunked_and_stepped(model, tokens, sizes):
    plain, state = read_in_parts(model, tokens, [LENGTH])
    parts, state_of_parts = read_in_parts(model, tokens, sizes)
    torch.testing.assert_close(parts, plain, rtol=0, atol=ATOL)
    assert_equal_states(state_of_parts, state)


@pytest.mark.parametrize("where", MASKS)
@pytest.mark.parametrize("sizes", [[LENGTH], [5, 7], [1] * LENGTH], ids=str)
def test_padded(model, tokens, where, sizes):
    mask = torch.tensor(MASKS[where])
    padded, state = read_in_parts(model, tokens, sizes, mask)
    for row in range(2):
        real = mask[row] == 1
        plain, plain_state = read_in_parts(model, tokens[row, real][None], [int(real.sum())])
        torch.testing.assert_close(padded[row, real], plain[0], rtol=0, atol=ATOL)
        alone = copy.deepcopy(state)
        alone.batch_select_indices(torch.tensor([row]))
        assert_equal_states(alone, plain_state)


@pytest.mark.parametrize("do_sample", [False, True], ids=["search", "sampling"])
def test_beams(model, tokens, do_sample):
    settings = {"num_beams": 3, "num_return_sequences": 3, "max_new_tokens": 6, "min_new_tokens": 6}
    beams = model.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        do_sample=do_sample,
        output_logits=True,
        return_dict_in_generate=True,
        **settings,
    )
    assert len({tuple(row) for row in beams.sequences[:3].tolist()}) == 3
    plain, _ = read_in_parts(model, beams.sequences, [LENGTH + 6])
    # The row of the step's batch that each returned sequence's token was chosen from.
    for step, rows in enumerate(beams.beam_indices.unbind(1)):
        chosen = beams.logits[step][rows]
        torch.testing.assert_close(chosen.to(plain.dtype), plain[:, LENGTH + step - 1], rtol=0, atol=ATOL)
