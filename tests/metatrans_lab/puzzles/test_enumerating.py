from dataclasses import replace

import pytest

from metatrans_lab.exact.readings import components
from metatrans_lab.puzzles.enumerating import agrees, all_answers, number_of_languages


@pytest.mark.parametrize(
    "wish",
    [
        (1, "1", ("order",), 4),
        (1, "1", ("operators",), 4),
        (1, "2", ("adjectives",), 4),
        (3, "4", ("affixes",), 4),
        (3, "5", ("particles",), 4),
        (2, "7"),
        (4, "1", ("affixes", "adjectives"), 5),
    ],
    ids=str,
)
def test_every_language_gives_the_one_answer(made, wish):
    assert agrees(made(*wish))


def test_a_puzzle_without_an_example_or_with_another_answer_is_found(made):
    puzzle = made(2)
    assert any(
        agrees(replace(puzzle, sources=puzzle.sources[:n] + puzzle.sources[n + 1 :])) is False for n in range(4)
    )
    assert agrees(puzzle, most=10) is None


def test_all_answers_of_a_lesson():
    red, blue = (("red", "house"), ("casa", "roja")), (("blue", "house"), ("casa", "azul"))
    assert all_answers([red, blue], [("house",)]) == [{("casa",)}]
    assert all_answers([red], [("house",)]) == [{("casa",), ("roja",)}]
    assert {("azul", "casa", "?"), ("casa", "azul", "?")} & all_answers([red, blue], [("blue", "house", "fell")])[0]
    assert all_answers([red, (("red", "house"), ("coche", "roja"))], [("red",)]) == [set()]


def test_how_many_languages_there_are():
    of_one_class = sum(len(one.config.settings) for one in components() if len(one.config.class_sizes) == 1)
    # No sentence of the grammar, nor of operators, has a word four times side by side.
    assert number_of_languages([("the",) * 4]) == of_one_class < number_of_languages([("the", "cat", "fell")])
