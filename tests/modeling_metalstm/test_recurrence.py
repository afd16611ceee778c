import pytest
import torch
import torch.nn.functional as F
from torch import nn

from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM
from modeling_metalstm.dispatch_metalstm import IMPLEMENTATIONS, WIDE
from modeling_metalstm.recurrence import lstm_from_gates, lstm_reference
from modeling_metalstm.recurrence_cpu import MANY, lstm_cpu

NAMES = ["reference", "cpu", "nn_lstm"]
ON_GATES = {"reference": lstm_reference, "cpu": lstm_cpu}
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 5e-2}


def draw(seed, batch_size, length, dtype, embedding_size=5, hidden_size=7):
    """An nn.LSTM with its weights as a list, and inputs, hidden and cell states, all of them needing gradients."""
    torch.manual_seed(seed)
    lstm = nn.LSTM(embedding_size, hidden_size, batch_first=True).to(dtype)
    inputs = torch.randn(batch_size, length, embedding_size, dtype=dtype, requires_grad=True)
    h0, c0 = (torch.randn(batch_size, hidden_size, dtype=dtype, requires_grad=True) for _ in range(2))
    return lstm, list(lstm.parameters()), inputs, h0, c0


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("length", [1, 2, 17])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_every_recurrence_is_nn_lstm_gradients_too(name, seed, length, dtype):
    lstm, weights, inputs, h0, c0 = draw(seed, 3, length, dtype)
    leaves = [*weights, inputs, h0, c0]
    expected = lstm(inputs, (h0[None], c0[None]))
    expected = (expected[0], expected[1][0][0], expected[1][1][0])
    probes = [torch.randn_like(value) for value in expected]
    expected_gradients = torch.autograd.grad(expected, leaves, probes)

    actual = IMPLEMENTATIONS[name](inputs, h0, c0, weights)
    gradients = torch.autograd.grad(actual, leaves, [p.to(a.dtype) for p, a in zip(probes, actual, strict=True)])
    for a, e in zip((*actual, *gradients), (*expected, *expected_gradients), strict=True):
        scale = max(1.0, float(e.detach().abs().max()))
        assert (a.to(e.dtype) - e).abs().max() <= TOLERANCE[dtype] * scale


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_their_own_lengths_are_rows_on_their_own(name):
    _, weights, inputs, h0, c0 = draw(0, 4, 9, torch.float64)
    lengths = torch.tensor([9, 4, 0, 1])
    outputs, h, c = IMPLEMENTATIONS[name](inputs, h0, c0, weights, lengths)
    total = torch.zeros((), dtype=torch.float64)
    for row, length in enumerate(lengths.tolist()):
        if length == 0:
            assert torch.equal(h[row], h0[row]) and torch.equal(c[row], c0[row])
            continue
        here = slice(row, row + 1)
        alone = IMPLEMENTATIONS[name](inputs[here, :length], h0[here], c0[here], weights)
        torch.testing.assert_close(outputs[row, :length], alone[0][0], rtol=0, atol=1e-12)
        torch.testing.assert_close(h[row], alone[1][0], rtol=0, atol=1e-12)
        torch.testing.assert_close(c[row], alone[2][0], rtol=0, atol=1e-12)
        total = total + alone[1].sum() + alone[2].sum()
    # An empty row passes its state through, and padding gets no gradient.
    total = total + h0[2].sum() + c0[2].sum()
    leaves = [*weights, inputs, h0, c0]
    for a, e in zip(torch.autograd.grad(h.sum() + c.sum(), leaves), torch.autograd.grad(total, leaves), strict=True):
        torch.testing.assert_close(a, e, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ON_GATES)
def test_half_precision_accumulates_the_cell_state_in_float32(name):
    """A forget gate that stays open adds 1/512 to the cell state 512 times; bfloat16 alone would stall at 0.5."""
    gates = torch.zeros(1, 512, 4, dtype=torch.bfloat16)
    gates[..., 0], gates[..., 1], gates[..., 2] = -6.236, 40.0, 40.0  # σ(-6.236) ≈ 1/512
    zeros = torch.zeros(1, 1, dtype=torch.bfloat16)
    _, _, c = ON_GATES[name](gates, zeros, zeros, torch.zeros(4, 1, dtype=torch.bfloat16))
    assert c.dtype == torch.float32 and abs(float(c) - 1) < 0.05


