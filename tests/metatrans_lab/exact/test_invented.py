import random

import pytest

from metatrans_lab.exact.invented import LIKE_ENGLISH, PHENOMENA, invent, made_up_words
from metatrans_lab.exact.translator import ExactTranslator


@pytest.mark.parametrize("phenomenon", PHENOMENA)
def test_an_invented_language_is_one_that_its_examples_allow(phenomenon):
    for number in range(6):
        rng = random.Random(f"{phenomenon} {number}")
        language = invent(rng, phenomenon)
        sentences = [language.sentence(rng) for _ in range(7)]
        rules = [(language.write(sentence), language.translate(sentence)) for sentence in sentences]
        seen = sorted({word for sentence in sentences for word in sentence})
        translator = ExactTranslator(rules)
        assert not translator.understanding.left_out
        for _ in range(2):
            question = language.sentence(rng, seen)
            assert set(question) <= set(seen)
            answer = translator(language.write(question))
            truth = language.translate(question)
            assert truth in {answer.text, *(text for text, _ in answer.others)} or answer.unknown or "?" in answer.text
            assert not answer.is_settled or answer.text == truth
            if answer.is_settled:  # another who says the same words is quoted alike
                words, _ = translator.sides.target.read_question(truth)
                assert translator.write(language.write(question), words) == truth


def test_affixes_are_joined_to_their_nouns():
    for number in range(30):
        language = invent(random.Random(number), "affixes")
        noun = next(word for word, c in language.classes.items() if c == 0)
        assert language.write((noun, "s")) == f"{noun}-s"
        said = language.translate((noun, "s"))
        stem, affix = language.lexicon[noun], language.lexicon["s"]
        expected = {"suffix": f"{stem}-{affix}", "prefix": f"{affix}-{stem}", "dropped": stem}
        assert said == expected[language.setting["plural"]] and language.setting != LIKE_ENGLISH


def test_made_up_words_are_different():
    words = made_up_words(random.Random(0), 60)
    assert len(set(words)) == 60 and all(len(word) == 4 for word in words)
