"""All answers to a puzzle's questions into the language, by going through every language: what the exact predictor's
are held to. Nothing of it is used but which families there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from dataset_script.families.planned import PlannedLanguage
from metatrans_lab.exact.readings import components
from metatrans_lab.puzzles.making import Puzzle
from metatrans_lab.puzzles.settled import INTO
from modeling_metalstm.rules_metalstm import UNKNOWN_WORD

Sentence = Sequence[str]
"""Words; affixes are words of their own."""

Unit = str | int
"""A word of English, or the number of a unit that no word says."""


MOST = 1_000_000
"""Languages that are gone through, unless it is said how many: a quarter of a minute."""


def agrees(puzzle: Puzzle, most: int = MOST) -> bool | None:
    """Has each question into the language the answer that is told, and no other, by all languages? None: there are
    more of them than `most`.
    """

    def words(text: str) -> list[str]:
        return text.replace("-", " ").split()

    divided = replace(puzzle, language=replace(puzzle.language, is_joined=False))
    examples = [(words(source), words(target)) for source, target in divided.examples]
    questions = [question for question in divided.questions if question.direction == INTO]
    asked = [words(question.text) for question in questions]
    if number_of_languages([*(source for source, _ in examples), *asked]) > most:
        return None
    return all_answers(examples, asked) == [{tuple(words(question.answer or ""))} for question in questions]


def number_of_languages(sentences: Sequence[Sentence]) -> int:
    """How many languages have these English sentences, whatever their words are in the language: of every family, the
    ways to give the words classes, times the settings of the switches.
    """
    configs = [component.config for component in components()]
    return sum(sum(1 for _ in _all_classes(config, sentences)) * len(config.settings) for config in configs)


def all_answers(
    examples: Sequence[tuple[Sentence, Sentence]], asked: Sequence[Sentence]
) -> list[set[tuple[str, ...]]]:
    """The translations that each of the sentences has, by whatever languages have them and explain the examples.

    Args:
        examples: sentences with their translations. asked: sentences.

    Returns:
        Of each sentence its translations, with `UNKNOWN_WORD` for a word that the examples don't tell.
    """
    sentences = [*(source for source, _ in examples), *asked]
    targets = [target for _, target in examples]
    found: list[set[tuple[str, ...]]] = [set() for _ in asked]
    for config in (component.config for component in components()):
        plans: dict[tuple[tuple[int, ...], int], list[tuple[int | None, int | None]]] = {}
        for classes in _all_classes(config, sentences):
            forms = [tuple(classes[word] for word in sentence) for sentence in sentences]
            for number, setting in enumerate(config.settings):
                said: list[list[Unit | None]] = []
                for form, sentence in zip(forms, sentences, strict=True):
                    if (form, number) not in plans:
                        plans[form, number] = [(one.place, one.unit) for one in config.plan(form, setting)]
                    said.append([unit if at is None else sentence[at] for at, unit in plans[form, number]])
                lexicon = _lexicon(said[: len(targets)], targets)
                if lexicon is not None:
                    for answers, units in zip(found, said[len(targets) :], strict=True):
                        answers.add(tuple(lexicon.get(unit, UNKNOWN_WORD) for unit in units))
    return found


def _all_classes(config: PlannedLanguage, sentences: Sequence[Sentence]) -> Iterator[Mapping[str, int]]:
    """Every way to give the words of sentences classes of a family by which all are sentences of it."""
    if len(config.class_sizes) == 1:  # of which any sentence is one, whatever its length
        yield {word: 0 for sentence in sentences for word in sentence}
        return
    forms = config.all_forms()

    def extended(classes: Mapping[str, int], rest: Sequence[Sentence]) -> Iterator[Mapping[str, int]]:
        if not rest:
            yield classes
            return
        for form in forms:
            more = dict(classes)
            if len(form) == len(rest[0]) and all(
                more.setdefault(word, of_class) == of_class for word, of_class in zip(rest[0], form, strict=True)
            ):
                yield from extended(more, rest[1:])

    yield from extended({}, sentences)


def _lexicon(said: Sequence[Sequence[Unit | None]], targets: Sequence[Sentence]) -> dict[Unit | None, str] | None:
    """The word of every unit by which what is said is the translations; None if there is none, or two units have one
    word.
    """
    lexicon: dict[Unit | None, str] = {}
    for units, target in zip(said, targets, strict=True):
        if len(units) != len(target) or any(lexicon.setdefault(u, w) != w for u, w in zip(units, target, strict=True)):
            return None
    return lexicon if len(set(lexicon.values())) == len(lexicon) else None
