from dataclasses import fields

import pytest
import torch
from datasets import load_dataset

from dataset_script import FAMILIES, Language, LexiconConfig, make_language, sample_episodes


def test_without_a_name_it_is_the_post_s():
    assert make_language(num_pairs=3) == LexiconConfig(num_pairs=3)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_called_by_its_name(name):
    family = FAMILIES[name]
    assert family.family == name and issubclass(family, Language) and family.limits and family.translates
    assert set(family.first_knobs) <= {f.name for f in fields(family)}
    episodes = sample_episodes(make_language(name, num_pairs=2), range(3))
    rows = load_dataset("metatrans", split="train", streaming=True, family=name, num_pairs=2, num_episodes=3)
    assert [row["input_ids"] for row in rows] == [
        row[:count].tolist() for row, count in zip(episodes.input_ids, episodes.token_counts, strict=True)
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_target_words_have_distributions(name):
    episodes = sample_episodes(make_language(name, num_pairs=4, sentence_length=(1, 3)), range(20), device="cpu")
    p, words = episodes.target_probabilities, episodes.input_ids.long() - episodes.config.num_source_words
    torch.testing.assert_close(p.sum(-1), episodes.is_target.float())
    came = p.gather(-1, words.clamp(0, p.shape[-1] - 1)[..., None])[..., 0]
    torch.testing.assert_close(-came[episodes.is_target].log(), episodes.bayes_nll[episodes.is_target])


def test_a_knob_that_several_families_have_is_one_knob():
    defaults: dict[str, object] = {}
    for family in FAMILIES.values():
        for f in fields(family):
            assert defaults.setdefault(f.name, f.default) == f.default, f.name


def test_an_unknown_family_is_refused():
    message = f"family must be one of {', '.join(FAMILIES)}, got 'nonsense'"
    with pytest.raises(ValueError, match=message):
        make_language("nonsense")
    with pytest.raises(ValueError, match=message):
        load_dataset("metatrans", split="test", streaming=True, family="nonsense")
