from types import SimpleNamespace

import pytest
import torch

from modeling_metalstm.reading_metalstm import Reading, batch_alike, batch_padded, columns_at_once


@pytest.fixture(autouse=True)
def _few_tokens(monkeypatch):
    monkeypatch.setattr("modeling_metalstm.reading_metalstm.MAX_TOKENS", 24)


def test_as_many_tokens_as_fit_are_read_at_once():
    assert [columns_at_once(rows) for rows in (1, 5, 24, 100)] == [24, 4, 1, 1]


def test_padded_questions_keep_their_order():
    assert list(batch_padded([3, 4, 3, 6, 2, 9], rows_each=2)) == [[0, 1, 2], [3, 4], [5]]
    assert list(batch_padded([100, 100], rows_each=2)) == [[0], [1]]


def test_unpadded_questions_are_asked_with_those_of_their_length():
    assert list(batch_alike([3, 4, 3, 3, 4], rows_each=2, num_read=0)) == [[0, 2, 3], [1, 4]]
    assert list(batch_alike([3, 4, 3, 3, 4], rows_each=2, num_read=2)) == [[0, 2], [3], [1, 4]]
    assert list(batch_alike([3, 3], rows_each=2, num_read=100)) == [[0], [1]]


class Forgetful(torch.nn.Module):
    """Gives the sum of what it reads at once as every score, and no state."""

    def forward(self, input_ids, **kwargs):
        return SimpleNamespace(logits=input_ids.cumsum(1)[..., None].float())


@pytest.mark.parametrize("is_forgetful", [False, True])
def test_it_goes_on_where_it_was_and_copies_are_their_own(make_model, is_forgetful):
    model = Forgetful() if is_forgetful else make_model()
    tokens, more = torch.randint(0, 12, (2, 30)), torch.randint(0, 12, (3, 4))
    with torch.no_grad():
        reading = Reading(model)
        first = reading.read(tokens)[:, -1]
        expected = model(input_ids=tokens).logits[:, -1]
        torch.testing.assert_close(first, expected)
        rows = torch.tensor([1, 0, 1])
        for _ in range(2):  # the first copy leaves what it was made of as it was
            copy = reading.copy(rows)
            whole = model(input_ids=torch.cat([tokens[rows], more], dim=1)).logits[:, -4:]
            torch.testing.assert_close(copy.read(more, logits_to_keep=0), whole)
        torch.testing.assert_close(
            reading.copy().read(tokens)[:, -1], model(input_ids=torch.cat([tokens, tokens], 1)).logits[:, -1]
        )
