"""However a layer with a matrix memory reads a sequence, it is the equations of its docstring."""

import math
from functools import partial

import pytest
import torch

from modeling_metalstm import MetaLSTMConfig, MetaLSTMModel
from modeling_metalstm.delta_recurrence import delta_chunked
from modeling_metalstm.matrix_layer_metalstm import DELTA_MEMORIES, MEMORIES, MatrixMemoryLayer, MatrixState
from modeling_metalstm.matrix_recurrence import memory_chunked
from modeling_metalstm.place_metalstm import Marks

NUM_HEADS, HEAD_SIZE, NUM_SHIFTED = 2, 4, 1
TYPES = ["mlstm", "mlstm_example", "delta", "delta_example"]
MARKS = [12, 0, 1, 13, 5, 6, 12, 2, 13, 7, 12, 3]  # tokens of two sentence pairs and a half: 12 is ␁, 13 is ␂
PLACES = [0, 1, 2, 0, 1, 2, 0, 1, 0, 1, 0, 1]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setitem(MEMORIES, "chunked", partial(memory_chunked, chunk_size=5))
    monkeypatch.setitem(DELTA_MEMORIES, "chunked", partial(delta_chunked, chunk_size=5))


OPTIONS = {"num_shifted_heads": NUM_SHIFTED}


@pytest.fixture(params=[False, True], ids=["empty before start", "empty after start"], autouse=True)
def _when_empty(request, monkeypatch):
    monkeypatch.setitem(OPTIONS, "empty_after_start", request.param)


def draw(layer_type, input_size=6, length=12, dtype=torch.float64, seed=0):
    """A layer whose gates depend on the token, inputs (3, S, D), a state and marks."""
    torch.manual_seed(seed)
    layer = MatrixMemoryLayer(layer_type, input_size, NUM_HEADS * HEAD_SIZE, NUM_HEADS, **OPTIONS).to(dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.5)
    state = layer.empty_state(3)
    memory, output, keys = (torch.randn_like(part) for part in (state.memory, state.output, state.keys))
    state = MatrixState(memory, output, state.place, keys)
    return layer, torch.randn(3, length, input_size, dtype=dtype), state, marks_of(length)


def marks_of(length, batch_size=3):
    tokens = torch.tensor(MARKS[:length]).expand(batch_size, length)
    return Marks(tokens == 12, tokens >= 12)


def rows_of(state, rows):
    return MatrixState(*(part[rows] for part in state))


def parts_of(marks, *bounds):
    return Marks(*(part[:, slice(*bounds)] for part in marks[:2]))


def by_the_equations(layer, x, memory, keys, first=0):
    """One row (S, D), whose first token is that of MARKS, its memory (N, d, d) and the keys (M, d) before it: a loop
    over tokens and heads.
    """

    def norm(values, weight):
        values = values - values.mean()
        return values / (values.pow(2).mean() + 1e-6).sqrt() * weight

    def turn(vector, place):
        """The first half of the numbers are real parts, the second imaginary ones."""
        half = HEAD_SIZE // 2
        angles = place * math.pi * (torch.arange(half, dtype=x.dtype) + 0.5) / half
        turned = torch.complex(vector[:half], vector[half:]) * torch.exp(1j * angles)
        return torch.cat([turned.real, turned.imag])

    outputs, C, keys = [], list(memory), list(keys)
    for t, x_t in enumerate(x, first):
        u = norm(x_t, layer.norm.weight)
        q, k, v, o = (layer.in_proj.weight @ u + layer.in_proj.bias).reshape(4, NUM_HEADS, HEAD_SIZE)
        i, f = torch.sigmoid(layer.gates.weight @ u + layer.gates.bias).reshape(2, NUM_HEADS)
        read = []
        for head in range(NUM_HEADS):
            query, key, keep = q[head], k[head], f[head]
            if layer.is_turned:
                query, key = turn(query, PLACES[t]), turn(key, PLACES[t])
                keep = 0 if MARKS[t] == 12 and not layer.empty_after_start else keep
            if head < NUM_SHIFTED:
                key, keys[head] = keys[head], key
            if layer.is_delta:
                key = key / key.norm()
                C[head] = keep * C[head] + i[head] * torch.outer(key, v[head] - keep * C[head].T @ key)
            else:
                C[head] = keep * C[head] + i[head] * torch.outer(key, v[head]) / HEAD_SIZE**0.5
            read.append(torch.sigmoid(o[head]) * norm(C[head].T @ query, layer.head_norm.weight))
            if layer.is_turned and layer.empty_after_start and MARKS[t] == 12:
                C[head] = 0 * C[head]
        outputs.append((x_t if layer.resize is None else layer.resize.weight @ x_t) + layer.out_proj(torch.cat(read)))
    return torch.stack(outputs), torch.stack(C), torch.stack(keys)


