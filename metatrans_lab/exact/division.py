"""Words that are read as a stem and affixes though nothing divides them: `cats`, `nekora`.

An affix is thought of where a word and the same word with it both occur, or where several stems have it and another by
turns, as in `belos`, `belem`, `tumos` and `tumem`. Which affixes there are is decided by how probable the translations
then are: a unit that was heard costs nothing, a new one is one of many, and an example that no language explains is as
good as none. So `cats = nekora` is read as `cat-s = neko-ra` where `cat = neko` is there,
and another noun is as regular. An affix may then be taken off all words that end, or begin, with it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from metatrans_lab.exact.words import Affix, Division

SHORTEST_STEM, LONGEST_AFFIX = 2, 4
"""In letters."""

MAX_TRIED, MAX_AFFIXES = 4, 3
"""Of each side: affixes that most words have, which are tried; and how many there may be."""

MAX_ADDED = 3
"""Affixes of both sides that are added in one step: a plural on both, and a case beside it, say nothing alone."""

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
    of_stem: dict[tuple[str, bool], list[Affix]] = {}
    for word in known:
        for size in range(1, min(LONGEST_AFFIX, len(word) - SHORTEST_STEM) + 1):
            for affix in (Affix(word[:size], True), Affix(word[-size:], False)):
                if affix.letters.isalpha():
                    of_stem.setdefault((affix.stem(word) or "", affix.is_prefix), []).append(affix)
    pairs = {key: list(itertools.combinations(sorted(found), 2)) for key, found in of_stem.items()}
    stems_of = Counter(itertools.chain(*pairs.values()))
    count: Counter[Affix] = Counter()
    for key, found in of_stem.items():
        by_turns = {affix for pair in pairs[key] if stems_of[pair] > 1 for affix in pair}
        # A stem that is a word itself tells more.
        count.update(found * 2 if key[0] in known else by_turns)
    in_all = Counter(affix for found in of_stem.values() for affix in found)
    return sorted(count, key=lambda affix: (-count[affix], -in_all[affix], -len(affix.letters), affix))[:MAX_TRIED]


def best_division(
    tried: tuple[list[Affix], list[Affix]], worth: Callable[[Divisions], float]
) -> tuple[Divisions, float]:
    """The divisions of both sides that are worth most, found by one better step after another; and their worth.

    Args:
        tried: affixes of both sides. worth: of divisions: the logarithm of the examples' probability.
    """
    best: Divisions = ((), ())
    most = worth(best)
    seen: dict[Divisions, float] = {best: most}
    while True:
        steps = [one for one in _steps(best, tried) if one not in seen]
        seen |= {one: worth(one) for one in steps}
        found = max(steps, key=lambda one: (round(seen[one], 9), *_plainness(one)), default=None)
        if found is None or seen[found] < most - ROUNDING:
            return best, most
        # What is worth as much is better if it says more of words that may come.
        if seen[found] <= most + ROUNDING and number_of_affixes(found) > number_of_affixes(best):
            return best, most
        most, best = seen[found], found


def number_of_affixes(divisions: Divisions) -> int:
    return sum(map(len, divisions))


def _plainness(divisions: Divisions) -> tuple[int, int]:
    """Of divisions that are worth as much, those of few affixes, and of short ones, as stems are longer."""
    return -number_of_affixes(divisions), -sum(len(affix.letters) for affix in itertools.chain(*divisions))


def _steps(divisions: Divisions, tried: tuple[list[Affix], list[Affix]]) -> Iterator[Divisions]:
    """With other affixes, without one, or with one that is taken off all words rather than off those alone whose stem
    is a word.
    """
    more = []
    for division, affixes in zip(divisions, tried, strict=True):
        letters = {(affix.letters, affix.is_prefix) for affix in division}
        new = [affix for affix in affixes if (affix.letters, affix.is_prefix) not in letters]
        added = [(), *((affix,) for affix in new), *itertools.combinations(new, 2)]
        more.append([(*division, *some) for some in added if len(division) + len(some) <= MAX_AFFIXES])
    most = number_of_affixes(divisions) + MAX_ADDED
    for source, target in itertools.product(*more):
        if number_of_affixes(divisions) < len(source) + len(target) <= most:
            yield source, target
    for side, division in enumerate(divisions):
        for number, affix in enumerate(division):
            others = division[:number], division[number + 1 :]
            changed = [others[0] + others[1]]
            changed += [] if affix.of_all else [(*others[0], affix._replace(of_all=True), *others[1])]
            yield from ((one, divisions[1]) if side == 0 else (divisions[0], one) for one in changed)
