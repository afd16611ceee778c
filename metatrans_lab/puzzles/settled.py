"""Whether examples settle a question: the exact predictor's answers to it, in either direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metatrans_lab.exact.translator import ExactTranslator, Translation
from modeling_metalstm.errors_metalstm import TranslationError

INTO, OUT = "into", "out"
"""Directions of a question: into the language, and out of it."""


@dataclass(frozen=True)
class Asked:
    """A question.

    Attributes:
        text: what is to be translated. direction: `INTO` or `OUT`. answer: the right one; None: it isn't said.
    """

    text: str
    direction: str
    answer: str | None


def ask(translator: ExactTranslator, question: Asked) -> Translation:
    """The predictor's answer.

    Raises:
        TranslationError: the question is no sentence, or the examples can't all be right.
    """
    return translator.back(question.text) if question.direction == OUT else translator(question.text)


def is_only(translation: Translation) -> bool:
    """Is no other translation possible, however improbable? One is settled from a probability of 1 - 1e-9 on."""
    return translation.is_settled and not translation.others


def is_answered(translation: Translation, question: Asked) -> bool:
    """Is there one answer, and is it the right one?"""
    return is_only(translation) and question.answer in (None, translation.text)


def settle(translator: ExactTranslator, questions: Sequence[Asked]) -> bool:
    """Do a translator's examples settle all questions?"""
    try:
        return all(is_answered(ask(translator, question), question) for question in questions)
    except TranslationError:
        return False


def settles(examples: Sequence[tuple[str, str]], questions: Sequence[Asked]) -> bool:
    """Do examples settle all questions?"""
    try:
        translator = ExactTranslator(examples)
    except TranslationError:
        return False
    return settle(translator, questions)


def is_superfluous(examples: Sequence[tuple[str, str]], number: int, questions: Sequence[Asked]) -> bool:
    """Do the examples without one of them, by its number from 0, settle all questions?"""
    rest = [example for other, example in enumerate(examples) if other != number]
    return bool(rest) and settles(rest, questions)
