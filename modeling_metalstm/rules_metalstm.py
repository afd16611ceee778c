"""
Rules as people write them: sentences with their translations, in lines of text, tables, JSON or Python objects.

```python
>>> read_lines("# colours\\n1. red = dax\\n2. blue red = wif dax")
[Rule(source='red', target='dax', where='line 2'), Rule(source='blue red', target='wif dax', where='line 3')]
>>> read_examples({"red": "dax"}) == read_examples([{"source": "red", "target": "dax"}]) == [("red", "dax")]
True
```
"""

import csv
import itertools
import json
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .errors_metalstm import TranslationError

UNKNOWN_WORD = "?"  # in place of a translation: what is asked for

SEPARATORS = {
    "a tab": re.compile(r"\t"),
    "=": re.compile(r"=>?|⇒"),
    "→": re.compile(r"→|↦|↔"),
    "->": re.compile(r"-{1,2}>"),
    "a dash": re.compile(r"\s[–—-]\s"),
    ":": re.compile(r"\s:\s*|:\s+"),  # within a word it is a class: dog:noun
    "a comma": re.compile(r",|，"),
}
"""What may stand between a sentence and its translation, in the order in which they are tried; one for all lines."""

COMMENT = re.compile(r"#|//")
QUESTION = re.compile(r"\?\s+(?![=→-])")  # opens a line with a sentence and the translation that is expected of it
NUMBER = re.compile(r"(\(?\d{1,4}[.)]|\(?[a-z]\)|[•*-])\s+(?=\S)")  # or a bullet: what a line of a list begins with
REMARK = re.compile(r"\s+(#|//)\s.*")  # a comment behind a rule
ASKED = re.compile(r"\s*(=>?|→|->|:|\t)\s*\?$")  # ends a question as it does a line of a list of rules
QUOTED = re.compile(r"^(?:\"(?P<a>[^\"]+)\"|“(?P<b>[^”]+)”|«(?P<c>[^»]+)»|'(?P<d>[^']+)'|‘(?P<e>[^‘]+)’)$")

IN_OUT = re.compile(r"IN:\s*(?P<source>.*?)\s*OUT:\s*(?P<target>.*)")  # a line of SCAN's files, and of MLC's
SECTION = re.compile(r"\*(?P<name>SUPPORT|QUERY|GRAMMAR)\*$")  # of MLC's: the examples, what is asked, and the rules

COLUMNS = (
    ("source", "target"),
    ("from", "to"),
    ("input", "output"),
    ("src", "tgt"),
    ("sentence", "translation"),
    ("original", "translation"),
    ("word", "translation"),
    ("text", "text_pair"),
)
"""Names of columns that hold sentences and their translations."""

LANGUAGES = frozenset(
    [
        "arabic",
        "basque",
        "bengali",
        "bulgarian",
        "catalan",
        "chinese",
        "croatian",
        "czech",
        "danish",
        "dutch",
        "english",
        "esperanto",
        "estonian",
        "finnish",
        "french",
        "georgian",
        "german",
        "greek",
        "hebrew",
        "hindi",
        "hungarian",
        "icelandic",
        "indonesian",
        "irish",
        "italian",
        "japanese",
        "klingon",
        "korean",
        "latin",
        "latvian",
        "lithuanian",
        "malay",
        "maori",
        "norwegian",
        "persian",
        "polish",
        "portuguese",
        "quechua",
        "romanian",
        "russian",
        "sanskrit",
        "serbian",
        "slovak",
        "slovene",
        "spanish",
        "swahili",
        "swedish",
        "tamil",
        "thai",
        "turkish",
        "ukrainian",
        "urdu",
        "vietnamese",
        "welsh",
        "yoruba",
        "zulu",
        "ar",
        "bg",
        "bn",
        "ca",
        "cs",
        "cy",
        "da",
        "de",
        "el",
        "en",
        "eo",
        "es",
        "et",
        "eu",
        "fa",
        "fi",
        "fr",
        "ga",
        "he",
        "hi",
        "hr",
        "hu",
        "id",
        "is",
        "it",
        "ja",
        "ka",
        "ko",
        "la",
        "lt",
        "lv",
        "ms",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sr",
        "sv",
        "sw",
        "ta",
        "th",
        "tr",
        "uk",
        "ur",
        "vi",
        "zh",
    ]
)
"""By which a header's columns may be called."""