@pytest.mark.parametrize("dtype, bound", [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)], ids=str)
@pytest.mark.parametrize("name", ["cpu", "nn_lstm", "folded", "auto"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_gradients_of_a_training_step_are_the_reference_s(name, dtype, bound, num_layers):
    """A wide model under autocast, as it is trained: the gradient of every parameter, in ‖·‖, against float32's."""
    torch.manual_seed(0)
    config = MetaLSTMConfig(embedding_size=32, hidden_size=WIDE, num_hidden_layers=num_layers, recurrence="reference")
    model = MetaLSTMForCausalLM(config)
    tokens = torch.randint(0, 14, (4, 41))

    def gradients():
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = model(tokens, labels=tokens, use_cache=False).loss
        return torch.autograd.grad(loss, list(model.parameters()))

    with torch.autocast("cpu", enabled=False):
        loss = model(tokens, labels=tokens, use_cache=False).loss
    expected = torch.autograd.grad(loss, list(model.parameters()))
    model.config.recurrence = name
    for (parameter_name, _), a, e in zip(model.named_parameters(), gradients(), expected, strict=True):
        assert (a - e).norm() <= bound * e.norm(), parameter_name


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("name", ["nn_lstm", "folded", "auto"])
@pytest.mark.parametrize("layer_types", [["lstm", "lstm"], ["lstm", "mlstm_example", "delta"]], ids=str)
def test_gradients_of_any_stack_under_autocast_stay_close(device, name, layer_types):
    torch.manual_seed(0)
    config = MetaLSTMConfig(embedding_size=32, hidden_size=WIDE, layer_types=layer_types, recurrence=name)
    model = MetaLSTMForCausalLM(config).to(device)
    tokens = torch.randint(0, 14, (16, 41), device=device)
    exact = torch.autograd.grad(model(tokens, labels=tokens, use_cache=False).loss, list(model.parameters()))
    with torch.autocast(device, torch.bfloat16):
        loss = model(tokens, labels=tokens, use_cache=False).loss
    actual = torch.autograd.grad(loss, list(model.parameters()))
    whole = torch.stack([e.norm() for e in exact]).norm()
    for (parameter_name, _), a, e in zip(model.named_parameters(), actual, exact, strict=True):
        # A memory's gates have gradients that are small sums of large terms: bfloat16 is a tenth off, everywhere.
        bound = 2e-3 * whole if ".gates." in parameter_name else 5e-2 * e.norm()
        assert (a - e).norm() <= bound, parameter_name


@pytest.mark.parametrize("table_size", [9, MANY + 1])
@pytest.mark.parametrize("lengths", [None, [5, 0, 3]], ids=["whole", "padded"])
@pytest.mark.parametrize("name", ON_GATES)
def test_looking_up_in_a_table_is_an_embedding_s_gates(name, lengths, table_size):
    torch.manual_seed(0)
    table, weight = torch.randn(table_size, 12, dtype=torch.float64), torch.randn(12, 3, dtype=torch.float64)
    h0, c0 = torch.randn(2, 3, 3, dtype=torch.float64)
    tokens = torch.randint(0, 8, (3, 5))
    leaves = [leaf.requires_grad_() for leaf in (table, h0, c0, weight)]
    lengths = None if lengths is None else torch.tensor(lengths)
    actual = lstm_from_gates(ON_GATES[name], *leaves, tokens, lengths)
    expected = lstm_from_gates(lstm_reference, F.embedding(tokens, table), *leaves[1:], None, lengths)
    probes = [torch.randn_like(value) for value in expected]
    if lengths is not None:  # outputs beyond a row's length mean nothing
        real = torch.arange(5) < lengths[:, None]
        actual, expected = [(outputs[real], h, c) for outputs, h, c in (actual, expected)]
        probes[0] = probes[0][real]
    torch.testing.assert_close(actual, expected)
    for a, e in zip(
        torch.autograd.grad(actual, leaves, probes), torch.autograd.grad(expected, leaves, probes), strict=True
    ):
        torch.testing.assert_close(a, e)
