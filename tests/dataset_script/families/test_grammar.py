import pytest

from dataset_script.families.grammar import SWITCHES, GrammarConfig
from dataset_script.forms import NONE

DEFAULT = GrammarConfig()


def test_the_plan_of_a_sentence():
    """`the red dog PL see the cat`, as the docstring has it, and under the other values of the switches."""
    form = (3, 2, 0, 4, 1, 3, 0)
    words = ("the", "red", "dog", "PL", "see", "the", "cat")

    def said(**setting):
        known = {"order": "SVO", "adjective": "before", "article": "before", "plural": "suffix"}
        known |= {"subject_particle": "none", "object_particle": "none"} | setting
        return " ".join(
            {20: "SUBJECT", 21: "OBJECT"}[item.unit] if item.place is None else words[item.place]
            for item in DEFAULT.plan(form, known)
        )

    assert said() == "the red dog PL see the cat"
    later = {"order": "SOV", "adjective": "after", "article": "dropped", "object_particle": "after"}
    assert said(**later) == "dog PL red cat OBJECT see"
    assert said(order="VOS", article="after", plural="prefix") == "see cat the red PL dog the"
    assert said(order="OSV", subject_particle="before", plural="dropped") == "the cat SUBJECT the red dog see"


def test_fragments_have_nothing_that_is_subject_or_object():
    fragments = GrammarConfig(fragments=True, sentence_length=(1, 8))
    assert GrammarConfig(fragments=False) == DEFAULT and not set(fragments.all_forms()) <= set(DEFAULT.all_forms())
    assert len(fragments.all_forms()) == len(set(fragments.all_forms())) == 8 + 64 + (8 + 1 + 8) + (1 + 8)
    setting = {"order": "OVS", "adjective": "after", "article": "after", "plural": "prefix"}
    setting |= {"subject_particle": "before", "object_particle": "before"}

    def places(form):
        return [
            fragments.num_source_words - 1 - item.unit if item.place is None else item.place
            for item in fragments.plan(form, setting)
        ]

    assert places((3, 2, 0, 4)) == [3, 2, 1, 0]  # a noun phrase, without a particle
    assert places((1,)) == places((2,)) == [0]
    assert places((1, 0)) == [-2, 1, 0]  # a verb and its object
    assert places((0, 1, 2)) == [2, 1, -1, 0]  # an adjective in place of the object, without its particle
    for impossible in ("yes", 1):
        with pytest.raises(ValueError, match="fragments must be true or false"):
            GrammarConfig(fragments=impossible)


def test_forms_have_the_lengths_that_are_asked_for():
    forms = DEFAULT.forms
    assert (
        forms.lengths.min() == 2
        and forms.lengths.max() == 8
        and ((forms.classes != NONE).sum(1) == forms.lengths).all()
    )
    assert len(forms.lengths) == 8 + 64 - 1
    with pytest.raises(ValueError, match="sentence_length must be within 2…9: there is no sentence of 1 words"):
        GrammarConfig(sentence_length=1)


@pytest.mark.parametrize("name", SWITCHES)
def test_impossible_switches_are_refused(name):
    for given in ((), ("sideways",), (SWITCHES[name][0],) * 2, 3):
        with pytest.raises(ValueError, match=f"{name} must be a list of different names of"):
            GrammarConfig(**{name: given})


def test_words_of_the_classes_are_counted():
    with pytest.raises(ValueError, match="num_source_words must be 20, num_nouns \\+ num_verbs"):
        GrammarConfig(num_source_words=21, num_target_words=30)
    with pytest.raises(ValueError, match="num_target_words must be at least 22, so that each of 22 units has"):
        GrammarConfig(num_target_words=21)
