import json

import pytest

from metatrans_lab.errors import UserError
from metatrans_lab.puzzles.checking import Given, check, read_puzzles
from metatrans_lab.puzzles.enumerating import all_answers
from metatrans_lab.puzzles.settled import INTO, OUT, Asked
from metatrans_lab.puzzles.writing import text_of

RULES = """
1. the cat sees the dog = neko inu o miru
2. the dog sleeps = inu neru
3. the big dog sees a bird = ookii inu tori o miru
4. cat = neko
5. dog = inu
the big cat sees the dog = ?
? the cat sleeps = neko neru
"""

REVERSED = """the bird-s slept = sali ta-kola ki
the doctor-s found the bird-s = ta-kola ki roku ta-rula ki
the bird found the brave cat = naso nuda ki roku kola ki
the doctor found the white chimp = dobra lida ki roku rula ki
the cow followed the queen = silo ki broli tini ki
the doctor-s found the cat = ?"""


def found(text):
    (given,) = read_puzzles(text, "my.txt")
    return check(given)


def test_a_planted_superfluous_example_is_found(made):
    puzzle = made(2)
    more = (*puzzle.examples[:2], puzzle.examples[0], *puzzle.examples[2:])
    report = check(Given("", more, puzzle.questions))
    assert report.is_solvable and report.superfluous == (0, 2)  # either of the two
    assert check(Given("", puzzle.examples, puzzle.questions)).superfluous == ()


def test_a_planted_ambiguous_question_is_found_with_its_odds(made):
    puzzle = made(2)
    report = check(Given("", puzzle.examples[:-1], puzzle.questions))
    assert not report.is_solvable and report.superfluous == ()
    # Two orders explain the example, and the question has two answers.
    report = found("blue house = casa azul\nred car = coche rojo\nblue house = ?\nred house = ?")
    settled, open_one = report.questions
    assert settled.is_settled and not open_one.is_settled
    odds = [open_one.translation.probability, *(p for _, p in open_one.translation.others)]
    assert len(odds) > 1 and sum(odds) == pytest.approx(1)


def test_questions_are_written_in_four_ways():
    report = found(RULES + "? = inu neru\nneko neru = ?\n")
    asked = {checked.question.text: checked.question for checked in report.questions}
    assert asked["the big cat sees the dog"] == Asked("the big cat sees the dog", INTO, None)
    assert asked["the cat sleeps"].answer == "neko neru"
    assert asked["inu neru"].direction == asked["neko neru"].direction == OUT
    assert [checked.is_settled for checked in report.questions[:1]] == [True]


def test_an_answer_that_isn_t_the_expected_one():
    report = found(RULES.replace("? the cat sleeps = neko neru", "? the cat sleeps = neru neko"))
    assert [checked.translation.is_settled for checked in report.questions] == [True, True]
    assert [checked.is_settled for checked in report.questions] == [True, False] and not report.is_solvable


def test_an_answer_that_is_certain_to_rounding_is_not_the_only_one():
    """Sentences said from their ends, or a grammar that happens to say them so: of 8.5e-11 it is the grammar."""
    report = found(REVERSED)
    (checked,) = report.questions
    assert checked.translation.is_settled and len(checked.translation.others) == 1
    assert not checked.is_settled and not report.is_solvable
    asked = checked.question.text.split()
    examples = [[side.split() for side in line.split(" = ")] for line in REVERSED.replace("-", " ").splitlines()[:-1]]
    assert len(all_answers(examples, [asked])[0]) == 2


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_what_was_written_is_checked(made, form):
    puzzles = [made(1), made(2)]
    reports = [check(given) for given in read_puzzles(text_of(puzzles, form), "puzzles")]
    assert [report.is_solvable for report in reports] == [True, True]
    assert [len(report.questions) for report in reports] == [len(puzzle.questions) for puzzle in puzzles]
    assert [report.superfluous for report in reports] == [(), ()]
    (alone,) = read_puzzles(text_of(puzzles[:1], form), "puzzles")
    assert alone.examples == puzzles[0].examples and alone.questions == puzzles[0].questions


@pytest.mark.parametrize(
    "text, message",
    [
        ("red = dax\n", "my.txt has no questions; write them as “red house = ?”, a line each"),
        ("red = ?\n", "my.txt has no examples; write them as “red house = casa roja”, a line each"),
        ("red = dax\nblue\nred = ?\n", "line 2 of my.txt: an example is written"),
        ("cat = neko\ncat = inu\ncat = ?\n", "Examples 1 and 2 disagree"),
        ('[["red", "dax"]]', "my.txt is JSON, but no puzzle: it has no examples and questions"),
        ('{"examples": 3, "questions": []}', "examples must be a list in my.txt"),
        ('{"examples": [["a", "b"]], "questions": [{"question": 3}]}', "a question of my.txt must be a text, or have"),
        ('{"examples": [["a", "b"]], "questions": []}', "my.txt has no questions"),
        ('{"examples": [3], "questions": ["a"]}', "an example is a pair of texts"),
        ('{"a": \n3', "line 1 of my.txt is not JSON, though the file begins like it"),
    ],
)
def test_what_is_no_puzzle_is_told_in_a_sentence(text, message):
    with pytest.raises(UserError) as error:
        found(text)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_report_is_plain_values():
    value = json.loads(json.dumps(found(RULES).as_json()))
    assert value["is_solvable"] and value["questions"][0]["answer"] == "ookii neko inu o miru"
    assert set(value) == {"name", "is_solvable", "superfluous", "questions"}
