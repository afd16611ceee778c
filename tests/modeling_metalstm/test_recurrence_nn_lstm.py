import pytest
import torch
import torch.nn.functional as F
from torch import nn

from modeling_metalstm.recurrence_nn_lstm import fold, lstm_fused


@pytest.mark.parametrize("lengths", [None, [5, 0, 3]], ids=["whole", "padded"])
@pytest.mark.parametrize("vocab_size", [15, 130])
def test_folded_inputs_make_the_same_products(vocab_size, lengths):
    torch.manual_seed(0)
    weights = list(nn.LSTM(5, 7).double().parameters())
    h0, c0 = (torch.randn(3, 7, dtype=torch.float64, requires_grad=True) for _ in range(2))
    vocabulary = torch.randn(vocab_size, 5, dtype=torch.float64, requires_grad=True)
    tokens = torch.randint(0, vocab_size, (3, 5))
    lengths = None if lengths is None else torch.tensor(lengths)
    inputs, weight_ih = fold(tokens, vocabulary, weights[0])
    assert inputs.shape[-1] == weight_ih.shape[-1] == (128 if vocab_size <= 128 else 256)
    torch.testing.assert_close(inputs @ weight_ih.T, F.embedding(tokens, vocabulary) @ weights[0].T)
    actual = lstm_fused(tokens, h0, c0, weights, lengths, vocabulary)
    expected = lstm_fused(F.embedding(tokens, vocabulary), h0, c0, weights, lengths)
    torch.testing.assert_close(actual, expected)
    leaves = [vocabulary, *weights, h0, c0]
    probe = torch.randn_like(actual[1])
    for a, e in zip(
        torch.autograd.grad((actual[1] * probe).sum(), leaves),
        torch.autograd.grad((expected[1] * probe).sum(), leaves),
        strict=True,
    ):
        torch.testing.assert_close(a, e)
