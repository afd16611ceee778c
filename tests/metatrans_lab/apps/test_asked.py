"""Which model is asked beside the exact answer, and what it says."""

import pytest

from metatrans_lab.apps.asked import GRAMMARIAN, MAX_KEPT, TRANSLATOR, Asked
from metatrans_lab.exact.translator import ExactTranslator
from modeling_metalstm import TranslationError

IN_PLACE = [("red", "dax"), ("blue red", "wif dax")]
GRAMMAR = [
    ("the cat sees the dog", "neko inu o miru"),
    ("the dog sleeps", "inu neru"),
    ("dog", "inu"),
    ("cat", "neko"),
]


@pytest.fixture(scope="module")
def asked():
    return Asked()


def test_a_language_in_place_is_asked_of_the_translator(asked):
    exact = ExactTranslator(IN_PLACE)
    said = asked.say(exact, IN_PLACE, "blue")
    assert said["name"] == asked.who(exact) == TRANSLATOR and said["translation_text"] == "wif"
    assert asked.say(exact, IN_PLACE, "dax", reverse=True)["translation_text"] == "red"


def test_another_is_asked_of_the_grammarian(asked):
    exact = ExactTranslator(GRAMMAR)
    said = asked.say(exact, GRAMMAR, "the dog sees the cat")
    assert said["name"] == asked.who(exact) == GRAMMARIAN
    assert all(word["target"] in ("neko", "inu", "o", "miru", "neru", "?") for word in said["words"])
    with pytest.raises(TranslationError, match="into your words only"):
        asked.say(exact, GRAMMAR, "inu neru", reverse=True)


def test_a_model_that_was_named_is_asked_whatever_the_language():
    six = Asked("six-words")
    assert six.who(ExactTranslator(GRAMMAR)) == "six-words"
    with pytest.raises(TranslationError):
        six.say(ExactTranslator(GRAMMAR), GRAMMAR, "the cat")


def test_few_sessions_are_kept(asked):
    for number in range(MAX_KEPT + 3):
        asked.session([("red", f"dax{number}")])
    assert len(asked._sessions) == MAX_KEPT
