"""The page's scripts say what Python says: of every language, in both directions, to a millionth."""

import pytest

from .asked_of_both import NODE, by_node, hold_equal
from .cases import GALLERY, QUESTIONS, SPELLINGS, TEXTS, invented, odd, of_gallery

pytestmark = pytest.mark.skipif(NODE is None, reason="node, which runs the page's scripts, isn't there")


def in_node(cases: list[dict]) -> None:
    hold_equal(cases, by_node(cases))


def test_the_gallery():
    in_node([of_gallery(path) for path in GALLERY])


def test_what_is_odd():
    in_node([*odd()])


def test_invented_languages():
    in_node([invented(number) for number in range(60)])


def test_how_well_each_word_was_foreseen():
    rules = [*(of_gallery(path)["rules"] for path in GALLERY), *(one["rules"] for one in map(invented, range(8)))]
    in_node([{"kind": "predicted", "rules": some} for some in rules])


def test_a_translation_is_foreseen_among_all_that_there_can_be():
    targets = [["dax", "wif"], ["wif", "dax"], ["wif", "x", "wif"], ["x", "dax"], ["x", "y"], ["x", "x"], ["dax"]]
    cases = [([["red", "dax"], ["blue red", "wif dax"]], ["red", "blue"]), ([["red", "dax"]], ["red", "blue"])]
    cases.append(([["cat sleeps", "dax wif"]], ["the", "cat", "sleeps"]))
    in_node([{"kind": "tokens", "rules": rules, "sentence": one, "targets": targets} for rules, one in cases])


@pytest.mark.slow
def test_many_invented_languages():
    in_node([invented(number) for number in range(60, 560)])


@pytest.mark.parametrize("length", range(1, 6))
def test_forms_and_plans(length):
    """Each family's forms, and of each form its plans, in one order, within the bounds that are told beforehand."""
    in_node([{"kind": "plans", "family": family, "length": length} for family in range(4)])


def test_rules_as_people_write_them():
    options = [{}, {"name": "my.txt"}, {"questions": True}]
    in_node([{"kind": "lines", "text": text, **more} for text in TEXTS for more in options])


def test_questions_and_words_as_people_write_them():
    in_node([{"kind": "questions", "texts": QUESTIONS}, *({"kind": "spelling", **one} for one in SPELLINGS)])


def test_numbers_in_words():
    numbers = [[1], [2, 1], [1, 2, 3], [1, 2, 5, 6, 7, 9], [9, 7, 5, 3, 4]]
    odds = [0.0, 1e-12, 0.005, 0.015, 0.125, 0.375, 0.5, 0.625, 0.985, 0.99, 0.990625, 0.9999, 0.99999, 1 - 1e-10, 1.0]
    odds += [number / 1000 for number in range(1001)] + [number / 256 for number in range(257)]
    in_node([{"kind": "words", "numbers": some, "probabilities": odds} for some in numbers])
