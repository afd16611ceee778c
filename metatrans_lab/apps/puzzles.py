"""`metatrans puzzle`: makes puzzles, or checks one."""

import argparse
import secrets
from collections.abc import Sequence
from pathlib import Path

from metatrans_lab.apps.files import read_text
from metatrans_lab.apps.printing import LEAST, in_words, paint, percent, print_json, visible
from metatrans_lab.errors import UserError
from metatrans_lab.puzzles.checking import MAX_ODDS, Report, check, read_puzzles
from metatrans_lab.puzzles.levels import Wanted
from metatrans_lab.puzzles.making import Puzzle, make
from metatrans_lab.puzzles.page import html
from metatrans_lab.puzzles.settled import is_only
from metatrans_lab.puzzles.writing import text_of

MAX_NUMBER = 10_000


def puzzle(options: argparse.Namespace) -> int:
    """Makes puzzles, or checks them; gives an exit code.

    Raises:
        UserError: what was asked for can't be.
    """
    if options.check is not None:
        return 0 if _check(options.check, options.json) else 1
    if options.json:
        raise UserError("--json goes with --check; puzzles are written as JSON by --to json")
    if not 1 <= options.number <= MAX_NUMBER:
        raise UserError(f"number must be between 1 and {MAX_NUMBER:,}, got {options.number}")
    if options.output is not None and not Path(options.output).parent.is_dir():
        raise UserError(f"can't write {options.output}: there is no folder {Path(options.output).parent}")
    phenomena = options.phenomena
    names = None if phenomena is None else tuple(filter(None, (name.strip() for name in phenomena.split(","))))
    seed = options.seed if options.seed is not None else str(secrets.randbelow(1_000_000))
    seeds = [seed] if options.number == 1 else [f"{seed}-{number}" for number in range(1, options.number + 1)]
    asked = (names, options.words, options.examples, options.sounds)
    wanted = [Wanted(options.level, one, *asked) for one in seeds]
    _write([make(one) for one in wanted], options.to, options.output)
    return 0


def _write(puzzles: Sequence[Puzzle], form: str, output: str | None) -> None:
    text = html(puzzles) if form == "html" else text_of(puzzles, form)
    if output is None:
        print(text, end="", flush=True)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"can't write {output}: {error.strerror}") from error


def _check(name: str, as_json: bool) -> bool:
    """Checks the puzzles of a file, and prints what was found; whether every question has exactly one answer."""
    reports = [check(given) for given in read_puzzles(read_text(name), name)]
    if as_json:
        values = [report.as_json() for report in reports]
        print_json(values[0] if len(values) == 1 else values)
    else:
        for report in reports:
            _print(report)
    return all(report.is_solvable for report in reports)


def _print(report: Report) -> None:
    if report.name:
        print(visible(report.name))
    for number, checked in enumerate(report.questions, 1):
        translation, expected = checked.translation, checked.question.answer
        head = f"question {number}: {visible(checked.question.text)} = {visible(translation.text)}"
        if checked.is_settled:
            print(f"  {head}   {paint('one answer', '32')}")
        elif is_only(translation):
            note = f"one answer, but not the expected {visible(expected or '')}"
            print(f"  {head}   {paint(note, '33')}")
        else:
            print(f"  {head}   {paint(_why_open(report, number - 1), '33')}")
            for text, probability in translation.others[:MAX_ODDS]:
                print(f"    or {visible(text)}   {percent(probability) if probability >= LEAST else 'hardly'}")
    if not report.is_solvable:
        settled = sum(checked.is_settled for checked in report.questions)
        print(f"not solvable: {settled} of {len(report.questions)} questions have exactly one answer")
    elif report.superfluous:
        numbers = in_words([number + 1 for number in report.superfluous])
        which = f"examples {numbers}, any one" if len(report.superfluous) > 1 else f"example {numbers}"
        print(f"solvable: every question has exactly one answer; superfluous: {which}")
    else:
        print("solvable: every question has exactly one answer, and no example is superfluous")


def _why_open(report: Report, number: int) -> str:
    translation = report.questions[number].translation
    if translation.unknown:
        return f"no example has {', '.join(visible(word) for word in translation.unknown)}"
    if not translation.probability:
        return "no sentence of these rules"
    if translation.others:
        sure = "nearly certain" if translation.is_settled else percent(translation.probability)
        return f"{len(translation.others) + 1} answers: this one {sure}"
    if translation.left_out:
        return f"without example{'s' * (len(translation.left_out) > 1)} " + in_words(
            [example + 1 for example in translation.left_out]
        )
    return "not certain"
