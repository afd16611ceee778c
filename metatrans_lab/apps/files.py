"""Files of rules and of expected translations."""

import json
import sys
from pathlib import Path

from metatrans_lab.errors import UserError
from modeling_metalstm.errors_metalstm import TranslationError
from modeling_metalstm.rules_metalstm import Rule, read_lines

MAX_FILE_BYTES = 10_000_000


def read_rules(name: str, questions: bool = False) -> list[Rule]:
    """The rules in a file: one a line, a table, or JSON, as `read_lines` reads them.

    Args:
        name: the file's; - is standard input.
        questions: its questions in place of its rules.

    Raises:
        UserError: it can't be read, or lines are no rules; the message names each with what was expected.
    """
    text = read_text(name)
    try:
        return read_lines(text, name, questions)
    except TranslationError as error:
        raise UserError(str(error)) from error


def read_expected(name: str) -> tuple[list[Rule], list[Rule]]:
    """A file's rules, and its questions with the translations that are expected of them. A file without questions has
    no rules either: all of it is what is expected.

    Raises:
        UserError: as `read_rules`.
    """
    rules, questions = read_rules(name), read_rules(name, questions=True)
    return (rules, questions) if questions else ([], rules)


def read_text(name: str) -> str:
    """A file's text: UTF-8, or UTF-16 with its mark."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"can't read the rules {name}: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise UserError(f"the rules in {name} are more than {MAX_FILE_BYTES // 1_000_000} MB")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"the rules {name} are not UTF-8 text") from error


def write_rules(name: str, rules: list[Rule]) -> None:
    """Writes rules so that `read_rules` reads them again: SOURCE = TARGET, or JSON, where a sentence has an =.

    Raises:
        UserError: it can't be written.
    """
    plain = not any("=" in side or side.startswith(("#", "//", "[", "{")) for rule in rules for side in rule[:2])
    lines = [
        f"{rule.source} = {rule.target}" if plain else json.dumps([rule.source, rule.target], ensure_ascii=False)
        for rule in rules
    ]
    try:
        Path(name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    except OSError as error:
        raise UserError(f"can't write {name}: {error.strerror}") from error
