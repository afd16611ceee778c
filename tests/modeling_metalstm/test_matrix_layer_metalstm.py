"""However a layer with a matrix memory reads a sequence, it is the equations of its docstring."""

import pytest
import torch

from modeling_metalstm import matrix_layer_metalstm
from modeling_metalstm.matrix_layer_metalstm import MatrixMemoryLayer

NUM_HEADS, HEAD_SIZE = 2, 4


def draw(input_size=6, length=12, dtype=torch.float64):
    """A layer whose gates depend on the token, inputs (3, S, D) and a memory."""
    torch.manual_seed(0)
    layer = MatrixMemoryLayer(input_size, NUM_HEADS * HEAD_SIZE, NUM_HEADS).to(dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.5)
    memory = torch.randn_like(layer.empty_memory(3))
    return layer, torch.randn(3, length, input_size, dtype=dtype), memory


def by_the_equations(layer, x, memory):
    """One row (S, D) and its memory (N, d, d), as the docstring has it: a loop over tokens and heads."""

    def norm(values, weight):
        return values / (values.pow(2).mean() + 1e-6).sqrt() * weight

    outputs, C = [], list(memory)
    for x_t in x:
        u = norm(x_t, layer.norm.weight)
        q, k, v, o = (layer.in_proj.weight @ u).reshape(4, NUM_HEADS, HEAD_SIZE)
        i, f = torch.sigmoid(layer.gates.weight @ u + layer.gates.bias).reshape(2, NUM_HEADS)
        read = []
        for head in range(NUM_HEADS):
            C[head] = f[head] * C[head] + i[head] * torch.outer(k[head], v[head]) / HEAD_SIZE**0.5
            read.append(torch.sigmoid(o[head]) * norm(C[head].T @ q[head], layer.head_norm.weight))
        outputs.append((x_t if layer.resize is None else layer.resize.weight @ x_t) + layer.out_proj(torch.cat(read)))
    return torch.stack(outputs), torch.stack(C)


@pytest.mark.parametrize("input_size", [6, NUM_HEADS * HEAD_SIZE])
@pytest.mark.parametrize("long, chunk_size", [(128, 64), (3, 5), (1, 1)])
@pytest.mark.parametrize("length", [1, 2, 12])
def test_a_layer_is_its_equations_gradients_too(monkeypatch, input_size, long, chunk_size, length):
    monkeypatch.setattr(matrix_layer_metalstm, "LONG", long)
    monkeypatch.setattr(matrix_layer_metalstm, "CHUNK_SIZE", chunk_size)
    layer, inputs, memory = draw(input_size, length)
    leaves = [inputs.requires_grad_(), memory.requires_grad_(), *layer.parameters()]
    rows = [by_the_equations(layer, *row) for row in zip(inputs, memory, strict=True)]
    expected = [torch.stack(parts) for parts in zip(*rows, strict=True)]
    probes = [torch.randn_like(part) for part in expected]
    actual = layer(inputs, memory)
    torch.testing.assert_close(list(actual), expected, rtol=0, atol=1e-10)
    for a, e in zip(
        torch.autograd.grad(actual, leaves, probes), torch.autograd.grad(expected, leaves, probes), strict=True
    ):
        torch.testing.assert_close(a, e, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("sizes", [[5, 7], [1, 11], [1] * 12], ids=str)
@torch.no_grad()
def test_parts_are_the_whole(sizes):
    layer, inputs, memory = draw()
    expected, last = layer(inputs, memory)
    outputs = []
    for part in inputs.split(sizes, dim=1):
        read, memory = layer(part, memory)
        outputs.append(read)
    torch.testing.assert_close(torch.cat(outputs, dim=1), expected)
    torch.testing.assert_close(memory, last)


@pytest.mark.parametrize("length", [1, 12])
@torch.no_grad()
def test_rows_of_their_own_lengths_are_rows_on_their_own(length):
    layer, inputs, memory = draw(length=length)
    lengths = torch.tensor([length, length // 2, 0])
    outputs, after = layer(inputs, memory, lengths)
    assert torch.equal(after[2], memory[2])  # an empty row passes its memory through
    for row, tokens in enumerate(lengths.tolist()):
        if tokens:
            here = slice(row, row + 1)
            read, last = layer(inputs[here, :tokens], memory[here])
            torch.testing.assert_close(outputs[here, :tokens], read)
            torch.testing.assert_close(after[here], last)


def test_half_precision_keeps_its_memory_in_float32():
    layer, inputs, memory = draw(dtype=torch.float32)
    expected, last = layer(inputs, memory)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, after = layer(inputs, memory)
    assert after.dtype == torch.float32
    assert (outputs - expected).norm() <= 2e-2 * expected.norm() and (after - last).norm() <= 2e-2 * last.norm()
    half, inputs = layer.bfloat16(), inputs.bfloat16()
    outputs, after = half(inputs, half.empty_memory(3) + memory)
    assert (outputs.dtype, after.dtype) == (torch.bfloat16, torch.float32)
    assert (after - last).norm() <= 5e-2 * last.norm()


def test_the_heads_of_a_fresh_layer_forget_at_different_rates():
    """The first forgets half with every token, the last one in 280 tokens."""
    layer = MatrixMemoryLayer(8, 8, 4)
    keep = torch.sigmoid(layer.gates.bias.chunk(2)[1]).tolist()
    assert not layer.gates.weight.any() and keep == sorted(keep)
    assert keep[0] == 0.5 and abs(keep[-1] ** 280 - 0.5) < 0.01


def test_heads_share_the_width():
    with pytest.raises(ValueError, match=r"`hidden_size` \(10\) must be a multiple of the 4 heads\.$"):
        MatrixMemoryLayer(8, 10, 4)