@pytest.mark.parametrize("layer_type", TYPES)
@pytest.mark.parametrize("input_size", [6, NUM_HEADS * HEAD_SIZE])
@pytest.mark.parametrize("way", MEMORIES)
@pytest.mark.parametrize("length", [1, 2, 12])
def test_a_layer_is_its_equations_gradients_too(layer_type, input_size, way, length):
    layer, inputs, state, marks = draw(layer_type, input_size, length)
    leaves = [inputs.requires_grad_(), *(part.requires_grad_() for part in (state.memory, state.keys))]
    leaves += layer.parameters()
    rows = [by_the_equations(layer, *row) for row in zip(inputs, state.memory, state.keys, strict=True)]
    expected = [torch.stack(parts) for parts in zip(*rows, strict=True)]
    probes = [torch.randn_like(part) for part in expected]
    outputs, after = layer(inputs, state, way, marks)
    actual = [outputs, after.memory, after.keys]
    # The turn's angles are computed in float32.
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5)
    assert torch.equal(after.output, outputs[:, -1])
    assert after.place.tolist() == [PLACES[length - 1] if layer.is_turned else 0] * 3
    unused = {"allow_unused": True, "materialize_grads": True}  # a memory that is emptied at once
    for a, e in zip(
        torch.autograd.grad(actual, leaves, probes, **unused),
        torch.autograd.grad(expected, leaves, probes, **unused),
        strict=True,
    ):
        torch.testing.assert_close(a, e, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer_type", ["mlstm_example", "delta_example"])
@pytest.mark.parametrize("way", MEMORIES)
def test_an_example_goes_on_by_its_equations_gradients_too(layer_type, way):
    """Three rows that go on at other tokens: what was before counts until a row's next ␁."""
    layer, inputs, state, _ = draw(layer_type, length=7)
    firsts = [0, 2, 5]
    tokens = torch.tensor([MARKS[first : first + 7] for first in firsts])
    marks = Marks(tokens == 12, tokens >= 12)
    state = state._replace(place=torch.tensor([9, PLACES[1], PLACES[4]]))  # the first row opens an example
    leaves = [inputs.requires_grad_(), *(part.requires_grad_() for part in (state.memory, state.keys))]
    leaves += layer.parameters()
    rows = [by_the_equations(layer, *row) for row in zip(inputs, state.memory, state.keys, firsts, strict=True)]
    expected = [torch.stack(parts) for parts in zip(*rows, strict=True)]
    probes = [torch.randn_like(part) for part in expected]
    outputs, after = layer(inputs, state, way, marks)
    actual = [outputs, after.memory, after.keys]
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5)
    assert after.place.tolist() == [PLACES[first + 6] for first in firsts]
    gradients = torch.autograd.grad(actual, leaves, probes)
    for a, e in zip(gradients, torch.autograd.grad(expected, leaves, probes), strict=True):
        torch.testing.assert_close(a, e, rtol=1e-4, atol=1e-4)
    assert gradients[1][1].any() and gradients[1][2].any()
    assert gradients[1][0].any() == layer.empty_after_start  # the first row's memory is for its ␁ at most


@pytest.mark.parametrize("layer_type", TYPES)
@pytest.mark.parametrize("way", MEMORIES)
@pytest.mark.parametrize("sizes", [[5, 7], [1, 11], [1] * 12], ids=str)
@torch.no_grad()
def test_parts_are_the_whole(layer_type, way, sizes):
    layer, inputs, state, marks = draw(layer_type)
    expected, last = layer(inputs, state, way, marks)
    outputs, done = [], 0
    for part in inputs.split(sizes, dim=1):
        here = parts_of(marks, done, done + part.shape[1])
        read, state = layer(part, state, "reference" if part.shape[1] == 1 else way, here)
        outputs.append(read)
        done += part.shape[1]
    torch.testing.assert_close(torch.cat(outputs, dim=1), expected)
    torch.testing.assert_close(state, last)


