"""Making a puzzle: a language, questions, examples until all of them are settled, and then as few as settle them.

A question is *settled* where the exact predictor leaves one answer alone, and that is the right one. Examples are left
out one by one as long as all questions stay settled; where none is left that could be, no example is superfluous.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dataset_script.families.grammar import ADJECTIVE, NOUN, PLURAL, VERB
from metatrans_lab.errors import UserError
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.puzzles.languages import PuzzleLanguage, draw_language
from metatrans_lab.puzzles.levels import LEVELS, Level, Wanted
from metatrans_lab.puzzles.settled import INTO, OUT, Asked, is_superfluous, settles
from metatrans_lab.puzzles.sounds import SOUNDS, draw_words

MAX_DRAWN = 40
"""Examples that are drawn before a language, or its questions, are given up."""

MAX_TRIED = 300
"""Languages that are tried for a puzzle."""

MAX_SENTENCES = 400
"""That are drawn in search of a new one."""


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
    sources: tuple[tuple[str, ...], ...]
    asked: tuple[tuple[str, ...], ...]
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
    found = set()
    for _ in range(MAX_TRIED):
        puzzle = _try(rng, wanted)
        if puzzle is None:
            continue
        number, (fewest, most) = len(puzzle.sources), LEVELS[wanted.level].examples
        if wanted.examples is None and (wanted.words is not None or wanted.phenomena is not None):
            fewest, most = 2, MAX_DRAWN
        if wanted.examples == number or (wanted.examples is None and fewest <= number <= most):
            return puzzle
        found.add(number)
    had = f"; those found have {min(found)} to {max(found)} examples" if found else ""
    raise UserError(
        f"no puzzle like that was found in {MAX_TRIED} tries{had}; another number of words or examples may do"
    )


def _try(rng: random.Random, wanted: Wanted) -> Puzzle | None:
    """A puzzle, if one comes of a language that is drawn."""
    level = LEVELS[wanted.level]
    phenomena = wanted.phenomena
    if phenomena is None:
        first = rng.choice(level.phenomena)
        phenomena = tuple(rng.sample(level.phenomena, level.num_phenomena)) if level.num_phenomena > 1 else (first,)
    sounds = wanted.sounds or rng.choice(tuple(SOUNDS))
    language = draw_language(rng, level, phenomena, wanted.words or level.words, sounds)
    name = draw_words(rng, sounds, [3])[0].capitalize()
    divided = replace(language, is_joined=False)  # of which examples are sooner read
    drawn = _draw_examples(rng, divided, level)
    if drawn is None:
        return None
    sources, asked, directions = drawn
    sources = _fewest(rng, divided, level, sources, _questions(divided, asked, directions))
    if not level.is_shuffled:
        sources = _easy_first(sources)
    else:
        rng.shuffle(sources)
    puzzle = Puzzle(wanted, name, sounds, language, tuple(sources), tuple(asked), tuple(directions))
    return puzzle if _is_sound(puzzle) else None


def _rule(language: PuzzleLanguage, sentence: tuple[str, ...]) -> tuple[str, str]:
    return language.write(sentence), language.translate(sentence)


def _rules(language: PuzzleLanguage, sentences: Sequence[tuple[str, ...]]) -> list[tuple[str, str]]:
    return [_rule(language, sentence) for sentence in sentences]


def _draw_examples(
    rng: random.Random, language: PuzzleLanguage, level: Level
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]], list[str]] | None:
    """Sentences that settle questions, those of the questions, and their directions; None if they don't come about."""
    asked = _draw_questions(rng, language, sum(level.questions))
    if asked is None:
        return None
    into = level.questions[0] if language.says_articles else len(asked)
    directions = [INTO if number < into else OUT for number in range(len(asked))]
    questions = _questions(language, asked, directions)
    sources: list[tuple[str, ...]] = []
    needed = {word for sentence in asked for word in sentence}
    while len(sources) < MAX_DRAWN:
        sentence = _new_sentence(rng, language, {*sources, *asked}, is_question=False)
        if sentence is None:
            return None
        sources.append(sentence)
        known = {word for source in sources for word in source}
        if needed <= known and settles(_rules(language, sources), questions):
            return sources, asked, directions
    return None


