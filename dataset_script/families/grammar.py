"""Languages with a grammar: nouns, verbs, adjectives, an article and a plural, in an order of their own.

    ␁ the red dog PL see the cat ␂ …      source: subject, verb, object; article and adjective before their noun

Which class a word is of, is known by its symbol: the source alphabet is nouns, then verbs, adjectives, the article and
the plural. A sentence is a noun phrase, a verb and perhaps another noun phrase; a noun phrase is a noun, perhaps with
an article or an adjective before it and a plural after it. With `fragments` it may also be one of these alone, or a
verb with an object, or with an adjective in place of one. A language is a lexicon, which also has a particle for
subjects and one for objects, and a setting of the switches:

    order             of subject, verb and object: SVO, SOV, VSO, VOS, OSV, OVS
    adjective         before or after its noun
    article           before or after its noun phrase, or dropped
    plural            a prefix or a suffix of its noun, or dropped
    subject_particle  before or after the subject, or none
    object_particle   before or after the object, or none

Under the setting SOV, after, dropped, suffix, none, after:

    source   ␁ the red dog PL see the cat ␂
    target   dog PL red cat OBJECT see ␁
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from dataset_script.families.contract import COMMON_KNOBS, Language, check_int, check_names
from dataset_script.families.planned import PlannedLanguage, Said, Setting

NOUN, VERB, ADJECTIVE, ARTICLE, PLURAL = range(5)
"""The classes of source words."""

SWITCHES: dict[str, tuple[str, ...]] = {
    "order": ("SVO", "SOV", "VSO", "VOS", "OSV", "OVS"),
    "adjective": ("before", "after"),
    "article": ("before", "after", "dropped"),
    "plural": ("prefix", "suffix", "dropped"),
    "subject_particle": ("none", "before", "after"),
    "object_particle": ("none", "before", "after"),
}
"""By name: all values that a switch may have."""

NUM_PARTICLES = 2


def size_of_grammar(cls: type[Language], knobs: dict[str, Any]) -> int | None:
    """The number of source words that the numbers of nouns, verbs and adjectives make; None where one of them is no
    number, of which the config complains.
    """
    sizes = [knobs.get(name, getattr(cls, name)) for name in ("num_nouns", "num_verbs", "num_adjectives")]
    if not all(isinstance(size, int) for size in sizes):
        return None
    return sum(sizes) + 2  # the article and the plural


@dataclass(frozen=True)
class GrammarConfig(PlannedLanguage):
    """The languages of the family `grammar`: besides the knobs of `Language`, theirs are

    Args:
        num_nouns, num_verbs, num_adjectives: words of these classes. With the article and the plural they are the
            `num_source_words`.
        order, adjective, article, plural, subject_particle, object_particle: the values that each switch may have; one
            value: it is closed.
        fragments: may a sentence be a part of one: a noun phrase, a verb, an adjective, a verb and its object; and may
            an adjective stand in place of the object?
    """

    num_pairs: int = 20
    num_source_words: int = 20
    num_target_words: int = 22
    sentence_length: int | tuple[int, int] = (2, 8)
    num_nouns: int = 8
    num_verbs: int = 6
    num_adjectives: int = 4
    order: tuple[str, ...] = SWITCHES["order"]
    adjective: tuple[str, ...] = SWITCHES["adjective"]
    article: tuple[str, ...] = SWITCHES["article"]
    plural: tuple[str, ...] = SWITCHES["plural"]
    subject_particle: tuple[str, ...] = SWITCHES["subject_particle"]
    object_particle: tuple[str, ...] = SWITCHES["object_particle"]
    fragments: bool = False

    family: ClassVar[str] = "grammar"
    first_knobs: ClassVar[tuple[str, ...]] = (
        *(*COMMON_KNOBS, "word_repetition", "num_nouns", "num_verbs", "num_adjectives"),
        *SWITCHES,
    )
    run_knobs: ClassVar[frozenset[str]] = Language.run_knobs | {"num_nouns", "num_verbs", "num_adjectives"}
    possible_lengths: ClassVar[tuple[int, int | None]] = (2, 9)
    phenomena: ClassVar[tuple[str, ...]] = ("order", "adjective", "article", "affix", "particle")
    order_switches: ClassVar[tuple[str, ...]] = ("order", "adjective")
    translates: ClassVar[str] = (
        "A language has an order of subject, verb and object, adjectives before or after their nouns, an article and "
        "a plural that it says or drops, and particles for subject and object or none"
    )
    limits: ClassVar[str] = (
        "Words of several tokens, one word with two translations, sentences of another form: it knows nouns, verbs "
        "and adjectives by their symbols, an article and a plural."
    )

    def __post_init__(self) -> None:
        for name in ("num_nouns", "num_verbs"):
            check_int(name, getattr(self, name), 1)
        check_int("num_adjectives", self.num_adjectives, 0)
        if self.num_source_words != sum(self.class_sizes):
            raise ValueError(
                f"num_source_words must be {sum(self.class_sizes)}, num_nouns + num_verbs + num_adjectives + 2 (the "
                f"article and the plural), got {self.num_source_words}"
            )
        for name, values in SWITCHES.items():
            object.__setattr__(self, name, check_names(name, getattr(self, name), values, may_be_one=True))
        if not isinstance(self.fragments, bool):
            raise ValueError(f"fragments must be true or false, got {self.fragments!r}")
        super().__post_init__()

    @classmethod
    def complete(cls, knobs: dict[str, Any]) -> dict[str, Any]:
        """Also, the words of all classes are the source words, and every unit has a symbol."""
        knobs = super().complete(knobs)
        size = size_of_grammar(cls, knobs)
        if size is None:
            return knobs
        return {"num_source_words": size, "num_target_words": size + NUM_PARTICLES + bool(knobs.get("blank"))} | knobs

    @property
    def class_sizes(self) -> tuple[int, ...]:
        return (self.num_nouns, self.num_verbs, self.num_adjectives, 1, 1)

    @property
    def num_units(self) -> int:
        return self.num_source_words + NUM_PARTICLES

    @property
    def switches(self) -> dict[str, tuple[str, ...]]:
        return {name: getattr(self, name) for name in SWITCHES}

    def all_forms(self) -> Sequence[tuple[int, ...]]:
        adjectives = ((), (ADJECTIVE,)) if self.num_adjectives else ((),)
        phrases = [
            (*article, *adjective, NOUN, *plural)
            for article, adjective, plural in itertools.product(((), (ARTICLE,)), adjectives, ((), (PLURAL,)))
        ]
        intransitive = [(*subject, VERB) for subject in phrases]
        transitive = [(*subject, VERB, *thing) for subject, thing in itertools.product(phrases, phrases)]
        return intransitive + transitive + (self._fragments(phrases) if self.fragments else [])

    def _fragments(self, phrases: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
        alone = [*phrases, (VERB,), *((VERB, *thing) for thing in phrases)]
        if not self.num_adjectives:
            return alone
        return [*alone, (ADJECTIVE,), *((*subject, VERB, ADJECTIVE) for subject in phrases)]

    def plan(self, form: tuple[int, ...], setting: Setting) -> Sequence[Said]:
        subject_particle, object_particle = self.num_source_words, self.num_source_words + 1
        if VERB not in form:  # a fragment, in which nothing is subject or object
            return self._phrase(form, range(len(form)), setting)
        verb = form.index(VERB)
        parts: dict[str, list[Said]] = {"S": [], "V": [Said("order", verb)], "O": []}
        if verb > 0:
            parts["S"] = self._phrase(form, range(verb), setting, setting["subject_particle"], subject_particle)
        after = range(verb + 1, len(form))
        if NOUN in form[verb + 1 :]:
            parts["O"] = self._phrase(form, after, setting, setting["object_particle"], object_particle)
        else:
            parts["O"] = [Said("order", place) for place in after]
        return [item for part in setting["order"] for item in parts[part]]

    def marks_nouns(self, setting: Setting) -> bool:
        """Does a particle stand beside its noun, rather than beside the whole phrase?"""
        return False

    def _phrase(
        self,
        form: tuple[int, ...],
        places: range,
        setting: Setting,
        particle: str = "none",
        particle_unit: int | None = None,
    ) -> list[Said]:
        """What a noun phrase says whose words stand at these places; or an adjective alone."""
        classes = tuple(form[place] for place in places)
        if NOUN not in classes:
            return [Said("adjective", place) for place in places]
        switches = ((ADJECTIVE, "adjective"), (ARTICLE, "article"), (PLURAL, "plural"))
        values = tuple(setting[switch] if of_class in classes else "" for of_class, switch in switches)
        beside_phrase = _noun_phrase(classes, places.start, values, particle, particle_unit, False)
        if particle == "none":
            return list(beside_phrase)
        beside_noun = _noun_phrase(classes, places.start, values, particle, particle_unit, True)
        return list(beside_noun if beside_noun != beside_phrase and self.marks_nouns(setting) else beside_phrase)


@lru_cache(maxsize=1 << 14)
def _noun_phrase(
    classes: tuple[int, ...],
    first: int,
    values: tuple[str, str, str],
    particle: str,
    particle_unit: int | None,
    marks_noun: bool,
) -> tuple[Said, ...]:
    """What a noun phrase says.

    Args:
        classes: of its words. first: the place of the first one.
        values: of the switches adjective, article and plural, "" where the phrase has no such word.
        marks_noun: whether the particle stands beside the noun, rather than beside the whole phrase.
    """
    at = {of_class: first + number for number, of_class in enumerate(classes)}
    adjective, article, plural = values

    def marked(said: list[Said]) -> list[Said]:
        mark = Said("particle", unit=particle_unit)
        return [mark, *said] if particle == "before" else [*said, mark] if particle == "after" else said

    said = [Said("order", at[NOUN])]
    if plural in ("prefix", "suffix"):
        affix = Said("affix", at[PLURAL])
        said = [affix, *said] if plural == "prefix" else [*said, affix]
    said = marked(said) if marks_noun else said
    if adjective:
        word = Said("adjective", at[ADJECTIVE])
        said = [word, *said] if adjective == "before" else [*said, word]
    if article in ("before", "after"):
        word = Said("article", at[ARTICLE])
        said = [word, *said] if article == "before" else [*said, word]
    return tuple(said if marks_noun else marked(said))
