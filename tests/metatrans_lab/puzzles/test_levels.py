import pytest

from metatrans_lab.errors import UserError
from metatrans_lab.puzzles.levels import LEVELS, PHENOMENA, Wanted


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((6, "1"), "level must be between 1 and 5, got 6"),
        ((1, "1", ()), "phenomena must be some of adjectives, "),
        ((1, "1", ("adjective",)), "got 'adjective'; did you mean 'adjectives'?"),
        ((1, "1", ("order", "verbs")), "order is of languages that have no other phenomenon; leave out the others"),
        ((1, "1", None, 3), "words must be between 4 and 20, got 3"),
        ((1, "1", None, None, 1), "examples must be between 2 and 24, got 1"),
        ((1, "1", None, None, None, "cvx"), "sounds must be one of CV, CVC, CVN, VCV, CCV, got 'cvx'"),
    ],
)
def test_what_can_t_be_is_told_in_a_sentence(arguments, message):
    with pytest.raises(UserError) as error:
        Wanted(*arguments)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_levels_grow():
    levels = [LEVELS[number] for number in sorted(LEVELS)]
    for name in ("words", "num_phenomena"):
        sizes = [getattr(level, name) for level in levels]
        assert sizes == sorted(sizes)
    assert [sum(level.questions) for level in levels] == sorted(sum(level.questions) for level in levels)
    assert {name for level in levels for name in level.phenomena} == set(PHENOMENA)
    assert all(level.num_phenomena <= len(level.phenomena) for level in levels)
