"""The grammar that a person's language may have: that of the family, with cases and marked verbs."""

import itertools

import pytest

from dataset_script.families.grammar import ADJECTIVE, ARTICLE, NOUN, PLURAL, VERB, GrammarConfig
from metatrans_lab.exact.grammar import SpokenGrammar

OWN = SpokenGrammar()
FAMILY = GrammarConfig(fragments=True, sentence_length=1)
SETTING = {
    "order": "SOV",
    "adjective": "after",
    "article": "dropped",
    "plural": "prefix",
    "subject_particle": "none",
    "object_particle": "after",
    "particle_of": "noun",
}
LIKE_THE_DOG_SEES_THE_BIG_CATS = (ARTICLE, NOUN, VERB, ARTICLE, ADJECTIVE, NOUN, PLURAL)


def spoken(config, form, setting):
    return [item.place if item.unit is None else "particle" for item in config.plan(form, setting)]


@pytest.mark.parametrize(
    "particle_of, expected", [("noun", [1, 6, 5, "particle", 4, 2]), ("phrase", [1, 6, 5, 4, "particle", 2])]
)
def test_a_particle_stands_beside_its_noun_or_its_phrase(particle_of, expected):
    assert spoken(OWN, LIKE_THE_DOG_SEES_THE_BIG_CATS, SETTING | {"particle_of": particle_of}) == expected


def test_a_verb_s_mark_is_not_said():
    plain, marked = (NOUN, VERB, ADJECTIVE, NOUN), (NOUN, VERB, PLURAL, ADJECTIVE, NOUN)
    assert spoken(OWN, plain, SETTING) == [0, 3, "particle", 2, 1]
    assert spoken(OWN, marked, SETTING) == [0, 4, "particle", 3, 1]


def test_but_for_these_it_is_the_family_s():
    forms = FAMILY.all_forms()
    assert set(forms) < set(OWN.all_forms())
    for form, setting in itertools.product(forms[::7], FAMILY.settings[::11]):
        assert OWN.plan(form, setting | {"particle_of": "phrase"}) == FAMILY.plan(form, setting)
