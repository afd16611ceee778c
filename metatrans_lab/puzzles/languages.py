"""The languages of puzzles: made-up words for plain English, whose plural is regular and whose verbs don't agree.

the dogs followed a big cat   =   mo kesra lun a pilat tavo
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dataset_script.families.grammar import ADJECTIVE, ARTICLE, NOUN, PLURAL, SWITCHES, VERB, GrammarConfig
from dataset_script.families.order import ORDERS, OrderConfig
from dataset_script.families.planned import PlannedLanguage
from dataset_script.families.repetition import OPERATORS, RepetitionConfig
from metatrans_lab.exact.division import Divisions, affixes
from metatrans_lab.exact.invented import LIKE_ENGLISH, OPEN, Invented
from metatrans_lab.exact.words import Affix
from metatrans_lab.puzzles.levels import ALONE, Level
from metatrans_lab.puzzles.sounds import draw_words

_NOUNS = """
cat goat dog frog king bird duck monk queen lion boy
girl crab cow panda horse spider doctor bear worm chimp moth
"""
NOUNS = tuple(_NOUNS.split())
ADJECTIVES = ("big", "small", "young", "tall", "brave", "wise", "quiet", "happy", "white", "black")
TRANSITIVE = ("saw", "heard", "found", "followed", "called", "pushed", "helped")
INTRANSITIVE = ("slept", "sang", "danced", "laughed", "fell")
COLOURS = ("red", "blue", "green", "white", "black", "yellow", "pink", "brown", "grey")
"""No word begins with a vowel, as “a” stands before them, and no noun has another plural than one in -s."""

OPERATOR_WORDS = dict(zip(OPERATORS, ("again", "often", "and", "over"), strict=True))

DROPPED = 0.25
"""How often a language of articles of its own doesn't say them; then nothing is asked out of it."""


@dataclass(frozen=True)
class PuzzleLanguage:
    """A language.

    Attributes:
        invented: its words and grammar. phenomena: that it has.
        level: that sentences are drawn for. is_joined: are affixes joined to their stems, in both languages?
    """

    invented: Invented
    phenomena: tuple[str, ...]
    level: Level
    is_joined: bool

    @property
    def is_grammar(self) -> bool:
        """Does it have nouns and verbs?"""
        return self.phenomena[0] not in ALONE

    @property
    def says_articles(self) -> bool:
        return not self.is_grammar or self.invented.setting["article"] != "dropped"

    @cached_property
    def division(self) -> Divisions:
        """The affixes that words have, of English and of the language; none, if hyphens show them."""
        if not self.is_joined or not self.of_class(PLURAL):
            return (), ()
        is_prefix = self.invented.setting["plural"] == "prefix"
        return (Affix("s", False),), (Affix(self.invented.lexicon["s"], is_prefix),)

    def write(self, words: Sequence[str]) -> str:
        """A sentence in English."""
        text = self.invented.write(words)
        return text.replace("-", "") if self.is_joined else text

    def translate(self, words: Sequence[str]) -> str:
        """A sentence in the language."""
        text = self.invented.translate(words)
        return text.replace("-", "") if self.is_joined else text

    def of_class(self, of_class: int) -> list[str]:
        """The words of a class, in their order."""
        return [word for word, c in self.invented.classes.items() if c == of_class]

    def sentence(self, rng: random.Random, is_question: bool = False) -> tuple[str, ...]:
        """A random sentence of English; a question has more in it, and no sentence has a noun twice."""
        if not self.is_grammar:
            return self._list(rng, is_question)
        nouns = rng.sample(self.of_class(NOUN), 2)
        if not is_question and rng.random() < self.level.fragment:
            return self._phrase(rng, nouns[0], 0.9)
        adjective = self.level.adjective + 0.15 * is_question
        verbs = self.of_class(VERB)
        has_thing = rng.random() < self.level.thing + 0.3 * is_question
        fitting = [verb for verb in verbs if (verb in TRANSITIVE) == has_thing]
        if not fitting:
            has_thing, fitting = not has_thing, verbs
        subject, thing = (self._phrase(rng, noun, adjective) for noun in nouns)
        return (*subject, rng.choice(fitting), *(thing if has_thing else ()))

    def _phrase(self, rng: random.Random, noun: str, adjective: float) -> tuple[str, ...]:
        adjectives = self.of_class(ADJECTIVE)
        its = (rng.choice(adjectives),) if adjectives and rng.random() < adjective else ()
        plural = ("s",) if self.of_class(PLURAL) and rng.random() < 0.4 else ()
        article = "the" if plural else rng.choice(self.of_class(ARTICLE))
        return (article, *its, noun, *plural)

    def _list(self, rng: random.Random, is_question: bool) -> tuple[str, ...]:
        while True:
            words = self.invented.sentence(rng)
            colours = [word for word in words if word in COLOURS]
            if len(colours) == len(set(colours)) and len(words) >= 1 + is_question:
                return words


