"""Words that are read as a stem and an affix though nothing divides them: `cats`, `nekora`.

An affix is tried where a word and the same word with it both occur. Which affixes there are is decided by how probable
the examples' translations are: a unit that was heard costs nothing, a new one is one of many. So `cats = nekora` is
read as `cat-s = neko-ra` where `cat = neko` is there, and another noun is as regular.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from metatrans_lab.exact.words import Affix, Division

SHORTEST_STEM, LONGEST_AFFIX = 2, 4
"""In letters."""

MAX_AFFIXES = 2
"""Of each side: those that most words have; all combinations of them are compared."""


def divisions(words: Iterable[str]) -> list[Division]:
    """The divisions of one side that are worth comparing, that of nothing first.

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
    best = sorted(count, key=lambda affix: (-count[affix], affix))[:MAX_AFFIXES]
    return [chosen for number in range(len(best) + 1) for chosen in itertools.combinations(best, number)]


def best_division(
    sources: list[Division], targets: list[Division], evidence: Callable[[Division, Division], float]
) -> tuple[Division, Division]:
    """The pair of divisions of greatest evidence; of equal ones the first, which divides least.

    Args:
        evidence: of a pair: the logarithm of the examples' probability.
    """
    return max(itertools.product(sources, targets), key=lambda pair: evidence(*pair))