MAX_ERRORS = 5  # that are told at once


class Rule(NamedTuple):
    """
    A sentence and its translation.

    Attributes:
        source, target (`str`): both, as they were written.
        where (`str`): where that was, such as "line 3 of my.tsv".
    """

    source: str
    target: str
    where: str = ""


def read_lines(text: str, name: str = "", questions: bool = False, unread: list[str] | None = None) -> list[Rule]:
    """
    The rules in a text: one a line, a table with or without a header, or JSON. Empty lines, comments and questions are
    skipped. Lines `IN: … OUT: …` are read as SCAN and MLC publish them: below `*QUERY*` they are questions, and what
    is below `*GRAMMAR*` is skipped.

    Args:
        text (`str`): the lines.
        name (`str`): what the text is called in errors; "" for nothing.
        questions (`bool`, defaults to `False`): give the questions in place of the rules, each with the translation
            that is expected: `? blue red = wif dax`.
        unread (list of `str`, *optional*): takes what is wrong with lines that are no rules, in place of an error.

    Raises:
        TranslationError: lines that are no rules, each named with what was expected.
    """
    of_name = f" of {name}" if name else ""
    if text.lstrip()[:1] in ("[", "{"):
        return _read_json(text, of_name)
    lines = [(number, uncovered(line)) for number, line in enumerate(re.split("\r\n|\r|\n", text), 1)]
    lines = [(number, line) for number, line in lines if line and not COMMENT.match(line)]
    if any(IN_OUT.match(line) for _, line in lines):
        rules, errors = _read_in_out(lines, of_name, questions)
        if unread is None:
            _raise_all(errors)
        else:
            unread += errors
        return rules
    asked = [(number, QUESTION.sub("", line, count=1)) for number, line in lines if QUESTION.match(line)]
    lines = asked if questions else [(number, line) for number, line in lines if not QUESTION.match(line)]
    if not lines:
        return []
    separator = choose_separator([line for _, line in lines])
    rows = [(number, split_line(line, separator)) for number, line in lines]
    columns = _header(rows[0][1]) if separator in ("a tab", "a comma") else None
    if columns is not None:
        rows = rows[1:]
    rules, errors = [], []
    for number, row in rows:
        where = f"line {number}{of_name}"
        try:
            rules.append(_rule(row, columns, where, separator))
        except TranslationError as error:
            errors.append(f"{where}: {error}")
    if unread is None:
        _raise_all(errors)
    else:
        unread += errors
    return rules


def _read_in_out(lines: Sequence[tuple[int, str]], of_name: str, questions: bool) -> tuple[list[Rule], list[str]]:
    """The rules, or the questions, in numbered lines `IN: … OUT: …`, and what is wrong with other lines."""
    section, rules, errors = "SUPPORT", [], []
    for number, line in lines:
        heading, pair = SECTION.match(line), IN_OUT.match(line)
        if heading is not None:
            section = heading["name"]
        elif section == "GRAMMAR" or (section == "QUERY") != questions:
            continue
        elif pair is None:
            errors.append(
                f"line {number}{of_name}: other lines are written IN: SENTENCE OUT: TRANSLATION, or begin a part, "
                f"*SUPPORT*, *QUERY* or *GRAMMAR*, but this is {reprlib.repr(line)}"
            )
        elif not pair["source"] or not pair["target"]:
            missing = "translation" if pair["source"] else "sentence"
            errors.append(f"line {number}{of_name}: there is no {missing} in {reprlib.repr(line)}")
        else:
            rules.append(Rule(pair["source"], pair["target"], f"line {number}{of_name}"))
    return rules, errors


def read_question(text: str) -> str:
    """The sentence of a question as people write it: '3. blue red = ?' → 'blue red'."""
    line = uncovered(text)
    return ASKED.sub("", QUESTION.sub("", line, count=1)).strip() or text


def uncovered(line: str) -> str:
    """A line without the white space, the number and the remark around what it says."""
    line = REMARK.sub("", line.strip(" \ufeff").strip("\u200b"), count=1)
    bare = NUMBER.sub("", line, count=1) if NUMBER.match(line) else line
    return bare if bare.strip() else ""


