"""Languages whose endings nothing divides, as people write them down."""

from pathlib import Path

import pytest

from metatrans_lab.exact.translator import ExactTranslator
from modeling_metalstm.errors_metalstm import TranslationError
from modeling_metalstm.rules_metalstm import read_lines

LANGUAGES = Path(__file__).parents[2] / "languages"

# Each noun has one of two endings, and none stands bare; the foreign sentences stand on the left, and plural and case
# follow one another; the same, where some nouns have both together alone.
ALWAYS, FOREIGN_FIRST, THREE_FORMS = "endings", "foreign-first", "plural-and-case"


def text_of(name: str) -> str:
    return (LANGUAGES / f"{name}.txt").read_text(encoding="utf-8")


def translator(text: str) -> ExactTranslator:
    return ExactTranslator([rule[:2] for rule in read_lines(text)])


@pytest.mark.parametrize(
    ("name", "division", "questions"),
    [
        (ALWAYS, {"-o", "-ek"}, {"The child sees the old wolf.": "Melo gravek harsa dira"}),
        (THREE_FORMS, {"-i", "-lar"}, {"Büyük fillar aslani gördü": "The big elephants saw the lion"}),
        (FOREIGN_FIRST, {"-ta", "-kuna"}, {"Allqu sipasta rikurqan": "The dog saw the girl"}),
    ],
)
def test_endings_are_found(name, division, questions):
    exact = translator(text_of(name))
    assert {str(affix) for side in (exact.sides.source, exact.sides.target) for affix in side.division} >= division
    assert exact.left_out == ()
    assert {question: exact(question).text for question in questions} == questions


def test_what_hangs_on_a_stem_is_not_what_stands_beside_it():
    exact = translator(text_of(FOREIGN_FIRST))
    for question, answer in {
        "The small dog chased the girl.": "Huch'uy allqu sipasta maskarqan",
        "The small cat slept": "Huch'uy michi puñurqan",
    }.items():
        said = exact.back(question)
        assert said.text == answer and said.is_settled


def test_a_stem_that_was_never_bare_is_not_certain():
    said = translator(text_of(ALWAYS))("the old wolf")
    assert said.text == "Grav harsa" and not said.is_settled


def test_what_is_no_sentence_is_said_word_by_word_the_other_way_too():
    said = translator(text_of(ALWAYS)).back("tolmek hanno dira")
    assert said.probability == 0 and not said.is_settled
    assert [word for word in said.text.split() if word != "?"] == ["the", "fisher", "the", "girl", "sees"]


def test_where_nothing_explains_endings_hyphens_are_proposed():
    irregular = text_of(ALWAYS).replace("gravek", "gravis").replace("Gravo", "Grava").replace("hannek", "hannis")
    with pytest.raises(TranslationError, match="If words have endings, write them with hyphens, as in neko-ra"):
        _ = translator(irregular.replace("Hanno", "Hanna")).understanding


def test_a_sentence_of_which_nothing_is_said_has_an_empty_translation():
    said = translator("I do go = iri\nI go = iri\nyou do go = iras\nyou go = iras")("do")
    assert said.text == "" and said.probability == 1


def test_a_stem_without_an_ending_that_a_word_says_is_certain():
    rules = (
        "the king slept = rama ha huma\nthe crab-s slept = tru-trabra ha huma\nthe bird-s slept = tru-kasti ha huma"
    )
    said = translator(rules)("the crab slept")
    assert said.text == "trabra ha huma" and said.is_settled
