import copy

import pytest

from metatrans_lab.config.yaml_files import read_file
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.recipes import all_or_some, scale_recipe, with_last_stage


@pytest.fixture
def recipe() -> dict:
    return read_file(ROOT / "configs" / "cpu.yaml")


def test_a_larger_alphabet_stretches_the_curriculum(recipe):
    before = copy.deepcopy(recipe)
    wide = scale_recipe(recipe, 12)
    assert recipe == before
    assert wide["language"] == recipe["language"] | {"num_source_words": 12, "num_target_words": 12}
    assert [len(stage["languages"]) for stage in wide["curriculum"]] == [2, 2, 6]
    active = [knobs.get("num_active_words") for stage in wide["curriculum"] for knobs in stage["languages"]]
    assert active == [None, [1, 12], None, [1, 12], None, None, None, [1, 12], None, [1, 12]]
    assert scale_recipe(wide, 6) == recipe


def test_pairs_go_with_the_alphabet_by_words_a_sentence(recipe):
    wide = scale_recipe(recipe, 26, {1: 2, 2: 1.5, 3: 1})
    assert wide["language"]["num_pairs"] == 26
    pairs = [[knobs.get("num_pairs") for knobs in stage["languages"]] for stage in wide["curriculum"]]
    assert pairs == [[52, 52], [39, 39], [None] * 6]


def test_a_recipe_of_one_stage_and_few_words_is_scaled_too():
    recipe = {"language": {"num_source_words": 4, "sentence_length": [1, 3]}}
    assert scale_recipe(recipe, 2, {3: 1}) == {
        "language": {"num_source_words": 2, "num_target_words": 2, "sentence_length": [1, 3]}
    }


def test_stages(recipe):
    assert all_or_some(8, sentence_length=2) == [
        {"sentence_length": 2},
        {"sentence_length": 2, "num_active_words": [1, 8]},
    ]
    for length, stage in enumerate(recipe["curriculum"][:2], 1):
        assert stage["languages"] == all_or_some(6, sentence_length=length)
    other = with_last_stage(recipe, [{}])
    assert other["curriculum"] == [*recipe["curriculum"][:-1], {"languages": [{}], "replay": 0.3}]
    assert len(recipe["curriculum"][-1]["languages"]) == 6
