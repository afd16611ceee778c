"""Families of languages, by name."""

import difflib
from dataclasses import fields
from typing import Any

from dataset_script.families.contract import Language
from dataset_script.families.grammar import GrammarConfig
from dataset_script.families.lexicon import LexiconConfig
from dataset_script.families.mixed import MixedConfig
from dataset_script.families.order import OrderConfig
from dataset_script.families.repetition import RepetitionConfig
from dataset_script.families.shifting import ShiftingConfig
from dataset_script.families.spelling import SpellingConfig

FAMILIES: dict[str, type[Language]] = {
    "lexicon": LexiconConfig,
    "order": OrderConfig,
    "grammar": GrammarConfig,
    "spelling": SpellingConfig,
    "repetition": RepetitionConfig,
    "shifting": ShiftingConfig,
    "mixed": MixedConfig,
}
"""The registry: one line for each family."""


def family_class(name: object) -> type[Language]:
    """The config class of a family.

    Raises:
        ValueError: there is none of that name.
    """
    if not isinstance(name, str) or name not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {name!r}")
    return FAMILIES[name]


def make_language(family: str = "lexicon", **knobs: Any) -> Language:
    """The config of a family with these knobs, and with those that follow from them, as the size of the alphabet does
    from the numbers of nouns and verbs; without a name, of the post's family.

    Raises:
        ValueError: no such family, or an impossible value. TypeError: a knob that the family doesn't have.

    Example:
        >>> make_language(num_pairs=20, sentence_length=(1, 5)).max_episode_length
        241
    """
    cls = family_class(family)
    known = [f.name for f in fields(cls)]
    for name in knobs:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = owner_of(name) or (f"; did you mean {near[0]!r}?" if near else "")
            raise TypeError(f"the family {family} has no knob {name!r}{hint}")
    return cls(**cls.complete(knobs))


def owner_of(knob: object) -> str:
    """How a message about a knob that a family hasn't ends: '; it is a knob of the family order', or ''."""
    owners = [name for name, family in FAMILIES.items() if knob in {f.name for f in fields(family)}]
    if not owners:
        return ""
    *others, last = owners
    named = f"families {', '.join(others)} and {last}" if others else f"family {last}"
    return f"; it is a knob of the {named}"
