import math

import numpy as np
import pytest

from dataset_script import LanguageConfig
from dataset_script.baselines import BASELINES, copy, enumerated, family, pool_probabilities
from dataset_script.episodes import sample_episodes
from dataset_script.lexicons import split_lexicons
from dataset_script.predictor import family_probabilities
from metatrans_lab.evaluation.figures import evaluate_words

POST = LanguageConfig()
LANGUAGES = {
    "the post's": POST,
    "lengths drawn": LanguageConfig(sentence_length=(1, 4), num_active_words=(2, 5), num_target_words=7),
    "held out": LanguageConfig(num_source_words=4, num_target_words=4, held_out_languages=0.5),
    "one word": LanguageConfig(num_pairs=2, num_source_words=1, num_target_words=1),
}


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_all_are_distributions(language):
    episodes = sample_episodes(language, range(40))
    for predict in BASELINES.values():
        p = predict(episodes)
        assert p.shape == (*episodes.input_ids.shape, language.num_target_words) and (p >= 0).all()
        assert p[episodes.is_target].sum(-1) == pytest.approx(1)


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_family_is_family_probabilities(language):
    episodes = sample_episodes(language, range(40))
    of_tokens = family_probabilities(language, episodes.input_ids)[:, :-1][episodes.is_target[:, 1:]]
    words = slice(language.num_source_words, language.soh)
    assert np.array_equal(family(episodes)[episodes.is_target], of_tokens[:, words])


def test_enumerated_is_the_pool_with_a_thousandth_of_doubt():
    language = LanguageConfig(num_training_languages=20)
    seen = sample_episodes(language, range(100), "train")
    pool = pool_probabilities(seen, split_lexicons(language, "train"))
    assert (
        np.abs(enumerated(seen) - pool)[seen.is_target].max() < 0.05
    )  # 0.1% before, at most 720 / 20 times as much after
    # What no training lexicon says is left to the family.
    unseen = sample_episodes(LanguageConfig(num_training_languages=20, seed=5), range(100), "test")
    last = unseen.is_target & (unseen.shot == 9)
    assert (enumerated(unseen)[last].max(-1) > 0.4).all() and (enumerated(unseen) > 0).any()
    figures = evaluate_words(enumerated, language, "test", 200)
    assert 0.1 < figures["target_regret"] < 7 and figures["determined_accuracy"] == 1


def test_enumerated_over_all_lexicons_is_the_family():
    episodes = sample_episodes(POST, range(50))
    assert enumerated(episodes)[episodes.is_target] == pytest.approx(family(episodes)[episodes.is_target], abs=1e-12)


def test_what_they_cost():
    figures = {name: evaluate_words(predict, POST, "test", 1000) for name, predict in BASELINES.items()}
    assert figures["family"]["target_regret"] == pytest.approx(0, abs=1e-9)
    assert figures["unigram"]["target_nll"] == pytest.approx(math.log(6))
    # One in six is the word before: what copying gains on chance is nothing.
    assert figures["copy"]["target_regret"] == pytest.approx(figures["unigram"]["target_regret"], rel=0.01)
    induction = figures["induction"]
    assert induction["determined_accuracy"] == induction["exact_match"] == 1
    # Without elimination, a new word costs ln 6 in place of ln(6 − j).
    assert induction["target_regret"] == pytest.approx(
        induction["target_nll"] - induction["target_bayes_nll"], rel=0.02
    )
    assert induction["eliminated_accuracy"] < 0.4 and figures["unigram"]["token_regret"] is None


def test_copying_learns_how_often_it_is_right():
    language = LanguageConfig(num_active_words=2)
    episodes = sample_episodes(language, range(200), "test")
    p = copy(episodes)[episodes.is_target].reshape(*episodes.targets.shape, -1)  # (N, K, T, R)
    assert p[:, 0, 0] == pytest.approx(1 / 6) and p[:, 1:].max() == pytest.approx(0.5, abs=0.02)
    assert p[:, 1:, 1:].argmax(-1) == pytest.approx(episodes.targets[:, 1:, :-1])


def test_too_many_lexicons_to_list_are_refused():
    language = LanguageConfig(num_source_words=12, num_target_words=12)
    with pytest.raises(ValueError, match="the lexicons of 12 words into 12 are too many to list"):
        enumerated(sample_episodes(language, range(2)))
