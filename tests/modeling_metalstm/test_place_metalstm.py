import torch

from modeling_metalstm.place_metalstm import Marks, draw_offsets, find_marks, find_marks_of_vectors

START, TRANSLATION = 12, 13
TOKENS = torch.tensor(
    [
        [12, 0, 1, 13, 5, 6, 12, 2, 13, 7],
        [3, 4, 13, 5, 12, 12, 13, 13, 0, 1],
    ]
)
PLACES = [[0, 1, 2, 0, 1, 2, 0, 1, 0, 1], [1, 2, 0, 1, 0, 0, 0, 0, 1, 2]]


def marks_of(tokens, max_offset=0):
    return find_marks(tokens, START, TRANSLATION, max_offset)


def test_places_count_from_the_last_mark():
    assert marks_of(TOKENS).places(torch.zeros(2, dtype=torch.long)).tolist() == PLACES


def test_they_go_on_from_the_place_before():
    before = torch.tensor([4, 4])
    assert marks_of(TOKENS).places(before).tolist() == [PLACES[0], [5, 6, *PLACES[1][2:]]]
    for end in range(1, 10):
        first, second = marks_of(TOKENS[:, :end]), marks_of(TOKENS[:, end:])
        places = first.places(torch.zeros(2, dtype=torch.long))
        assert torch.cat([places, second.places(places[:, -1])], dim=1).tolist() == PLACES


def test_token_by_token_is_all_at_once():
    place, places = torch.zeros(2, dtype=torch.long), []
    for t in range(10):
        place = marks_of(TOKENS[:, t : t + 1]).places(place)[:, 0]
        places.append(place)
    assert torch.stack(places, dim=1).tolist() == PLACES


def test_vectors_have_the_marks_of_their_tokens():
    embeddings = torch.randn(15, 4)
    vectors = embeddings[TOKENS]
    for changed in (vectors, vectors + 1e-3 * torch.randn_like(vectors), 0.01 * vectors, vectors.requires_grad_()):
        marks = find_marks_of_vectors(changed, embeddings, START, TRANSLATION)
        assert torch.equal(marks.starts, TOKENS == START) and torch.equal(marks.sentences, TOKENS >= START)
        assert marks.offsets is None


def test_vectors_of_no_token_are_no_marks():
    embeddings = torch.randn(15, 64)
    for vectors in (torch.zeros(2, 10, 64), torch.randn(2, 10, 64)):
        assert not find_marks_of_vectors(vectors, embeddings, START, TRANSLATION).sentences.any()


def test_an_example_is_shifted_as_a_whole():
    offsets = torch.arange(20).view(2, 10)
    marks = Marks(TOKENS == START, TOKENS >= START, offsets)
    shifted = marks.places(torch.zeros(2, dtype=torch.long)) - torch.tensor(PLACES)
    # Before a row's first ␁ nothing is shifted.
    assert shifted.tolist() == [[0] * 6 + [6] * 4, [0] * 4 + [14] + [15] * 5]


def test_examples_are_shifted_by_different_numbers_within_the_range():
    tokens = torch.randint(0, 12, (50, 40), generator=torch.Generator().manual_seed(0))
    tokens[:, ::8], tokens[:, 4::8] = START, TRANSLATION  # five examples, of three words each
    assert marks_of(tokens).offsets is None
    before = torch.zeros(50, dtype=torch.long)
    shifts = (marks_of(tokens, 32).places(before) - marks_of(tokens).places(before)).unflatten(1, (5, 8))
    assert (shifts == shifts[..., :1]).all() and shifts.min() == 0 and shifts.max() == 32
    assert (shifts[:, 1:, 0] != shifts[:, :-1, 0]).float().mean() > 0.9
    # All rows begin with the same token and go on differently.
    assert len(shifts[:, 0].unique()) == 1 and len(shifts[:, 1, 0].unique()) > 20


def test_offsets_of_any_vocabulary_and_length_are_in_range():
    """Where the hash's sums pass 2⁶³ they go on modulo 2⁶⁴, which leaves their last 31 bits."""
    tokens = torch.randint(0, 1 << 20, (2, 20_000), generator=torch.Generator().manual_seed(0))
    offsets = draw_offsets(tokens, 6)
    assert offsets.min() == 0 and offsets.max() == 6
    total = sum((token + 1) * (n * 0x9E3779B1 % (1 << 31)) for n, token in enumerate(tokens[0].tolist(), 1))
    assert total >= 1 << 63
    read = total % (1 << 31)
    mixed = (read ^ (read >> 15)) * 0x2C1B3C6D % (1 << 31)
    assert int(offsets[0, -1]) == (mixed ^ (mixed >> 12)) % 7


def test_offsets_are_as_good_as_random_and_know_no_later_token():
    tokens = torch.randint(0, 15, (500, 40), generator=torch.Generator().manual_seed(0))
    offsets = draw_offsets(tokens, 31)
    assert torch.equal(offsets, draw_offsets(tokens, 31))
    counts = offsets[:, 1:].flatten().bincount(minlength=32)
    assert len(counts) == 32 and (counts - counts.float().mean()).abs().max() < 0.2 * counts.float().mean()
    neighbours = torch.corrcoef(torch.stack([offsets[:, 1:-1].flatten(), offsets[:, 2:].flatten()]).float())[0, 1]
    assert abs(neighbours) < 0.03
    changed = tokens.clone()
    changed[:, 20] = (changed[:, 20] + 1) % 15
    after = draw_offsets(changed, 31)
    assert torch.equal(after[:, :20], offsets[:, :20])
    assert (after[:, 20:] != offsets[:, 20:]).float().mean() > 0.9
