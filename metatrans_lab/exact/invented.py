"""Languages as people might invent them, drawn at random: plain words, made-up ones, and one phenomenon each.

the big dog-s see a cat  =  ookii inu-ra o neko miru
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataset_script.families.grammar import ADJECTIVE, ARTICLE, NOUN, PLURAL, SWITCHES, VERB, GrammarConfig
from dataset_script.families.order import ORDERS, OrderConfig
from dataset_script.families.planned import PlannedLanguage
from dataset_script.families.repetition import OPERATORS, RepetitionConfig

NOUNS = ("cat", "dog", "bird", "fish", "tree", "stone", "river", "child", "moon", "fire")
VERBS = ("sees", "likes", "finds", "eats", "hears")
ADJECTIVES = ("big", "red", "old", "small", "wild")
WORDS_OF = {NOUN: NOUNS, VERB: VERBS, ADJECTIVE: ADJECTIVES, ARTICLE: ("the",), PLURAL: ("s",)}
OPERATOR_WORDS = dict(zip(OPERATORS, ("twice", "thrice", "with", "before"), strict=True))

CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"

LIKE_ENGLISH = {
    "order": "SVO",
    "adjective": "before",
    "article": "before",
    "plural": "suffix",
    "subject_particle": "none",
    "object_particle": "none",
}
"""A grammar's setting of a language that is said as its source sentences are."""

OPEN = {
    "adjectives": ("adjective",),
    "articles": ("article",),
    "affixes": ("plural",),
    "particles": ("subject_particle", "object_particle"),
    "verbs": ("order",),
    "grammar": tuple(LIKE_ENGLISH),
}
"""By phenomenon: the switches that a grammar of it draws; the others are as in English."""

PHENOMENA = ("in place", "order", *OPEN, "operators", "phrases")

LONGEST = 6
"""Words of the longest sentence."""


@dataclass(frozen=True)
class Invented:
    """A language.

    Attributes:
        phenomenon: of `PHENOMENA`. config, setting: its family, and its setting of the switches.
        classes: of its source words. lexicon: of its units: source words, and particles by their number.
    """

    phenomenon: str
    config: PlannedLanguage
    setting: Mapping[str, str]
    classes: Mapping[str, int]
    lexicon: Mapping[str | int, str]

    def translate(self, words: Sequence[str]) -> str:
        """A sentence's translation, its affixes joined to their nouns by hyphens."""
        form = tuple(self.classes[word] for word in words)
        items = self.config.plan(form, self.setting)
        said = ""
        for number, item in enumerate(items):
            unit = words[item.place] if item.place is not None else item.unit
            assert unit is not None
            before = items[number - 1] if number else None
            is_affix = item.hangs_on == "affix" and self.setting["plural"] == "suffix"
            follows = before is not None and before.hangs_on == "affix" and self.setting["plural"] == "prefix"
            said += ("" if not number else "-" if is_affix or follows else " ") + self.lexicon[unit]
        return said

    def write(self, words: Sequence[str]) -> str:
        """A sentence as a person writes it."""
        return " ".join(words).replace(" s ", "-s ").removesuffix(" s") + ("-s" if words[-1:] == ("s",) else "")

    def sentence(self, rng: random.Random, words: Sequence[str] | None = None) -> tuple[str, ...]:
        """A random sentence, of these words only, if they are given and a sentence can be made of them."""
        known = list(self.classes if words is None else words)
        of_class = {c: [word for word in known if self.classes[word] == c] for c in set(self.classes.values())}
        forms = [form for form in self._forms() if all(of_class.get(c) for c in form)]
        form = rng.choice(forms)
        return tuple(rng.choice(of_class[c]) for c in form)

    def _forms(self) -> Sequence[tuple[int, ...]]:
        if len(self.config.class_sizes) == 1:
            return [(0,) * length for length in range(1, 5)]
        return [form for form in self.config.all_forms() if len(form) <= LONGEST]


def invent(rng: random.Random, phenomenon: str, fragments: bool = True) -> Invented:
    """A random language of a phenomenon.

    Args:
        fragments: may sentences of a grammar be parts of one, such as a noun with its adjective?
    """
    config: PlannedLanguage
    if phenomenon in OPEN:
        config = GrammarConfig(fragments=fragments, sentence_length=1 if fragments else 2)
        setting = dict(LIKE_ENGLISH)
        while setting == LIKE_ENGLISH:
            setting |= {switch: rng.choice(SWITCHES[switch]) for switch in OPEN[phenomenon]}
        numbers = {NOUN: 4, VERB: 2, ADJECTIVE: 2, ARTICLE: 1, PLURAL: 1}
        classes = {word: c for c, words in WORDS_OF.items() for word in rng.sample(words, numbers[c])}
    elif phenomenon == "operators":
        config = RepetitionConfig(sentence_length=1)
        setting = rng.choice(config.settings)
        classes = dict.fromkeys(rng.sample(NOUNS, 5), 0) | {word: c for c, word in OPERATOR_WORDS.items()}
    else:
        orders = ("straight",) if phenomenon != "order" else tuple(name for name in ORDERS if name != "straight")
        config = OrderConfig(orders=orders, sentence_length=1)
        setting = rng.choice(config.settings)
        classes = dict.fromkeys(rng.sample(NOUNS, 7), 0)
    units: list[str | int] = [*classes, config.num_source_words, config.num_source_words + 1]
    strings = made_up_words(rng, len(units) * 2)
    lexicon: dict[str | int, str] = dict(zip(units, strings, strict=False))
    if phenomenon == "phrases":
        for unit, more in zip(units, strings[len(units) :], strict=False):
            if rng.random() < 0.5:
                lexicon[unit] += f" {more}"
    return Invented(phenomenon, config, setting, classes, lexicon)


def made_up_words(rng: random.Random, number: int) -> list[str]:
    """So many different words of two syllables, none of them of the plain ones."""
    words: dict[str, None] = {}
    while len(words) < number:
        words["".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(2))] = None
    return list(words)
