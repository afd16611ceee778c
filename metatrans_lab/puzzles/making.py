"""Making a puzzle: a language, questions, examples until all of them are settled, and then as few as settle them.

A question is *settled* where the exact predictor leaves one answer alone, and that is the right one. Examples are left
out one by one as long as all questions stay settled; where none is left that could be, no example is superfluous.
Where affixes are joined to their stems, all that has to hold both so and with hyphens.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from dataset_script.families.grammar import ADJECTIVE, NOUN, PLURAL, VERB
from metatrans_lab.errors import UserError
from metatrans_lab.exact.division import Divisions, affixes
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.puzzles.languages import PuzzleLanguage, draw_language
from metatrans_lab.puzzles.levels import LEVELS, Level, Wanted
from metatrans_lab.puzzles.settled import INTO, OUT, Asked, is_superfluous, settle, settles
from metatrans_lab.puzzles.sounds import SOUNDS, draw_words

MAX_DRAWN = 40
"""Examples that are drawn before a language, or its questions, are given up."""

MAX_TRIED = 300
"""Languages that are tried for a puzzle."""

MAX_SENTENCES = 400
"""That are drawn in search of a new one."""

MAX_FEWEST = 3
"""Choices of as few examples as do, of those that were drawn, where words have to be divided: not all are as many as a
level has, nor divided as they are to be.
"""

Words = tuple[str, ...]
"""A sentence."""


@dataclass(frozen=True)
class Puzzle:
    """A puzzle.

    Attributes:
        wanted: what was asked for. name: of the language. language: itself.
        sounds: of its words. sources: the sentences of the examples, as words.
        asked: those of the questions, as words. directions: of the questions.
    """

    wanted: Wanted
    name: str
    sounds: str
    language: PuzzleLanguage
    sources: tuple[Words, ...]
    asked: tuple[Words, ...]
    directions: tuple[str, ...]

    @property
    def examples(self) -> tuple[tuple[str, str], ...]:
        """Sentences with their translations."""
        return tuple(_rule(self.language, sentence) for sentence in self.sources)

    @property
    def questions(self) -> tuple[Asked, ...]:
        """With their answers."""
        return tuple(_questions(self.language, self.asked, self.directions))


def make(wanted: Wanted) -> Puzzle:
    """Makes a puzzle; of the same wish always the same.

    Raises:
        UserError: none was found, as where there are to be more examples than so few words need.
    """
    rng = random.Random(f"puzzle {wanted.level} {wanted.seed}")
    fewest, most = LEVELS[wanted.level].examples
    if wanted.examples is not None:
        fewest = most = wanted.examples
    elif wanted.words is not None or wanted.phenomena is not None:
        fewest, most = 2, MAX_DRAWN
    found = set()
    for _ in range(MAX_TRIED):
        for puzzle in _of_language(rng, wanted):
            if fewest <= len(puzzle.sources) <= most and _is_sound(puzzle):
                return puzzle
            found.add(len(puzzle.sources))
    had = f"; those found have {min(found)} to {max(found)} examples" if found else ""
    raise UserError(
        f"no puzzle like that was found in {MAX_TRIED} tries{had}; another number of words or examples may do"
    )


def _of_language(rng: random.Random, wanted: Wanted) -> Iterator[Puzzle]:
    """Puzzles of a language that is drawn, which may be sound; most often several where affixes are joined, and else
    one, if any.
    """
    level = LEVELS[wanted.level]
    phenomena = wanted.phenomena
    if phenomena is None:
        first = rng.choice(level.phenomena)
        phenomena = tuple(rng.sample(level.phenomena, level.num_phenomena)) if level.num_phenomena > 1 else (first,)
    sounds = wanted.sounds or rng.choice(tuple(SOUNDS))
    language = draw_language(rng, level, phenomena, wanted.words or level.words, sounds)
    name = draw_words(rng, sounds, [3])[0].capitalize()
    asked = _draw_questions(rng, language, sum(level.questions))
    if asked is None:
        return
    into = level.questions[0] if language.says_articles else len(asked)
    directions = tuple(INTO if number < into else OUT for number in range(len(asked)))
    settled = _Settled(language, asked, directions)
    drawn = _draw_examples(rng, language, asked, settled)
    if drawn is None:
        return
    seen = set[frozenset[Words]]()
    for _ in range(MAX_FEWEST if any(language.division) else 1):
        sources = _fewest(rng, level, drawn, settled)
        if frozenset(sources) in seen or not settled.is_tight(sources):
            continue
        seen.add(frozenset(sources))
        if not level.is_shuffled:
            sources = _easy_first(sources)
        else:
            rng.shuffle(sources)
        yield Puzzle(wanted, name, sounds, language, tuple(sources), tuple(asked), directions)


class _Settled:
    """Whether sentences, as examples, settle questions, with hyphens and as the language writes them; very nearly, as
    words are divided as they are to be, and nothing else is thought of. In the end `_is_sound` asks for all.

    Args:
        asked: the sentences of the questions. directions: of these.
    """

    def __init__(self, language: PuzzleLanguage, asked: Sequence[Words], directions: Sequence[str]) -> None:
        self.language, self.divided = language, replace(language, is_joined=False)
        self.questions = _questions(language, asked, directions)
        self.with_hyphens = _questions(self.divided, asked, directions)
        self.needed = {word for sentence in asked for word in sentence}
        self._of_hyphens, self._of_both = _Growing(self._settle_divided), _Growing(self._settle)

    def __call__(self, sources: Sequence[Words]) -> bool:
        return self._of_both(sources)

    def is_tight(self, sources: Sequence[Words]) -> bool:
        """Is each of the examples needed with hyphens too?"""
        return not any(self._of_hyphens([other for other in sources if other != one]) for one in sources)

    def _settle_divided(self, sources: Sequence[Words]) -> bool:
        known = {word for source in sources for word in source}
        return self.needed <= known and self._settle_by(((), ()), self.divided, sources, self.with_hyphens)

    def _settle(self, sources: Sequence[Words]) -> bool:
        division = self.language.division
        if not any(division):
            return self._of_hyphens(sources)
        rules = _rules(self.language, sources)
        sides = zip(*((source.split(), target.split()) for source, target in rules), strict=True)
        may_be_seen = (
            set(own) <= set(affixes(itertools.chain.from_iterable(side)))
            for side, own in zip(sides, division, strict=True)
        )
        return (
            all(may_be_seen)
            and self._of_hyphens(sources)
            and self._settle_by(division, self.language, sources, self.questions)
            and any(ExactTranslator(rules, divisions=[((), ()), division]).sides.target.division)
        )

    @staticmethod
    def _settle_by(
        division: Divisions, language: PuzzleLanguage, sources: Sequence[Words], questions: Sequence[Asked]
    ) -> bool:
        return settle(ExactTranslator(_rules(language, sources), divisions=[division]), questions)


class _Growing:
    """Of a property of sets of sentences that greater sets have, if lesser ones have it: whether sets have it, each
    being looked at at most once.
    """

    def __init__(self, holds: Callable[[Sequence[Words]], bool]) -> None:
        self._holds = holds
        self._with, self._without = list[frozenset[Words]](), list[frozenset[Words]]()

    def __call__(self, sources: Sequence[Words]) -> bool:
        chosen = frozenset(sources)
        if not chosen or any(chosen <= one for one in self._without):
            return False
        if any(one <= chosen for one in self._with):
            return True
        holds = self._holds(sources)
        (self._with if holds else self._without).append(chosen)
        return holds


def _rule(language: PuzzleLanguage, sentence: Words) -> tuple[str, str]:
    return language.write(sentence), language.translate(sentence)


def _rules(language: PuzzleLanguage, sentences: Sequence[Words]) -> list[tuple[str, str]]:
    return [_rule(language, sentence) for sentence in sentences]


def _draw_examples(
    rng: random.Random, language: PuzzleLanguage, asked: Sequence[Words], settled: _Settled
) -> list[Words] | None:
    """Sentences that settle questions; None if they don't come about."""
    sources: list[Words] = []
    while len(sources) < MAX_DRAWN:
        sentence = _new_sentence(rng, language, {*sources, *asked}, is_question=False)
        if sentence is None:
            return None
        sources.append(sentence)
        if settled(sources):
            return sources
    return None