def draw_language(
    rng: random.Random, level: Level, phenomena: Sequence[str], num_words: int, sounds: str
) -> PuzzleLanguage:
    """A random language that has these phenomena, each so that it can be seen.

    Args:
        num_words: nouns, verbs and adjectives, or colours. sounds: of `SOUNDS`.
    """
    config: PlannedLanguage
    setting: Mapping[str, str]
    if phenomena[0] == "operators":
        config = RepetitionConfig(sentence_length=1)
        setting = rng.choice(config.settings)
        classes = dict.fromkeys(rng.sample(COLOURS, min(num_words, len(COLOURS))), 0)
        classes |= {word: c for c, word in OPERATOR_WORDS.items()}
    elif phenomena[0] == "order":
        config = OrderConfig(orders=tuple(name for name in ORDERS if name != "straight"), sentence_length=1)
        setting = rng.choice(config.settings)
        classes = dict.fromkeys(rng.sample(COLOURS, min(num_words, len(COLOURS))), 0)
    else:
        config = GrammarConfig(fragments=True, sentence_length=1)
        setting = _draw_setting(rng, phenomena)
        classes = _draw_classes(rng, level, phenomena, num_words)
    units: list[str | int] = [*classes, config.num_source_words, config.num_source_words + 1]
    strings: list[str] = []
    short = [not isinstance(unit, str) or classes[unit] in (ARTICLE, PLURAL) for unit in units]
    if phenomena[0] in ALONE:
        short = [False] * len(units)
    while True:
        strings = draw_words(rng, sounds, [1 if is_short else 2 for is_short in short], [*classes])
        invented = Invented(phenomena[0], config, setting, classes, dict(zip(units, strings, strict=True)))
        language = PuzzleLanguage(invented, tuple(phenomena), level, level.is_joined)
        if not _has_lookalikes(language):
            return language


def _has_lookalikes(language: PuzzleLanguage) -> bool:
    """Might a reader take words apart that are whole?"""
    return bool(affixes(language.invented.lexicon.values()))


def _draw_setting(rng: random.Random, phenomena: Sequence[str]) -> dict[str, str]:
    setting = dict(LIKE_ENGLISH)
    for phenomenon in phenomena:
        switches = OPEN[phenomenon]
        while all(setting[switch] == LIKE_ENGLISH[switch] for switch in switches):
            setting |= {switch: rng.choice(SWITCHES[switch]) for switch in switches}
            if phenomenon == "affixes":
                setting["plural"] = rng.choice(("prefix", "suffix"))
                break
    if "articles" in phenomena:
        setting["article"] = "dropped" if rng.random() < DROPPED else "after"
    return setting


def _draw_classes(rng: random.Random, level: Level, phenomena: Sequence[str], num_words: int) -> dict[str, int]:
    """English words, with their classes: half are nouns."""
    num_adjectives = max(1, num_words // 5)
    num_verbs = max(1, num_words // 3)
    num_transitive = max(1, (num_verbs + 1) // 2)
    verbs = rng.sample(TRANSITIVE, num_transitive) + rng.sample(INTRANSITIVE, num_verbs - num_transitive)
    nouns = _draw_nouns(rng, num_words - num_adjectives - num_verbs)
    classes = dict.fromkeys(nouns, NOUN) | dict.fromkeys(verbs, VERB)
    classes |= dict.fromkeys(rng.sample(ADJECTIVES, num_adjectives), ADJECTIVE)
    classes |= dict.fromkeys(("the", "a") if level.has_two_articles else ("the",), ARTICLE)
    return classes | ({"s": PLURAL} if "affixes" in phenomena else {})


def _draw_nouns(rng: random.Random, number: int) -> list[str]:
    """If they suffice, nouns that end in different letters: in *lions* and *queens* one might see an ending -ns."""
    nouns = rng.sample(NOUNS, len(NOUNS))
    by_letter = {noun[-1]: noun for noun in nouns}
    first = list(by_letter.values())
    return [*first, *(noun for noun in nouns if noun not in first)][:number]
