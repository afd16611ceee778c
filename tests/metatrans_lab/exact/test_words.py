"""How units are written: what stands between two that no example has side by side, and capitals."""

import pytest

from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.exact.words import Side
from modeling_metalstm.spelling_metalstm import Spelling


@pytest.mark.parametrize(
    ("examples", "units", "written"),
    [
        # A suffix that was seen with one stem: the stem stands free elsewhere, so it isn't what hangs on.
        (["fasi-libi tide", "fasi", "vobi tide"], ["vobi", "libi"], "vobi-libi"),
        (["pupa-panu vori", "goto panu", "varu"], ["pupa", "varu"], "pupa-varu"),
        # A stem that was seen behind a prefix alone: what comes before it elsewhere is a word of its own.
        (["dima-futo", "dima-gide", "red gide"], ["red", "futo"], "red futo"),
        # An affix of several stems.
        (["fasi-libi", "vobi-libi"], ["tosa", "libi"], "tosa-libi"),
        # Two that only ever stood together: which of them hangs on, nothing tells.
        (["fasi-libi", "tosa"], ["tosa", "libi"], "tosa libi"),
        (["fasi libi", "tosa"], ["tosa", "libi"], "tosa libi"),
    ],
)
def test_what_hangs_on_a_word(examples, units, written):
    side = Side(Spelling(separator=None, exact=False))
    for example in examples:
        side.read(example)
    assert side.write(units) == written


CAPITALS = [("Kitten sleeps", "Neko neru"), ("The dog sees the kitten", "Inu neko o miru"), ("Dog", "Inu")]


@pytest.mark.parametrize(
    ("rules", "question", "text"),
    [
        (CAPITALS, "the kitten sees the dog", "Neko inu o miru"),
        (CAPITALS, "dog", "Inu"),
        ([("dog Anna", "inu Anna"), ("Anna sees", "Anna miru")], "Anna dog", "Anna inu"),
        ([("dog", "Hund"), ("cat", "Katze")], "dog cat", "Hund Katze"),
    ],
)
def test_a_capital_that_begins_a_sentence_stays_at_its_begin(rules, question, text):
    assert ExactTranslator(rules)(question).text == text
