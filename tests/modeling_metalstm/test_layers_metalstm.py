import pytest
import torch
from torch import nn

from modeling_metalstm import MetaLSTMConfig
from modeling_metalstm.dispatch_metalstm import IMPLEMENTATIONS
from modeling_metalstm.layers_metalstm import MetaLSTMLayers


@pytest.mark.parametrize("recurrence", [name for name in IMPLEMENTATIONS if name != "step"])
def test_layer_after_layer_is_nn_lstm_with_the_same_state_dict(recurrence):
    theirs = nn.LSTM(5, 7, num_layers=3, batch_first=True).double()
    ours = MetaLSTMLayers(MetaLSTMConfig(embedding_size=5, hidden_size=7, num_hidden_layers=3)).double()
    ours.load_state_dict(theirs.state_dict())
    assert list(ours.state_dict()) == list(theirs.state_dict())

    inputs, h0, c0 = (torch.randn(shape, dtype=torch.float64) for shape in ((2, 6, 5), (3, 2, 7), (3, 2, 7)))
    expected, (h_expected, c_expected) = theirs(inputs, (h0, c0))
    for layer in range(3):
        inputs, h, c = ours(layer, recurrence, inputs, h0[layer], c0[layer])
        torch.testing.assert_close(h, h_expected[layer])
        torch.testing.assert_close(c, c_expected[layer])
    torch.testing.assert_close(inputs, expected)


@pytest.mark.parametrize("recurrence", [name for name in IMPLEMENTATIONS if name != "step"])
def test_tokens_and_a_vocabulary_are_their_vectors(recurrence):
    layers = MetaLSTMLayers(MetaLSTMConfig(embedding_size=5, hidden_size=7)).double()
    vocabulary, h0, c0 = (torch.randn(shape, dtype=torch.float64) for shape in ((9, 5), (2, 7), (2, 7)))
    tokens, lengths = torch.randint(0, 9, (2, 6)), torch.tensor([6, 2])
    actual = layers(0, recurrence, tokens, h0, c0, lengths, vocabulary)
    expected = layers(0, recurrence, vocabulary[tokens], h0, c0, lengths)
    torch.testing.assert_close(actual[0][0], expected[0][0])
    torch.testing.assert_close(actual[0][1, :2], expected[0][1, :2])  # what is beyond a row's length means nothing
    torch.testing.assert_close(actual[1:], expected[1:])
