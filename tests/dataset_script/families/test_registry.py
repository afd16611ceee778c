from dataclasses import fields

import pytest
import torch
from datasets import load_dataset, load_dataset_builder

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
    episodes = sample_episodes(make_language(name, num_pairs=4), range(20), device="cpu")
    p, words = episodes.target_probabilities, episodes.input_ids.long() - episodes.config.num_source_words
    counted = episodes.is_target | episodes.is_end
    torch.testing.assert_close(p.sum(-1), counted.float())
    came = p.gather(-1, words.clamp(0, p.shape[-1] - 1)[..., None])[..., 0]
    torch.testing.assert_close(-came[counted].log(), episodes.bayes_nll[counted])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_has_its_own_defaults(name):
    builder = load_dataset_builder("metatrans", family=name)
    assert builder.config.language == make_language(name)
    for knob, value in make_language(name).knobs().items():
        assert getattr(builder.config, knob) == value


def test_an_unknown_family_is_refused():
    message = f"family must be one of {', '.join(FAMILIES)}, got 'nonsense'"
    with pytest.raises(ValueError, match=message):
        make_language("nonsense")
    with pytest.raises(ValueError, match=message):
        load_dataset("metatrans", split="test", streaming=True, family="nonsense")
