from functools import cache

import pytest

from metatrans_lab.puzzles.levels import Wanted
from metatrans_lab.puzzles.making import Puzzle, make


@cache
def _made(wanted: Wanted) -> Puzzle:
    return make(wanted)


@pytest.fixture
def made():
    """`made(2, "7")` is the puzzle of level 2 and of the seed 7, made once for all tests."""
    return lambda level, seed="7", *more: _made(Wanted(level, seed, *more))
