import json

import pytest

from modeling_metalstm import TranslationError
from modeling_metalstm.rules_metalstm import read_examples, read_lines, read_question

from ..rule_texts import TWO_RULES

TWO = [("red", "dax"), ("blue red", "wif dax")]


@pytest.mark.parametrize("text", TWO_RULES)
def test_rules_as_people_write_them(text):
    assert [rule[:2] for rule in read_lines(text)] == TWO


def test_files_of_mlc_have_questions_and_their_grammar_is_left():
    text = (
        "*SUPPORT*\nIN: 1 OUT: 1\nIN: 2 after 3 OUT: 3 2\n\n"
        "*QUERY*\nIN: 3 after 1 OUT: 1 3\nIN: 1 OUT: 1\n\n*GRAMMAR*\n1 -> 1\n"
    )
    assert [rule[:2] for rule in read_lines(text)] == [("1", "1"), ("2 after 3", "3 2")]
    assert read_lines(text, "00.txt", questions=True) == [
        ("3 after 1", "1 3", "line 6 of 00.txt"),
        ("1", "1", "line 7 of 00.txt"),
    ]
    assert read_lines("*SUPPORT*\n\n*QUERY*\nIN: a OUT: color:#0000ff; color:#00b0b3;\n") == []
    assert read_examples(["IN: red OUT: dax", " IN: blue red OUT: wif dax "]) == TWO


def test_what_other_lines_of_such_files_are():
    with pytest.raises(TranslationError) as error:
        read_lines("IN: red OUT: dax\nblue = wif\nIN: blue OUT:\nIN: OUT: wif\nIN: green\n*QUESTIONS*\n", "my.txt")
    other = (
        "other lines are written IN: SENTENCE OUT: TRANSLATION, or begin a part, *SUPPORT*, *QUERY* or *GRAMMAR*, but"
    )
    assert str(error.value).split("\n") == [
        f"line 2 of my.txt: {other} this is 'blue = wif'",
        "line 3 of my.txt: there is no translation in 'IN: blue OUT:'",
        "line 4 of my.txt: there is no sentence in 'IN: OUT: wif'",
        f"line 5 of my.txt: {other} this is 'IN: green'",
        f"line 6 of my.txt: {other} this is '*QUESTIONS*'",
    ]
    unread: list[str] = []
    assert [rule[:2] for rule in read_lines("Mine\nIN: red OUT: dax", unread=unread)] == [("red", "dax")]
    assert len(unread) == 1 and unread[0].startswith("line 1: other lines are written IN:")


def test_a_rule_knows_where_it_was_written():
    rules = read_lines("# colours\n\n1. red = dax\n2. blue = wif", "my.txt")
    assert [rule.where for rule in rules] == ["line 3 of my.txt", "line 4 of my.txt"]
    assert read_lines("") == read_lines("#cat = mir\n//cat = mir\n# red = # rot") == []


@pytest.mark.parametrize(
    "text, source, target",
    [
        ("dog:noun = inu", "dog:noun", "inu"),
        ("dog:noun red: inu roj", "dog:noun red", "inu roj"),
        ("don't = mi ne", "don't", "mi ne"),
        ("well-known = a-b", "well-known", "a-b"),
        ("#1 cat = mir", None, None),
        ("cat = mir #1", "cat", "mir #1"),
        ("1984 = x", "1984", "x"),
        ("a, b and c = x y", "a, b and c", "x y"),
        ("Wait! -> x", "Wait!", "x"),
    ],
)
def test_what_else_a_line_may_hold(text, source, target):
    assert [rule[:2] for rule in read_lines(text)] == ([] if source is None else [(source, target)])


@pytest.mark.parametrize(
    "text", ["blue red", " blue red = ?", "3. blue red", "? blue red", "(b) blue red → ?", "blue red # which?"]
)
def test_questions_as_people_write_them(text):
    assert read_question(text) == "blue red"


def test_lines_that_are_no_rules_can_be_left_out():
    unread: list[str] = []
    rules = read_lines("My colours\nred = dax\nblue =\nblue red = wif dax", unread=unread)
    assert [rule[:2] for rule in rules] == TWO
    assert [one.partition(":")[0] for one in unread] == ["line 1", "line 3"]


def test_every_line_that_is_no_rule_is_named():
    with pytest.raises(TranslationError) as error:
        read_lines("a = b\nc d\ne = f = g\nh -> i\nj =\n= k\nl = ?", "my.txt")
    assert str(error.value).split("\n") == [
        "line 2 of my.txt: an example is written \"SOURCE = TARGET\", with one =, but this has none: 'c d'",
        "line 3 of my.txt: an example is written \"SOURCE = TARGET\", with one =, but this has 2: 'e f g'",
        "line 4 of my.txt: 'h -> i' has -> where other lines have =",
        "line 5 of my.txt: there is no translation beside 'j'",
        "line 6 of my.txt: there is no sentence beside 'k'",
        "and 1 more like these",
    ]
    with pytest.raises(TranslationError, match=r"line 1: 'l' is a question"):
        read_lines("l = ?")


class Rows:
    """A data set, which is neither a list nor an iterator."""

    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        return iter(self.rows)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TWO,
        lambda: tuple(TWO),
        lambda: dict(TWO),
        lambda: zip(*(list(side) for side in zip(*TWO, strict=True)), strict=True),
        lambda: [{"source": s, "target": t} for s, t in TWO],
        lambda: [{"translation": {"en": s, "x": t}} for s, t in TWO],
        lambda: {"translation": [{"en": s, "x": t} for s, t in TWO]},
        lambda: [{"en": s, "x": t} for s, t in TWO],
        lambda: {"source": [s for s, _ in TWO], "target": [t for _, t in TWO]},
        lambda: Rows([{"input": s, "output": t, "n": 3} for s, t in TWO]),
        lambda: [f"{s} = {t}" for s, t in TWO],
        lambda: "\n".join(f"{s} = {t}" for s, t in TWO),
        lambda: json.dumps(TWO),
        lambda: (pair for pair in TWO),
    ],
)
def test_examples_as_python_has_them(make):
    assert read_examples(make()) == TWO


def test_a_row_is_one_example():
    for row in ({"source": "red", "target": "dax"}, {"translation": {"en": "red", "x": "dax"}}):
        assert read_examples(row) == [("red", "dax")]
    # A mapping of words that happen to be called like columns is one.
    assert read_examples({"from": "de", "to": "al", "cat": "mir"}) == [("from", "de"), ("to", "al"), ("cat", "mir")]


def test_examples_of_a_data_set():
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_list([{"source": s, "target": t} for s, t in TWO])
    assert read_examples(rows) == read_examples(zip(rows["source"], rows["target"], strict=True)) == TWO


@pytest.mark.parametrize(
    "examples, message",
    [
        (3, r"The examples must be a list of pairs, such as \[\('red', 'dax'\)\], not 3\."),
        ([("a", "b", "c")], r"Example 1: an example is a pair of texts, .* not \('a', 'b', 'c'\)"),
        ([("a", "b"), {"x": "y"}], r"Example 2: an example is a pair of texts, .* not \{'x': 'y'\}"),
        (
            {"train": [("a", "b")], "test": []},
            r"The examples are several, 'train', 'test'; give one of them, such as examples\['train'\]\.",
        ),
        ([("a", 1), ("b", 2)], r"Example 1: .*\nExample 2: .*"),
    ],
)
def test_what_are_no_examples(examples, message):
    with pytest.raises(TranslationError, match=f"^{message}$"):
        read_examples(examples)
