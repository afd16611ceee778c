"""A model of the family mixed, asked in a person's words: the exact predictor in its place gives exact answers."""

import itertools
import random

import pytest

from dataset_script import make_language
from metatrans_lab.exact.by_model import MixedReader, likely_classes
from metatrans_lab.exact.invented import invent
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.models.load import load_model, mixed_language
from modeling_metalstm import TranslationError

MIXED = make_language("mixed", num_pairs=8, families=["lexicon", "order", "grammar", "repetition"])


def sentences(language, rng, number):
    """Whole sentences: the family has no parts of them."""
    found = []
    while len(found) < number:
        sentence = language.sentence(rng)
        form = tuple(language.classes[word] for word in sentence)
        if not hasattr(language.config, "fragments") or (form[-1] != 2 and 1 in form[1:] and len(form) > 1):
            found.append(sentence)
    return found


@pytest.mark.parametrize("phenomenon", ["in place", "order", "adjectives", "articles", "affixes", "operators"])
def test_the_exact_predictor_in_place_of_a_model_gives_the_exact_answers(phenomenon, bayes_model):
    reader = MixedReader(bayes_model(MIXED), MIXED, num_bindings=2)
    compared = 0
    for number in range(8):
        rng = random.Random(f"{phenomenon} {number}")
        language = invent(rng, phenomenon)
        *shown, question = sentences(language, rng, 8)
        translator = ExactTranslator([(language.write(s), language.translate(s)) for s in shown])
        exact = translator(language.write(question))
        if exact.is_settled:
            said = reader(translator, language.write(question))
            assert said["translation_text"] == exact.text and said["probability"] > 0.9
            assert [word["target"] for word in said["words"]] == exact.text.replace("-", " ").split()
            compared += 1
    assert compared


def test_what_such_a_model_can_t_read(bayes_model):
    reader = MixedReader(bayes_model(MIXED), MIXED, num_bindings=2)
    many = ExactTranslator([(f"w{i}", f"x{i}") for i in range(30)])
    with pytest.raises(TranslationError, match="at most 22 distinct target words, but the examples have 30"):
        reader(many, "w3")
    few = ExactTranslator([(f"w{i} w{i + 1}", f"x{i} x{i + 1}") for i in range(20)])
    with pytest.raises(TranslationError, match="This model has no room for 21 source words of such classes"):
        reader(few, "w3")


def test_the_more_probable_classes_have_more_bindings():
    translator = ExactTranslator([("red house", "casa roja"), ("house", "casa"), ("red", "roja")])
    chosen = likely_classes(translator.understanding.belief, ("red", "house"), 8, lambda *_: True)
    assert 7 <= len(chosen) <= 8 and chosen[0].family == "order"
    bindings = [len(list(alike)) for _, alike in itertools.groupby(chosen)]
    assert bindings == sorted(bindings, reverse=True) and len({one.family for one in chosen}) > 1


def test_a_translation_s_probability_is_that_of_its_words(bayes_model):
    reader = MixedReader(bayes_model(MIXED), MIXED, num_bindings=4)
    translator = ExactTranslator([("red house", "casa roja"), ("house", "casa"), ("house red", "roja casa")])
    said = reader(translator, "red house")
    assert reader.probability(translator, "red house", said["translation_text"]) == pytest.approx(said["probability"])
    assert reader.probability(translator, "red house", "casa") < said["probability"]
    assert reader.right_words(translator, "red house", said["translation_text"]) == [True, True]
    assert reader.right_words(translator, "red house", "casa") == [True]  # the end is none of the words
    with pytest.raises(TranslationError, match="No example has the word 'coche'"):
        reader.probability(translator, "red house", "coche roja")


def test_marks_of_verbs_are_not_read_to_a_model_that_never_met_them(bayes_model):
    reader = MixedReader(bayes_model(MIXED), MIXED, num_bindings=2)
    lines = ["the cat see-s the dog = neko inu o miru", "the dog sleep-s = inu neru", "cat sleep-s = neko neru"]
    translator = ExactTranslator([tuple(line.split(" = ")) for line in lines])
    assert reader(translator, "the dog see-s the cat")["translation_text"] == "inu neko o miru"
    assert reader(translator, "the dog see the cat")["translation_text"] == "inu neko o miru"


def test_an_ending_that_may_be_a_verb_s_or_a_noun_s_is_read_in_one_way():
    reader = MixedReader(load_model("grammarian"), mixed_language("grammarian"), num_bindings=16)
    rules = [("the cat sees the dog", "neko inu miru"), ("the dog sees a bird", "inu tori miru"), ("cat", "neko")]
    for question in ("fire-s sees the dog", "alpha-s likes the dog", "fire-s sees"):
        assert reader(ExactTranslator(rules), question)["translation_text"]