def _questions(language: PuzzleLanguage, asked: Sequence[Words], directions: Sequence[str]) -> list[Asked]:
    rules = zip(_rules(language, asked), directions, strict=True)
    return [Asked(text, INTO, said) if way == INTO else Asked(said, OUT, text) for (text, said), way in rules]


def _draw_questions(rng: random.Random, language: PuzzleLanguage, number: int) -> list[Words] | None:
    """Sentences that have most words, and together whatever the language has of its own; None if they don't."""
    asked: list[Words] = []
    for _ in range(number):
        had = {word for sentence in asked for word in sentence}
        drawn = [_new_sentence(rng, language, set(asked), is_question=True) for _ in range(4)]
        fresh = [sentence for sentence in drawn if sentence is not None]
        if not fresh:
            return None
        asked.append(max(fresh, key=lambda sentence: len(set(sentence) - had)))
    return asked if not language.is_grammar or _shows_all(language, asked) else None


def _shows_all(language: PuzzleLanguage, asked: Sequence[Words]) -> bool:
    """Do questions have whatever the language has of its own?"""
    forms = [[language.invented.classes[word] for word in sentence] for sentence in asked]
    classes = {of_class for form in forms for of_class in form}
    needed = {VERB}
    needed |= {ADJECTIVE} if "adjectives" in language.phenomena else set()
    needed |= {PLURAL} if "affixes" in language.phenomena else set()
    has_thing = any(NOUN in form[form.index(VERB) :] for form in forms if VERB in form)
    return needed <= classes and has_thing