@pytest.mark.parametrize("layer_type", TYPES)
@pytest.mark.parametrize("way", MEMORIES)
@pytest.mark.parametrize("length", [1, 12])
@torch.no_grad()
def test_rows_of_their_own_lengths_are_rows_on_their_own(layer_type, way, length):
    layer, inputs, state, marks = draw(layer_type, length=length)
    lengths = torch.tensor([length, length // 2, 0])
    outputs, after = layer(inputs, state, way, marks, lengths)
    for kept, old in zip(after, state, strict=True):
        assert torch.equal(kept[2], old[2])  # an empty row passes its state through
    for row, tokens in enumerate(lengths.tolist()):
        if tokens:
            here = slice(row, row + 1)
            read, last = layer(inputs[here, :tokens], rows_of(state, here), way, marks_of(tokens, 1))
            torch.testing.assert_close(outputs[here, :tokens], read)
            torch.testing.assert_close(rows_of(after, here), last)


@pytest.mark.parametrize("layer_type", TYPES)
@pytest.mark.parametrize("input_size", [6, NUM_HEADS * HEAD_SIZE])
@pytest.mark.parametrize("dtype, bound", [(torch.float64, 1e-5), (torch.float32, 1e-4)], ids=str)
@torch.no_grad()
def test_a_step_by_frozen_weights_is_a_token_by_the_reference(layer_type, input_size, dtype, bound):
    layer, inputs, state, marks = draw(layer_type, input_size, dtype=dtype, seed=1)
    frozen = state
    with layer.frozen_weights():
        for t in range(12):
            here, token = parts_of(marks, t, t + 1), inputs[:, t : t + 1]
            expected, state = layer(token, state, "reference", here)
            outputs, frozen = layer(token, frozen, "step", here)
            torch.testing.assert_close(outputs, expected, rtol=bound, atol=bound)
            torch.testing.assert_close(frozen, state, rtol=bound, atol=bound)
    assert layer.layouts is None


@pytest.mark.parametrize("layer_type", TYPES)
@torch.no_grad()
def test_a_step_in_half_precision_is_close_to_the_reference_in_float32(layer_type):
    layer, inputs, state, marks = draw(layer_type, dtype=torch.float32)
    layer, inputs = layer.bfloat16(), inputs.bfloat16()
    frozen = plain = state._replace(output=state.output.bfloat16())
    stepped, read = [], []
    with layer.frozen_weights():
        for t in range(12):
            here, token = parts_of(marks, t, t + 1), inputs[:, t : t + 1]
            outputs, frozen = layer(token, frozen, "step", here)
            stepped.append(outputs)
            outputs, plain = layer(token, plain, "reference", here)
            read.append(outputs)
    assert stepped[0].dtype == torch.bfloat16 and frozen.memory.dtype == torch.float32
    exact, last = layer.float()(inputs.float(), state, "reference", marks)
    for outputs, after in ((stepped, frozen), (read, plain)):
        assert (torch.cat(outputs, dim=1) - exact).norm() <= 3e-2 * exact.norm()
        assert (after.memory - last.memory).norm() <= 3e-2 * last.memory.norm()
        assert torch.equal(after.place, last.place)


@pytest.mark.parametrize("layer_type", TYPES)
@pytest.mark.parametrize("way", MEMORIES)
def test_half_precision_keeps_its_memory_in_float32(layer_type, way):
    layer, inputs, state, marks = draw(layer_type, dtype=torch.float32)
    expected, last = layer(inputs, state, way, marks)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, after = layer(inputs, state, way, marks)
    assert after.memory.dtype == torch.float32
    assert (outputs - expected).norm() <= 3e-2 * expected.norm()
    assert (after.memory - last.memory).norm() <= 3e-2 * last.memory.norm()
    half, inputs = layer.bfloat16(), inputs.bfloat16()
    empty = half.empty_state(3)
    assert (empty.memory.dtype, empty.output.dtype) == (torch.float32, torch.bfloat16)
    outputs, after = half(inputs, empty._replace(memory=state.memory, keys=state.keys), way, marks)
    assert (outputs.dtype, after.memory.dtype) == (torch.bfloat16, torch.float32)
    assert (after.memory - last.memory).norm() <= 5e-2 * last.memory.norm()


@pytest.mark.parametrize("layer_type", TYPES)
def test_a_fresh_layer_remembers_and_looks_for_its_own_keys(layer_type):
    """Of four heads the first forgets half with every token, the last one in 280 tokens."""
    config = MetaLSTMConfig(embedding_size=8, hidden_size=8, num_heads=4, layer_types=[layer_type])
    (layer,) = MetaLSTMModel(config).mlstm
    keep = torch.sigmoid(layer.gates.bias.chunk(2)[1]).tolist()
    assert not layer.gates.weight.any() and keep == sorted(keep)
    assert keep[0] == 0.5 and abs(keep[-1] ** 280 - 0.5) < 0.01
    queries, keys, values, _ = layer.in_proj.weight.chunk(4)
    assert torch.equal(queries, keys) and not torch.equal(keys, values)