def choose_separator(lines: Sequence[str]) -> str:
    """
    The separator of lines, a name of `SEPARATORS`: the first that stands in each of them once; else the first of those
    that stand once in the most lines.
    """
    counts = {name: [count_separators(line, name) for line in lines] for name in SEPARATORS}
    for name, each in counts.items():
        if all(count == 1 for count in each):
            return name
    in_lines = {name: (each.count(1), sum(count > 0 for count in each)) for name, each in counts.items()}
    best = max(in_lines, key=lambda name: in_lines[name])
    return best if in_lines[best] > (0, 0) else "="


def count_separators(line: str, name: str) -> int:
    """How often a separator stands in a line."""
    return len(split_line(line, name)) - 1


def split_line(line: str, name: str) -> list[str]:
    """A line's parts between separators; what is in quotes isn't divided by commas."""
    if name == "a comma":
        line = line.replace("，", ",")
        try:
            parts = next(csv.reader([line], skipinitialspace=True), [])
        except csv.Error:  # such as a line that is too long for a table's
            parts = line.split(",")
    elif name == "a tab":
        # A tab beside an equals sign aligns it.
        parts = re.sub(r"\s*=\s*", " = ", line).split("\t") if "=" in line else line.split("\t")
    else:
        parts = SEPARATORS[name].split(line)
    while len(parts) > 2 and not parts[-1].strip():  # empty columns, as a table may have
        parts.pop()
    return [unquote(part) for part in parts]


def unquote(text: str) -> str:
    """A text without the quotation marks around it."""
    text = text.strip()
    match = QUOTED.match(text)
    return text if match is None else next(part for part in match.groups() if part is not None).strip()


def _header(row: Sequence[str]) -> tuple[int, int] | None:
    """The columns of source and target, if a row is a header."""
    names = [name.strip().casefold() for name in row]
    for source, target in COLUMNS:
        if source in names and target in names:
            return names.index(source), names.index(target)
    return (0, 1) if are_languages(names) else None


def are_languages(names: Sequence[object]) -> bool:
    """Whether names are those of two columns, by their languages."""
    plain = [str(name).strip().casefold() for name in names]
    return len(plain) == 2 and any(name in LANGUAGES for name in plain) and all(name.isalpha() for name in plain)


def _rule(row: Sequence[str], columns: tuple[int, int] | None, where: str, separator: str) -> Rule:
    """A line's rule.

    Raises:
        TranslationError: it is none.
    """
    if columns is not None and max(columns) < len(row):
        sides = [row[column] for column in columns]
    elif len(row) != 2:
        shown = f'"SOURCE {separator} TARGET"' if len(separator) <= 2 else f"a sentence, {separator}, its translation"
        other = next((name for name in SEPARATORS if len(row) == 1 and count_separators(row[0], name) == 1), None)
        if other is not None:
            raise TranslationError(f"{reprlib.repr(row[0])} has {other} where other lines have {separator}")
        found = "none" if len(row) == 1 else str(len(row) - 1)
        raise TranslationError(
            f"an example is written {shown}, with one {separator.removeprefix('a ')}, but this has {found}: "
            f"{reprlib.repr(' '.join(row))}"
        )
    else:
        sides = list(row)
    source, target = (side.strip() for side in sides)
    if target == UNKNOWN_WORD:
        raise TranslationError(
            f"{reprlib.repr(source)} is a question; an example has its translation in place of the ?"
        )
    if not source or not target:
        raise TranslationError(f"there is no {'translation' if source else 'sentence'} beside {source or target!r}")
    return Rule(source, target, where)


def _read_json(text: str, of_name: str) -> list[Rule]:
    """The rules in JSON: a list of pairs or rows, an object of sentences and translations, or one of these a line."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        pass
    else:
        if isinstance(value, dict) and not is_row(value) and not {"source", "target"} & set(value):
            value = list(value.items())
        if isinstance(value, dict) or is_pair(value):
            value = [value]
        return _rules_of(((f"rule {number}{of_name}", item) for number, item in enumerate(value, 1)))
    items: list[tuple[str, object]] = []
    errors = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                items.append((f"line {number}{of_name}", json.loads(line)))
            except (ValueError, RecursionError):
                errors.append(f"line {number}{of_name}: not JSON, though the text begins like it")
    _raise_all(errors)
    return _rules_of(items)


def _rules_of(items: Iterable[tuple[str, object]]) -> list[Rule]:
    rules, errors = [], []
    for where, item in items:
        try:
            rules.append(Rule(*read_pair(item), where))
        except TranslationError as error:
            errors.append(f"{where}: {error}")
    _raise_all(errors)
    return rules


def _raise_all(errors: Sequence[str]) -> None:
    """Raises a TranslationError of all errors; of many, of the first, with their number."""
    if errors:
        more = len(errors) - MAX_ERRORS
        raise TranslationError("\n".join([*errors[:MAX_ERRORS], *([f"and {more} more like these"] * (more > 0))]))


def is_pair(value: object) -> bool:
    """Whether it is a sentence and its translation, in a list or tuple."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return False
    return all(isinstance(side, str) for side in value)


