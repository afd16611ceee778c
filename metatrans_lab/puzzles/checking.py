"""Checking a puzzle: has every question exactly one answer, and which examples are superfluous?

A puzzle of one's own is a file of rules, whose questions are lines with a question mark in place of the translation,
or of the sentence:

    the cat sleeps = neko neru          an example
    the dog sleeps = ?                  a question
    ? = inu neru                        one the other way
    ? the dog sleeps = inu neru         one with the answer that is expected
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from metatrans_lab.errors import UserError
from metatrans_lab.exact.translator import ExactTranslator, Translation
from metatrans_lab.puzzles.settled import INTO, OUT, Asked, ask, is_answered, is_superfluous
from modeling_metalstm.errors_metalstm import TranslationError
from modeling_metalstm.rules_metalstm import ASKED, QUESTION, read_lines, read_pair, read_question, uncovered

OTHER_WAY = re.compile(r"\?\s*(=>?|→|->|:|\t)\s*(?P<text>\S.*)")
"""A question for the sentence of a translation."""

MAX_ODDS = 5
"""Other answers that are told."""


@dataclass(frozen=True)
class Given:
    """A puzzle as somebody wrote it.

    Attributes:
        name: of it, "" if it is the file's only one. examples, questions: its own.
    """

    name: str
    examples: tuple[tuple[str, str], ...]
    questions: tuple[Asked, ...]


@dataclass(frozen=True)
class Checked:
    """A question, and what the examples say to it.

    Attributes:
        question: as it was read. translation: the predictor's answer.
    """

    question: Asked
    translation: Translation

    @property
    def is_settled(self) -> bool:
        """Is there one answer, and the right one, if that was said?"""
        return is_answered(self.translation, self.question)


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        name: of the puzzle. questions: each. superfluous: the numbers, from 0, of examples any one of which could be
            left out; none, if not all questions are settled.
    """

    name: str
    questions: tuple[Checked, ...]
    superfluous: tuple[int, ...]

    @property
    def is_solvable(self) -> bool:
        """Has every question exactly one answer?"""
        return all(checked.is_settled for checked in self.questions)

    def as_json(self) -> dict[str, Any]:
        """It as plain values, with the examples counted from 1."""
        return {
            "name": self.name,
            "is_solvable": self.is_solvable,
            "superfluous": [number + 1 for number in self.superfluous],
            "questions": [
                {
                    "question": checked.question.text,
                    "direction": checked.question.direction,
                    "expected": checked.question.answer,
                    "answer": checked.translation.text,
                    "probability": checked.translation.probability,
                    "is_settled": checked.is_settled,
                    "others": [{"answer": text, "probability": p} for text, p in checked.translation.others],
                }
                for checked in self.questions
            ],
        }


def check(given: Given) -> Report:
    """Checks a puzzle.

    Raises:
        UserError: examples can't be read, or can't all be right.
    """
    try:
        translator = ExactTranslator(given.examples)
        checked = tuple(_check(translator, question) for question in given.questions)
    except TranslationError as error:
        raise UserError(str(error)) from error
    report = Report(given.name, checked, ())
    if not report.is_solvable:
        return report
    answered = [replace(one.question, answer=one.translation.text) for one in checked]
    numbers = range(len(given.examples))
    return replace(report, superfluous=tuple(n for n in numbers if is_superfluous(given.examples, n, answered)))


def _check(translator: ExactTranslator, question: Asked) -> Checked:
    translation = ask(translator, question)
    if translation.is_other_way:
        turned = replace(question, direction=OUT if question.direction == INTO else INTO)
        return Checked(turned, ask(translator, turned))
    return Checked(question, translation)


def read_puzzles(text: str, name: str) -> list[Given]:
    """The puzzles in a file's text: one as rules and questions, or those that `metatrans puzzle` wrote as JSON.

    Args:
        name: of the file.

    Raises:
        UserError: it can't be read, or has no examples or no questions.
    """
    try:
        found = _read_json(text, name) if text.lstrip()[:1] in ("[", "{") else [_read_rules(text, name)]
    except TranslationError as error:
        raise UserError(str(error)) from error
    for given in found:
        of_which = f"the puzzle {given.name} of {name}" if given.name else name
        if not given.questions:
            raise UserError(f"{of_which} has no questions; write them as “red house = ?”, a line each")
        if not given.examples:
            raise UserError(f"{of_which} has no examples; write them as “red house = casa roja”, a line each")
    return found


def _read_rules(text: str, name: str) -> Given:
    rules, asked = [], list[Asked]()
    for line in re.split("\r\n|\r|\n", text):
        bare = uncovered(line)
        other_way = OTHER_WAY.fullmatch(bare)
        if other_way is not None:
            asked.append(Asked(other_way["text"], OUT, None))
        elif not QUESTION.match(bare) and ASKED.search(bare):
            asked.append(Asked(read_question(bare), INTO, None))
        else:
            rules.append(line)
            continue
        rules.append("")  # errors name lines by their numbers
    rest = "\n".join(rules)
    expected = [Asked(rule.source, INTO, rule.target) for rule in read_lines(rest, name, questions=True)]
    return Given("", tuple(rule[:2] for rule in read_lines(rest, name)), (*asked, *expected))


def _read_json(text: str, name: str) -> list[Given]:
    try:
        value = json.loads(text)
        rows = value if isinstance(value, list) else [value]
    except (ValueError, RecursionError):
        rows = _read_json_lines(text, name)
    if not rows or not all(isinstance(row, Mapping) and "examples" in row for row in rows):
        raise UserError(f"{name} is JSON, but no puzzle: it has no examples and questions, as --to json writes them")
    found: dict[str, Given] = {}
    for row in rows:
        key = f"{row.get('seed', '')}, level {row.get('level', '')}" if len(rows) > 1 else ""
        examples = tuple(read_pair(example) for example in _list(row, "examples", name))
        questions = _list(row, "questions", name) if "questions" in row else [row]
        asked = tuple(_read_question(question, name) for question in questions)
        known = found.get(key)
        found[key] = Given(key, examples, asked if known is None else (*known.questions, *asked))
    return list(found.values())


def _read_json_lines(text: str, name: str) -> list[Any]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise UserError(f"line {number} of {name} is not JSON, though the file begins like it") from error
    return rows


def _list(row: Mapping[str, Any], key: str, name: str) -> Sequence[Any]:
    if not isinstance(row[key], list):
        raise UserError(f"{key} must be a list in {name}")
    return row[key]


def _read_question(value: object, name: str) -> Asked:
    text = value.get("question") if isinstance(value, Mapping) else value
    of = value if isinstance(value, Mapping) else {}
    answer, direction = of.get("answer"), of.get("direction", INTO)
    if not isinstance(text, str) or not isinstance(answer, str | None) or direction not in (INTO, OUT):
        raise UserError(
            f"a question of {name} must be a text, or have a question, a direction ({INTO} or {OUT}) and an answer"
        )
    return Asked(text, direction, answer)