def _questions(language: PuzzleLanguage, asked: Sequence[tuple[str, ...]], directions: Sequence[str]) -> list[Asked]:
    rules = zip(_rules(language, asked), directions, strict=True)
    return [Asked(text, INTO, said) if way == INTO else Asked(said, OUT, text) for (text, said), way in rules]


def _draw_questions(rng: random.Random, language: PuzzleLanguage, number: int) -> list[tuple[str, ...]] | None:
    """Sentences that have most words, and together whatever the language has of its own; None if they don't."""
    asked: list[tuple[str, ...]] = []
    for _ in range(number):
        had = {word for sentence in asked for word in sentence}
        drawn = [_new_sentence(rng, language, set(asked), is_question=True) for _ in range(4)]
        fresh = [sentence for sentence in drawn if sentence is not None]
        if not fresh:
            return None
        asked.append(max(fresh, key=lambda sentence: len(set(sentence) - had)))
    return asked if not language.is_grammar or _shows_all(language, asked) else None


def _shows_all(language: PuzzleLanguage, asked: Sequence[tuple[str, ...]]) -> bool:
    """Do questions have whatever the language has of its own?"""
    forms = [[language.invented.classes[word] for word in sentence] for sentence in asked]
    classes = {of_class for form in forms for of_class in form}
    needed = {VERB}
    needed |= {ADJECTIVE} if "adjectives" in language.phenomena else set()
    needed |= {PLURAL} if "affixes" in language.phenomena else set()
    has_thing = any(NOUN in form[form.index(VERB) :] for form in forms if VERB in form)
    return needed <= classes and has_thing


def _new_sentence(
    rng: random.Random, language: PuzzleLanguage, known: set[tuple[str, ...]], is_question: bool
) -> tuple[str, ...] | None:
    """A random sentence that isn't known, nor said as one that is; None if there seem to be none left."""
    said = {language.translate(sentence) for sentence in known}
    for _ in range(MAX_SENTENCES):
        sentence = language.sentence(rng, is_question)
        if sentence not in known and language.translate(sentence) not in said:
            return sentence
    return None


def _fewest(
    rng: random.Random,
    language: PuzzleLanguage,
    level: Level,
    sources: list[tuple[str, ...]],
    questions: Sequence[Asked],
) -> list[tuple[str, ...]]:
    """Of examples those without which a question would be open, the others left out one by one."""
    order = sorted(sources, key=lambda sentence: 2 * level.long_first * len(sentence) + rng.random() * 5)
    kept = list(sources)
    while True:
        before = len(kept)
        for sentence in order:
            if sentence in kept:
                rest = [other for other in kept if other != sentence]
                if rest and settles(_rules(language, rest), questions):
                    kept = rest
        if len(kept) == before:
            return kept


def _easy_first(sources: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """In an order in which each has few words that weren't there before."""
    left, ordered = sorted(sources, key=len), list[tuple[str, ...]]()
    while left:
        had = {word for sentence in ordered for word in sentence}
        best = min(left, key=lambda sentence: (len(set(sentence) - had), len(sentence)))
        left.remove(best)
        ordered.append(best)
    return ordered


def _is_sound(puzzle: Puzzle) -> bool:
    """Are all questions settled by the examples as they are listed, and none of these superfluous; and are they read
    with the language's own affixes, and no others?
    """
    examples, questions = puzzle.examples, puzzle.questions
    if not settles(examples, questions):
        return False
    if any(is_superfluous(examples, number, questions) for number in range(len(examples))):
        return False
    translator = ExactTranslator(examples)
    sides = translator.sides
    if translator.is_turned:
        return False
    divided = [[affix.letters for affix in side.division] for side in (sides.source, sides.target)]
    if not puzzle.language.is_joined or not any("s" in sentence for sentence in puzzle.sources):
        return divided == [[], []]
    return divided == [["s"], [puzzle.language.invented.lexicon["s"]]]