def _new_sentence(rng: random.Random, language: PuzzleLanguage, known: set[Words], is_question: bool) -> Words | None:
    """A random sentence that isn't known, nor said as one that is; None if there seem to be none left."""
    said = {language.translate(sentence) for sentence in known}
    for _ in range(MAX_SENTENCES):
        sentence = language.sentence(rng, is_question)
        if sentence not in known and language.translate(sentence) not in said:
            return sentence
    return None


def _fewest(rng: random.Random, level: Level, sources: Sequence[Words], settled: _Settled) -> list[Words]:
    """Of examples those without which a question would be open, the others left out one by one."""
    kept = list(sources)
    for sentence in sorted(sources, key=lambda one: 2 * level.long_first * len(one) + rng.random() * 5):
        rest = [other for other in kept if other != sentence]
        if settled(rest):
            kept = rest
    return kept


def _easy_first(sources: Sequence[Words]) -> list[Words]:
    """In an order in which each has few words that weren't there before."""
    left, ordered = sorted(sources, key=len), list[Words]()
    while left:
        had = {word for sentence in ordered for word in sentence}
        best = min(left, key=lambda sentence: (len(set(sentence) - had), len(sentence)))
        left.remove(best)
        ordered.append(best)
    return ordered


def _is_sound(puzzle: Puzzle) -> bool:
    """Are all questions settled by the examples as they are listed, and none of these superfluous; and are they read
    with the language's own affixes, and no others; and is all that so with hyphens too?
    """
    examples, questions, language = puzzle.examples, puzzle.questions, puzzle.language
    translator = ExactTranslator(examples)
    sides = (translator.sides.source, translator.sides.target)
    divided = [[affix.letters for affix in side.division] for side in sides]
    has_joined = language.is_joined and any("s" in sentence for sentence in puzzle.sources)
    if translator.is_turned or divided != ([["s"], [language.invented.lexicon["s"]]] if has_joined else [[], []]):
        return False
    if language.is_joined and not _is_sound(replace(puzzle, language=replace(language, is_joined=False))):
        return False
    if not settles(examples, questions):
        return False
    return not any(is_superfluous(examples, number, questions) for number in range(len(examples)))
