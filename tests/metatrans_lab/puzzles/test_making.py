import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from metatrans_lab.errors import UserError
from metatrans_lab.exact.readings import components
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.puzzles.levels import COMBINED, LEVELS, Wanted
from metatrans_lab.puzzles.making import make
from metatrans_lab.puzzles.settled import INTO

PUZZLES = [
    (1, "7"),
    (1, "8", ("adjectives",)),
    (1, "1", ("order",)),
    (1, "1", ("operators",)),
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
        "print(make(Wanted(2, '7')).examples)"
    )
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == str(puzzle.examples)


def test_a_level_s_defaults_can_be_changed(made):
    assert len(made(1, "3", None, None, 5).examples) == 5
    many = made(1, "3", ("verbs",), 9, None, "CVC")
    assert sum(c < 3 for c in many.language.invented.classes.values()) == 9 and many.sounds == "CVC"


def test_what_isn_t_found_is_told_with_what_was(monkeypatch):
    monkeypatch.setattr("metatrans_lab.puzzles.making.MAX_TRIED", 6)
    with pytest.raises(UserError, match=r"no puzzle like that was found in .* tries; those found have \d to \d+ ex"):
        make(Wanted(1, "1", ("order",), 4, 20))


def enumerated(puzzle, examples):
    """All answers to each question into the language: by every family, class of every word and setting of the switches
    that explain the examples, each with the one lexicon that it then has.
    """
    asked = [q.text.replace("-", " ").split() for q in puzzle.questions if q.direction == INTO]
    rules = [(source.replace("-", " ").split(), target.replace("-", " ").split()) for source, target in examples]
    sentences = [*(source for source, _ in rules), *asked]
    words = sorted({word for sentence in sentences for word in sentence})
    found = [set() for _ in asked]
    for component in components():
        config = component.config
        num_classes, forms_of, plans = len(config.class_sizes), set(config.all_forms()), {}
        settings = config.settings
        for classes in itertools.product(range(num_classes), repeat=len(words)):
            of_word = dict(zip(words, classes, strict=True))
            forms = [tuple(of_word[word] for word in sentence) for sentence in sentences]
            if num_classes > 1 and not set(forms) <= forms_of:
                continue
            for number, setting in enumerate(settings):
                said = []
                for form, sentence in zip(forms, sentences, strict=True):
                    if (form, number) not in plans:
                        plans[form, number] = [(one.place, one.unit) for one in config.plan(form, setting)]
                    said.append([unit if p is None else sentence[p] for p, unit in plans[form, number]])
                lexicon = lexicon_of(said, [target for _, target in rules])
                if lexicon is not None:
                    for answers, units in zip(found, said[len(rules) :], strict=True):
                        answers.add(" ".join(lexicon.get(unit, "?") for unit in units))
    return found


def lexicon_of(said, targets):
    """The word of every unit, if there are any by which what is said is the translations."""
    lexicon = {}
    for units, target in zip(said, targets, strict=False):
        if len(units) != len(target) or any(lexicon.setdefault(u, w) != w for u, w in zip(units, target, strict=True)):
            return None
    return lexicon if len(set(lexicon.values())) == len(lexicon) else None


@pytest.mark.parametrize(
    "wish",
    [
        (1, "1", ("order",), 4),
        (1, "1", ("operators",), 4),
        (1, "2", ("adjectives",), 4),
        (3, "4", ("affixes",), 4),
        (3, "5", ("particles",), 4),
    ],
    ids=str,
)
def test_an_enumeration_of_every_language_has_the_one_answer(made, wish):
    puzzle = made(*wish)
    right = [{q.answer.replace("-", " ")} for q in puzzle.questions if q.direction == INTO]
    assert enumerated(puzzle, puzzle.examples) == right


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
