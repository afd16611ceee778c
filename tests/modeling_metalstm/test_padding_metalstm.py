import pytest
import torch

from modeling_metalstm.padding_metalstm import Padding, find_padding


def test_it_does_what_its_picture_shows():
    padding = Padding(torch.tensor([[0, 1, 0, 1, 1], [1, 1, 0, 0, 0]]) != 0)
    assert padding.lengths.tolist() == [3, 2]
    tokens = torch.tensor([[0, 11, 0, 12, 13], [21, 22, 0, 0, 0]])
    compact = padding.compact(tokens)
    assert compact[0].tolist() == [11, 12, 13] and compact[1, :2].tolist() == [21, 22]
    vectors = torch.stack([tokens, -tokens], dim=-1)
    assert torch.equal(padding.compact(vectors)[..., 1], -compact)
    before = torch.tensor([[-1.0], [-2.0]])
    spread = padding.spread(compact[..., None].float(), before)[..., 0]
    assert spread.tolist() == [[-1, 11, 11, 12, 13], [21, 22, 22, 22, 22]]


def test_a_batch_of_padding_alone_shows_the_state_before_it():
    padding = Padding(torch.zeros(1, 3, dtype=torch.bool))
    assert padding.lengths.tolist() == [0] and padding.compact(torch.zeros(1, 3)).shape == (1, 1)
    assert padding.spread(torch.zeros(1, 1, 1), torch.full((1, 1), 7.0)).flatten().tolist() == [7, 7, 7]


def test_only_the_input_s_columns_are_searched():
    assert find_padding(torch.ones(2, 3), 3) is None
    mask = torch.tensor([[0, 0, 1, 1], [0, 1, 1, 1]])
    assert find_padding(mask, 2) is None
    assert find_padding(mask, 3).lengths.tolist() == [2, 3]


@pytest.mark.parametrize("mask", [torch.ones(2, 3), torch.ones(1, 1, 4, 4)], ids=["short", "four-dimensional"])
def test_other_masks_are_refused(mask):
    with pytest.raises(ValueError, match="at least the 4 columns of the input, but its shape is"):
        find_padding(mask, 4)
