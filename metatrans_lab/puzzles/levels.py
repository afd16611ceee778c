"""How hard a puzzle is: five levels, from a first lesson to an olympiad's second round; and what may be changed."""

from __future__ import annotations

from dataclasses import dataclass

from metatrans_lab.errors import UserError, nearest
from metatrans_lab.exact.invented import OPEN
from metatrans_lab.puzzles.sounds import SOUNDS

COMBINED = tuple(phenomenon for phenomenon in OPEN if phenomenon != "grammar")
"""Phenomena that a language may have together."""

ALONE = ("order", "operators")
"""Phenomena of languages that have no other."""

PHENOMENA = (*COMBINED, *ALONE)

LEAST_WORDS, MOST_WORDS = 4, 20
MOST_EXAMPLES = 24


@dataclass(frozen=True)
class Level:
    """What a puzzle of a level has, unless it is asked for other things.

    Attributes:
        says: in words. words: nouns, verbs and adjectives, or colours, together.
        examples: the fewest and the most. questions: into the language, and out of it.
        phenomena: of which a language has so many together, `num_phenomena`.
        adjective, thing, fragment: how probable it is that a noun has an adjective, that a verb has an object, and
            that a sentence is a noun phrase alone.
        is_joined: are affixes joined to their stems, without a hyphen?
        has_two_articles: is there an “a” beside “the”?
        long_first: are long examples left out rather than short ones? -1: the other way round; 0: neither.
        is_shuffled: are examples listed in no order, rather than those first that have few new words?
    """

    says: str
    words: int
    examples: tuple[int, int]
    questions: tuple[int, int]
    phenomena: tuple[str, ...]
    num_phenomena: int
    adjective: float
    thing: float
    fragment: float = 0.0
    is_joined: bool = False
    has_two_articles: bool = False
    long_first: float = 0.0
    is_shuffled: bool = False


LEVELS: dict[int, Level] = {
    1: Level("a first lesson", 6, (4, 7), (2, 1), ("adjectives", "verbs", *ALONE), 1, 0.4, 0.3, 0.3, long_first=-1),
    2: Level(
        "words in an order of their own",
        8,
        (4, 8),
        (2, 2),
        ("adjectives", "articles", "verbs"),
        2,
        0.3,
        0.4,
        0.1,
        long_first=-0.5,
    ),
    3: Level("endings and small words", 9, (4, 9), (3, 2), COMBINED, 3, 0.3, 0.5),
    4: Level("an olympiad's first round", 11, (5, 10), (4, 2), COMBINED, 4, 0.3, 0.6, is_joined=True),
    5: Level(
        *("an olympiad's second round", 13, (5, 11), (5, 3), COMBINED, 5, 0.4, 0.75),
        is_joined=True,
        has_two_articles=True,
        long_first=0.5,
        is_shuffled=True,
    ),
}
"""By number."""


@dataclass(frozen=True)
class Wanted:
    """A puzzle that somebody wants.

    Args:
        level: a number of `LEVELS`. seed: any text; the same puzzle comes of the same.
        phenomena: of `PHENOMENA`; None: so many of the level's.
        words, examples: how many; None: as the level has.
        sounds: a name of `SOUNDS`; None: any.

    Raises:
        UserError: it can't be.
    """

    level: int
    seed: str
    phenomena: tuple[str, ...] | None = None
    words: int | None = None
    examples: int | None = None
    sounds: str | None = None

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise UserError(f"level must be between 1 and {max(LEVELS)}, got {self.level}")
        if self.phenomena is not None:
            self._check_phenomena(self.phenomena)
        if self.words is not None and not LEAST_WORDS <= self.words <= MOST_WORDS:
            raise UserError(f"words must be between {LEAST_WORDS} and {MOST_WORDS}, got {self.words}")
        if self.examples is not None and not 2 <= self.examples <= MOST_EXAMPLES:
            raise UserError(f"examples must be between 2 and {MOST_EXAMPLES}, got {self.examples}")
        if self.sounds is not None and self.sounds not in SOUNDS:
            near = nearest(self.sounds.upper(), SOUNDS)
            raise UserError(f"sounds must be one of {', '.join(SOUNDS)}, got {self.sounds!r}{near}")

    @staticmethod
    def _check_phenomena(phenomena: tuple[str, ...]) -> None:
        if not phenomena:
            raise UserError(f"phenomena must be some of {', '.join(PHENOMENA)}, got none")
        for name in phenomena:
            if name not in PHENOMENA:
                raise UserError(
                    f"phenomena must be some of {', '.join(PHENOMENA)}, got {name!r}{nearest(name, PHENOMENA)}"
                )
        alone = [name for name in phenomena if name in ALONE]
        if alone and len(set(phenomena)) > 1:
            raise UserError(f"{alone[0]} is of languages that have no other phenomenon; leave out the others")
