"""What is told apart in translations: by phenomenon, by family, words from blanks and ends."""

import numpy as np
import pytest

from dataset_script import make_language, sample_episodes
from dataset_script.baselines import copy, family, unigram
from metatrans_lab.evaluation import evaluate_words
from metatrans_lab.evaluation.structures import with_seen_structures

NUM_EPISODES = 64


@pytest.mark.parametrize("name", ["grammar", "spelling", "repetition", "mixed"])
def test_the_exact_predictor_has_no_regret_in_any_group(name):
    language = make_language(name, num_pairs=6)
    figures = evaluate_words(family, language, "test", NUM_EPISODES)
    assert figures["target_regret"] == pytest.approx(0, abs=1e-9) and figures["determined_accuracy"] == 1
    for group, of_group in figures["groups"].items():
        assert of_group["target_regret"] == pytest.approx(0, abs=1e-9), group
        assert of_group["accuracy"] == of_group["bayes_accuracy"], group
        assert of_group["determined_accuracy"] in (1, None), group


@pytest.mark.parametrize("name", ["grammar", "spelling", "repetition"])
def test_every_token_of_a_translation_hangs_on_one_phenomenon(name):
    language = make_language(name, num_pairs=5)
    episodes = sample_episodes(language, range(50))
    assert list(episodes.groups) == [*language.phenomena, "end"]
    total = np.sum([marks.astype(int) for marks in episodes.groups.values()], axis=0)
    assert np.array_equal(total, (episodes.is_target | episodes.is_end).astype(int))


@pytest.mark.parametrize("name", ["grammar", "mixed"])
def test_seen_structures_stand_beside_those_held_out(name):
    measured = []

    def measure(language):
        measured.append(language)
        return {"figure": len(measured)}

    language = make_language(name, held_out_structures=0.1)
    assert with_seen_structures(measure, language, "test") == {"figure": 1, "seen_structures": {"figure": 2}}
    assert measured == [language, make_language(name, held_out_structures=0.1, structures_of="train")]
    assert with_seen_structures(measure, language, "train") == {"figure": 3}
    assert with_seen_structures(measure, make_language(name), "test") == {"figure": 4}


def test_a_mixture_tells_its_families_apart():
    language = make_language("mixed", num_pairs=5)
    episodes = sample_episodes(language, range(100))
    for number, name in enumerate(language.families):
        marks = episodes.groups[name]
        assert np.array_equal(marks, (episodes.is_target | episodes.is_end) & (episodes.number == number)[:, None])
        parts = [part for group, part in episodes.groups.items() if group.startswith(f"{name}, ")]
        if parts:
            assert np.array_equal(np.sum([part.astype(int) for part in parts], axis=0), marks.astype(int))


def test_ends_and_blanks_have_an_accuracy_of_their_own():
    language = make_language("spelling", num_pairs=6)
    figures, episodes = evaluate_words(family, language, "test", NUM_EPISODES), sample_episodes(language, range(50))
    assert 0.7 < figures["end_accuracy"] < 1
    assert not (episodes.determined & (episodes.is_blank | episodes.is_end)).any()


@pytest.mark.parametrize("name", ["grammar", "spelling", "repetition", "mixed"])
@pytest.mark.parametrize("predict", [unigram, copy])
def test_baselines_predict_ends_too(name, predict):
    language = make_language(name, num_pairs=6)
    p, training = predict(sample_episodes(language, range(8), "test")), sample_episodes(language, range(4096), "train")
    assert p.shape[-1] == language.num_target_words + 1
    np.testing.assert_allclose(p.sum(-1), 1)
    ends, words = training.is_end.sum(), training.is_target.sum()
    np.testing.assert_allclose(p[..., -1], ends / (ends + words))
    figures = evaluate_words(predict, language, "test", NUM_EPISODES)
    assert figures["target_nll"] - figures["target_bayes_nll"] == pytest.approx(figures["target_regret"], abs=0.3)
    assert 0.5 < figures["target_regret"] < 5


@pytest.mark.parametrize(
    "given, message",
    [
        (lambda p: p[..., :-1], "a predictor must give an array of shape .* the last column being ␁, as translations"),
        (lambda p: None, "a predictor must give an array of shape .*; it gave NoneType"),
        (lambda p: np.ones_like(p), "a predictor must give probabilities that sum to 1"),
        (lambda p: p - 1, "a predictor must give probabilities that sum to 1"),
        (lambda p: p * np.nan, "a predictor must give probabilities that sum to 1"),
        (lambda p: p * 0, "a predictor must give probabilities that sum to 1"),
    ],
)
def test_what_is_no_distribution_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        evaluate_words(lambda episodes: given(family(episodes)), make_language("grammar", num_pairs=3), "test", 4)


def test_the_post_s_family_has_nothing_to_tell_apart():
    figures = evaluate_words(family, make_language(), "test", NUM_EPISODES)
    assert "groups" not in figures and figures["end_accuracy"] is None


def test_the_regret_counts_the_ends_of_translations():
    """A predictor that says the end too seldom pays for it, in the pair that it ends."""
    language = make_language("repetition", num_pairs=4)

    def late(episodes):
        p = family(episodes)
        p[..., -1] *= 0.5
        return p / np.maximum(p.sum(-1, keepdims=True), 1e-12)

    exact, worse = (evaluate_words(predict, language, "test", NUM_EPISODES) for predict in (family, late))
    assert worse["groups"]["end"]["target_regret"] > 0.01 > exact["groups"]["end"]["target_regret"]
    assert worse["target_regret"] > exact["target_regret"]
    assert all(np.array(worse["nll_by_shot"]) > np.array(exact["nll_by_shot"]))
