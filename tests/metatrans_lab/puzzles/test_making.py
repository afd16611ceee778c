import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from metatrans_lab.errors import UserError
from metatrans_lab.exact.readings import components
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.exact.words import Affix
from metatrans_lab.puzzles.checking import Given, check
from metatrans_lab.puzzles.levels import COMBINED, LEVELS, Wanted
from metatrans_lab.puzzles.making import _Growing, make
from metatrans_lab.puzzles.settled import INTO

PUZZLES = [
    (1, "7"),
    (1, "8", ("adjectives",)),
    (1, "1", ("order",)),
    (1, "1", ("operators",), 4),
    (2, "7"),
    (2, "8"),
    (3, "7"),
    (3, "8"),
    (3, "1", ("affixes", "particles"), 6),
    (4, "1", ("affixes", "adjectives"), 5),
]


def answers(examples, questions):
    """Whether each question has one answer, and it is the one that is given."""
    translator = ExactTranslator(examples)
    said = [translator(q.text) if q.direction == INTO else translator.back(q.text) for q in questions]
    return [one.is_settled and one.text == q.answer for one, q in zip(said, questions, strict=True)]


@pytest.mark.parametrize("wish", PUZZLES, ids=str)
def test_every_question_is_settled_and_no_example_is_superfluous(made, wish):
    puzzle = made(*wish)
    examples, questions = puzzle.examples, puzzle.questions
    assert all(answers(examples, questions))
    for number in range(len(examples)):
        rest = [example for other, example in enumerate(examples) if other != number]
        assert not rest or not all(answers(rest, questions))
    assert not {q.text for q in questions} & {side for example in examples for side in example}
    assert len({q.text for q in questions}) == len(questions) == sum(LEVELS[puzzle.wanted.level].questions)
    if len(wish) > 2 and wish[2]:
        assert puzzle.language.phenomena == wish[2]


def test_the_same_seed_makes_the_same_puzzle_in_any_process(made):
    puzzle = made(2)
    again = make(Wanted(2, "7"))
    assert (again.examples, again.questions, again.name) == (puzzle.examples, puzzle.questions, puzzle.name)
    assert made(2, "8").examples != puzzle.examples
    code = (
        "from metatrans_lab.puzzles.levels import Wanted; from metatrans_lab.puzzles.making import make\n"
        "print(make(Wanted(1, '1', ('order',), 4)).examples)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(made(1, "1", ("order",), 4).examples)


def test_a_level_s_defaults_can_be_changed(made):
    assert len(made(1, "3", None, None, 5).examples) == 5
    many = made(1, "3", ("verbs",), 9, None, "CVC")
    assert sum(c < 3 for c in many.language.invented.classes.values()) == 9 and many.sounds == "CVC"


def test_what_isn_t_found_is_told_with_what_was(monkeypatch):
    monkeypatch.setattr("metatrans_lab.puzzles.making.MAX_TRIED", 6)
    with pytest.raises(UserError, match=r"no puzzle like that was found in .* tries; those found have \d to \d+ ex"):
        make(Wanted(1, "1", ("order",), 4, 20))


def test_the_posterior_s_own_enumeration_agrees(made):
    """`enumerate_answers` of tests/metatrans_lab/exact, on a puzzle that is small enough for it."""
    import importlib.util

    path = Path(__file__).parents[1] / "exact" / "test_posterior.py"
    spec = importlib.util.spec_from_file_location("posterior_tests", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    puzzle = made(1, "1", ("order",), 4)
    examples = [module.example(f"{source} = {target}") for source, target in puzzle.examples]
    families = [one for one in components() if one.name in ("lexicon", "order")]
    for question in puzzle.questions:
        if question.direction == INTO:
            found = module.enumerate_answers(families, examples, tuple(question.text.split()), 5)
            assert found == {tuple(question.answer.split()): pytest.approx(1.0)}
    assert set(COMBINED) & set(puzzle.language.phenomena) == set()


def test_a_translator_that_is_told_how_words_are_divided():
    rules = [("cat", "neko"), ("cats", "nekora"), ("dog", "inu"), ("dogs", "inura")]
    own = ((Affix("s", False),), (Affix("ra", False),))
    assert (
        ExactTranslator(rules, divisions=[own]).read_as == "words are divided at -s; translations are divided at -ra"
    )
    assert ExactTranslator(rules, divisions=[((), ())]).read_as == ""
    for divisions in ([((), ()), own], [own, ((), ())], None):
        assert "-ra" in ExactTranslator(rules, divisions=divisions).read_as
    # As good as undivided, and more: the first is taken.
    assert ExactTranslator(rules[:1], divisions=[((), ()), own]).sides.target.division == ()


def test_where_affixes_are_joined_both_promises_are_kept_with_hyphens_too(made):
    puzzle = made(4, "1", ("affixes", "adjectives"), 5)
    divided = replace(puzzle, language=replace(puzzle.language, is_joined=False))
    assert any("-" in source for source, _ in divided.examples)
    report = check(Given("", divided.examples, divided.questions))
    assert report.is_solvable and report.superfluous == ()


def test_sets_that_grow_are_looked_at_once():
    looked = []

    def has_two(sources):
        looked.append(frozenset(sources))
        return len(sources) >= 2

    holds = _Growing(has_two)
    a, b, c = ("a",), ("b",), ("c",)
    assert holds([a, b]) and holds([a, b, c]) and not holds([a]) and not holds([]) and not holds([a])
    assert looked == [{a, b}, {a}]
