"""Languages whose endings nothing divides, as people write them down."""

import pytest

from metatrans_lab.exact.translator import ExactTranslator
from modeling_metalstm.errors_metalstm import TranslationError
from modeling_metalstm.rules_metalstm import read_lines

ALWAYS = """\
The fisher sees the wolf. = Tolmo gravek dira.
The wolf sees the fisher. = Gravo tolmek dira.
The child loves the bird. = Melo pelek umi.
The bird loves the child. = Pelo melek umi.
The king follows the girl. = Sordo hannek katesh.
The girl sleeps. = Hanno noru.
The old wolf sleeps. = Gravo harsa noru.
The small child sees the king. = Melo wip sordek dira.
The king loves the old fisher. = Sordo tolmek harsa umi.
The girl follows the small bird. = Hanno pelek wip katesh.
The bird sleeps. = Pelo noru.
The wolf follows the small girl. = Gravo hannek wip katesh.
The old king sees the child. = Sordo harsa melek dira.
The fisher loves the king. = Tolmo sordek umi.
"""
"""Each noun has one of two endings, and none stands bare."""

FOREIGN_FIRST = """\
1. Warma wasita rikurqan. = The boy saw the house.
2. Sipas warmata rikurqan. = The girl saw the boy.
3. Hatun warma allquta maskarqan. = The big boy chased the dog.
4. Sipaskuna wasita rikurqan. = The girls saw the house.
5. Allqukuna michita maskarqan. = The dogs chased the cat.
6. Sipas huch'uy michita munarqan. = The girl loved the small cat.
7. Warmakuna sipaskunata munarqan. = The boys loved the girls.
8. Huch'uy sipas puñurqan. = The small girl slept.
9. Michikuna puñurqan. = The cats slept.
10. Sipas hatun allqukunata rikurqan. = The girl saw the big dogs.
"""
"""The foreign sentences stand on the left; plural and case follow one another."""

THREE_FORMS = """\
1. Aslan evi gördü. = The lion saw the house.
2. Kaplan aslani gördü. = The tiger saw the lion.
3. Büyük aslan kaplani kovaladi. = The big lion chased the tiger.
4. Kaplanlar evi gördü. = The tigers saw the house.
5. Aslanlar kaplanlari sevdi. = The lions loved the tigers.
6. Kaplan küçük fillari kovaladi. = The tiger chased the small elephants.
7. Fil aslanlari sevdi. = The elephant loved the lions.
8. Küçük kaplan uyudu. = The small tiger slept.
9. Fillar uyudu. = The elephants slept.
10. Fil büyük evlari gördü. = The elephant saw the big houses.
"""
"""A plural and a case, which some nouns have together alone."""


def translator(text: str) -> ExactTranslator:
    return ExactTranslator([rule[:2] for rule in read_lines(text)])


@pytest.mark.parametrize(
    ("text", "division", "questions"),
    [
        (ALWAYS, {"-o", "-ek"}, {"The child sees the old wolf.": "Melo gravek harsa dira"}),
        (THREE_FORMS, {"-i", "-lar"}, {"Büyük fillar aslani gördü": "The big elephants saw the lion"}),
        (FOREIGN_FIRST, {"-ta", "-kuna"}, {"Allqu sipasta rikurqan": "The dog saw the girl"}),
    ],
)
def test_endings_are_found(text, division, questions):
    exact = translator(text)
    assert {str(affix) for side in (exact.sides.source, exact.sides.target) for affix in side.division} >= division
    assert exact.left_out == ()
    assert {question: exact(question).text for question in questions} == questions


def test_what_hangs_on_a_stem_is_not_what_stands_beside_it():
    exact = translator(FOREIGN_FIRST)
    for question, answer in {
        "The small dog chased the girl.": "Huch'uy allqu sipasta maskarqan",
        "The small cat slept": "Huch'uy michi puñurqan",
    }.items():
        said = exact.back(question)
        assert said.text == answer and said.is_settled


def test_a_stem_that_was_never_bare_is_not_certain():
    said = translator(ALWAYS)("the old wolf")
    assert said.text == "Grav harsa" and not said.is_settled


def test_what_is_no_sentence_is_said_word_by_word_the_other_way_too():
    said = translator(ALWAYS).back("tolmek hanno dira")
    assert said.probability == 0 and not said.is_settled
    assert [word for word in said.text.split() if word != "?"] == ["the", "fisher", "the", "girl", "sees"]


def test_where_nothing_explains_endings_hyphens_are_proposed():
    irregular = ALWAYS.replace("gravek", "gravis").replace("Gravo", "Grava").replace("hannek", "hannis")
    with pytest.raises(TranslationError, match="If words have endings, write them with hyphens, as in neko-ra"):
        _ = translator(irregular.replace("Hanno", "Hanna")).understanding


def test_a_sentence_of_which_nothing_is_said_has_an_empty_translation():
    said = translator("I do go = iri\nI go = iri\nyou do go = iras\nyou go = iras")("do")
    assert said.text == "" and said.probability == 1
