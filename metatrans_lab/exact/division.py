"""Words that are read as a stem and affixes though nothing divides them: `cats`, `nekora`.

An affix is thought of where a word and the same word with it both occur. Which affixes there are is decided by how
probable the translations then are: a unit that was heard costs nothing, a new one is one of many, and an example that
no language explains is as good as none. So `cats = nekora` is read as `cat-s = neko-ra` where `cat = neko` is there,
and another noun is as regular. An affix may then be taken off all words that end, or begin, with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

from metatrans_lab.exact.words import Affix, Division

SHORTEST_STEM, LONGEST_AFFIX = 2, 4
"""In letters."""

MAX_TRIED, MAX_AFFIXES = 3, 3
"""Of each side: affixes that most words have, which are tried; and how many there may be."""

ROUNDING = 1e-9
"""Of the logarithm of a probability."""

Divisions = tuple[Division, Division]
"""Of both sides."""


def affixes(words: Iterable[str]) -> list[Affix]:
    """The affixes of one side that are worth trying.

    Args:
        words: of the side, as keys.
    """
    known = set(words)
    count: dict[Affix, int] = {}
    for word in known:
        for size in range(1, min(LONGEST_AFFIX, len(word) - SHORTEST_STEM) + 1):
            for affix in (Affix(word[:size], True), Affix(word[-size:], False)):
                if affix.letters.isalpha() and affix.stem(word) in known:
                    count[affix] = count.get(affix, 0) + 1
    return sorted(count, key=lambda affix: (-count[affix], affix))[:MAX_TRIED]


def best_division(tried: tuple[list[Affix], list[Affix]], worth: Callable[[Divisions], float]) -> Divisions:
    """The divisions of both sides that are worth most, found by one better step after another.

    Args:
        tried: affixes of both sides. worth: of divisions: the logarithm of the examples' probability.
    """
    best: Divisions = ((), ())
    most = worth(best)
    while True:
        steps = ((worth(one), one) for one in _steps(best, tried))
        found = max(steps, key=lambda pair: (round(pair[0], 9), -number_of_affixes(pair[1])), default=None)
        if found is None or found[0] < most - ROUNDING:
            return best
        # What is worth as much is better if it says more of words that may come.
        if found[0] <= most + ROUNDING and number_of_affixes(found[1]) > number_of_affixes(best):
            return best
        most, best = found


def number_of_affixes(divisions: Divisions) -> int:
    return sum(map(len, divisions))


def _steps(divisions: Divisions, tried: tuple[list[Affix], list[Affix]]) -> Iterator[Divisions]:
    """With another affix on one side or on both, or with one that is taken off all words rather than off those alone
    whose stem is a word.
    """
    more = []
    for division, affixes in zip(divisions, tried, strict=True):
        letters = {(affix.letters, affix.is_prefix) for affix in division}
        new = [affix for affix in affixes if (affix.letters, affix.is_prefix) not in letters]
        more.append([division, *((*division, affix) for affix in new if len(division) < MAX_AFFIXES)])
    yield from itertools.islice(itertools.product(*more), 1, None)
    for side, division in enumerate(divisions):
        for number, affix in enumerate(division):
            if not affix.of_all:
                changed = (*division[:number], affix._replace(of_all=True), *division[number + 1 :])
                yield (changed, divisions[1]) if side == 0 else (divisions[0], changed)
