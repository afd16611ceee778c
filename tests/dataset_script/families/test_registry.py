from dataclasses import fields

import numpy as np
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
@pytest.mark.parametrize("device", [None, "cpu"])
def test_no_episodes_have_every_column(name, device):
    """As the builder asks for them, to know the names and shapes of the latent variables."""
    language = make_language(name)
    none, some = (sample_episodes(language, range(number), device=device) for number in (0, 3))
    for column in [
        "input_ids",
        "role",
        "shot",
        "determined",
        "eliminated",
        "bayes_nll",
        "is_end",
        "is_blank",
        "counterparts",
    ]:
        assert getattr(none, column).shape == (0, language.max_episode_length), column
        assert getattr(some, column).dtype == getattr(none, column).dtype
    assert {n: x.shape[1:] for n, x in none.latents.items()} == {n: x.shape[1:] for n, x in some.latents.items()}
    assert list(none.groups) == list(some.groups)


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_with_details(name):
    rows = load_dataset("metatrans", split="test", streaming=True, family=name, num_episodes=4, with_details=True)
    language = make_language(name)
    episodes = sample_episodes(language, range(4), "test")
    for n, row in enumerate(rows):
        count = episodes.token_counts[n]
        assert row["determined"] == episodes.determined[n, :count].tolist() and row["episode_index"] == n
        for latent, values in episodes.latents.items():
            assert np.array_equal(row[latent], values[n]), latent


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
    assert load_dataset_builder("metatrans").config.num_pairs == 10  # which leaves nothing behind
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


@pytest.mark.parametrize("name", FAMILIES)
def test_costs_read_off_soft_labels_are_the_costs(name):
    language = make_language(name, num_pairs=4)
    plain, asked = (sample_episodes(language, range(12), device="cpu") for _ in range(2))
    assert asked.target_probabilities.shape[-1] == language.num_target_words + 1
    torch.testing.assert_close(asked.bayes_nll, plain.bayes_nll, atol=1e-5, rtol=1e-5)
    assert torch.equal(asked.determined, plain.determined)
    assert torch.equal(asked.eliminated, plain.eliminated)


@pytest.mark.parametrize(
    "family, knobs, message",
    [
        ("grammar", {"num_noun": 3}, "the family grammar has no knob 'num_noun'; did you mean 'num_nouns'?"),
        (
            "lexicon",
            {"orders": ["straight"]},
            "the family lexicon has no knob 'orders'; it is a knob of the family o",
        ),
        (
            "lexicon",
            {"num_nouns": 3},
            "the family lexicon has no knob 'num_nouns'; it is a knob of the families",
        ),
        ("order", {"poetry": 1}, "the family order has no knob 'poetry'"),
    ],
)
def test_a_knob_that_a_family_has_not(family, knobs, message):
    with pytest.raises(TypeError) as error:
        make_language(family, **knobs)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "family, knobs, follows",
    [
        ("grammar", {"num_nouns": 3}, {"num_source_words": 15, "num_target_words": 17}),
        (
            "grammar",
            {"num_adjectives": 1, "gaps": 0.1},
            {"num_source_words": 17, "num_target_words": 20, "blank": True},
        ),
        ("grammar", {"num_nouns": 3, "num_target_words": 30}, {"num_source_words": 15, "num_target_words": 30}),
        ("mixed", {"num_verbs": 2}, {"num_source_words": 16, "num_target_words": 19}),
        ("order", {"gaps": 0.1, "num_target_words": 8}, {"blank": True}),
        ("grammar", {}, {"num_source_words": 20, "num_target_words": 22, "blank": False}),
    ],
)
def test_knobs_follow_from_others(family, knobs, follows):
    language = make_language(family, **knobs)
    assert {name: getattr(language, name) for name in follows} == follows