def is_row(value: Mapping) -> bool:
    """Whether it is a row of a table with a sentence and its translation in columns, or with both in a column
    `translation`, by their languages, as translation data sets have them.
    """
    both = value.get("translation")
    if isinstance(both, Mapping) and len(both) == 2:
        return True
    return any(source in value and target in value for source, target in COLUMNS)


def read_pair(value: object) -> tuple[str, str]:
    """
    A sentence and its translation: of a pair, a row (`is_row`) or a text such as "red = dax".

    Raises:
        TranslationError: it is nothing of these.
    """
    pair = IN_OUT.match(value.strip()) if isinstance(value, str) else None
    if pair is not None and pair["source"] and pair["target"]:
        return pair["source"], pair["target"]
    if isinstance(value, str):
        separator = choose_separator([value])
        rule = _rule(split_line(value, separator), None, "", separator)
        return rule.source, rule.target
    sides: object = value
    if isinstance(value, Mapping) and is_row(value):
        both = value.get("translation")
        if isinstance(both, Mapping):
            sides = list(both.values())
        else:
            sides = next([value[s], value[t]] for s, t in COLUMNS if s in value and t in value)
    elif isinstance(value, Mapping) and are_languages([*value]):
        sides = list(value.values())  # of a translation data set's column
    if not is_pair(sides):
        raise TranslationError(
            "an example is a pair of texts, such as ('red', 'dax'), a row with a source and a target, or a text such "
            f"as 'red = dax', not {reprlib.repr(value)}"
        )
    assert isinstance(sides, Sequence)
    return sides[0], sides[1]


def as_columns(value: Any) -> Any:
    """A data frame's columns by their names; anything else as it is."""
    return dict(value) if hasattr(value, "columns") and hasattr(value, "keys") else value


def _rows_of(examples: Mapping) -> Iterable:
    """The examples in a mapping: of sentences to translations, of columns to lists of them, or of one row."""
    columns = next(((s, t) for s, t in COLUMNS if s in examples and t in examples), None)
    both = examples.get("translation")
    if isinstance(both, Mapping) or (
        columns is not None and isinstance(examples[columns[0]], str) and len(examples) == 2
    ):
        return [examples]
    if columns is not None and not isinstance(examples[columns[0]], str):
        return zip(*(examples[column] for column in columns), strict=True)
    if isinstance(both, Iterable) and not isinstance(both, str):
        return both
    if examples and all(not isinstance(rows, str) and isinstance(rows, Iterable) for rows in examples.values()):
        names = ", ".join(map(repr, examples))
        raise TranslationError(
            f"The examples are several, {names}; give one of them, such as examples[{next(iter(examples))!r}]."
        )
    return examples.items()


def read_examples(examples: object) -> list[tuple[str, str]]:
    """
    Examples as Python objects have them: a list, a `zip` or another iterable of pairs, rows or texts; a mapping of
    sentences to translations, or of columns to lists of them; a row; a data set or a data frame; or a text of lines.

    Raises:
        TranslationError: they are nothing of these, or one is none; it is named by its number.
    """
    if isinstance(examples, str):
        return [(rule.source, rule.target) for rule in read_lines(examples)]
    examples = as_columns(examples)
    if isinstance(examples, Mapping):
        examples = _rows_of(examples)
    if not isinstance(examples, Iterable):
        raise TranslationError(
            f"The examples must be a list of pairs, such as [('red', 'dax')], not {reprlib.repr(examples)}."
        )
    pairs, errors = [], []
    for number, item in enumerate(itertools.islice(examples, 1_000_000), 1):
        try:
            pairs.append(read_pair(item))
        except TranslationError as error:
            errors.append(f"Example {number}: {error}")
    _raise_all(errors)
    return pairs
