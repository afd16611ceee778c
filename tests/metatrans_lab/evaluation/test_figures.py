import math
from dataclasses import replace

import numpy as np
import pytest

from dataset_script import LanguageConfig, bayes_nll, expected_nll, sample_episodes
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation.figures import _mean_interval, _proportion_interval, evaluate, ragged_exact_match

POST = LanguageConfig(held_out_languages=0.1)
RAGGED = replace(POST, sentence_length=(1, 5), num_active_words=(2, 6))
SPARE = LanguageConfig(num_pairs=5, num_source_words=4, num_target_words=7, sentence_length=2)


@pytest.mark.parametrize("config", [POST, RAGGED, SPARE], ids=["post", "ragged", "R > L"])
def test_the_family_predictor_has_no_regret(config, bayes_model):
    results = evaluate(bayes_model(config), config, num_episodes=60, batch_size=25)
    assert results["target_regret"] == pytest.approx(0, abs=1e-6)
    assert results["token_regret"] == pytest.approx(0, abs=1e-6)
    assert results["determined_accuracy"] == results["exact_match"] == 1
    assert results["eliminated_accuracy"] in (1, None)
    assert results["accuracy_by_shot"][-1] > 0.9 > results["accuracy_by_shot"][0]
    episodes = sample_episodes(config, range(60), "test")
    nll = bayes_nll(episodes)
    assert results["target_bayes_nll"] == pytest.approx(nll[episodes.is_target].mean(), rel=1e-5)
    assert results["target_nll"] == pytest.approx(results["target_bayes_nll"], rel=1e-5)
    assert results["token_nll"] == pytest.approx(nll.sum() / (episodes.token_counts - 1).sum(), rel=1e-5)
    assert results["nll_by_shot"] == pytest.approx(results["bayes_nll_by_shot"], abs=1e-6)
    assert results["num_eval_episodes"] == 60


def test_the_floor_is_the_closed_form_s(bayes_model):
    results = evaluate(bayes_model(POST), POST, num_episodes=1500, exact_match=False)
    assert results["bayes_nll_by_shot"] == pytest.approx(expected_nll(POST).target_by_shot, abs=0.02)
    # The expected accuracy of the optimum, by shot, as computed by enumeration.
    assert results["bayes_accuracy_by_shot"] == pytest.approx(
        [0.324, 0.679, 0.874, 0.958, 0.987, 0.996, 0.999, 1, 1, 1], abs=0.015
    )


def test_the_uniform_model(uniform_model):
    results = evaluate(uniform_model(POST), POST, num_episodes=50)
    episodes = sample_episodes(POST, range(50), "test")
    floor = bayes_nll(episodes)
    assert results["target_nll"] == pytest.approx(math.log(15), rel=1e-5)
    # KL(p ‖ uniform) = ln V − H(p), and the entropy of the target's p is its expected cost.
    assert results["target_regret"] == pytest.approx(math.log(15) - floor[episodes.is_target].mean(), rel=1e-5)
    assert results["determined_accuracy"] == results["exact_match"] == 0
    assert results["accuracy_by_shot"] == [0] * 10
    assert np.array(results["probability_by_position"]) == pytest.approx(1 / 15)


def test_probability_by_position(bayes_model):
    results = evaluate(bayes_model(POST), POST, num_episodes=400, exact_match=False)
    probability = np.array(results["probability_by_position"])
    assert probability.shape == (10, 8)
    assert probability[:, :3] == pytest.approx(1 / 6)  # source words
    assert probability[:, 3] == pytest.approx(1) and probability[:, 7] == pytest.approx(1)  # ␂ and ␁
    assert (np.diff(probability[:4, 4:7].mean(1)) > 0).all() and probability[9, 4:7] == pytest.approx(1, abs=0.01)


def test_source_words_left_out_of_training_have_no_token_regret(bayes_model):
    results = evaluate(bayes_model(POST), POST, num_episodes=30, loss_on="targets", exact_match=False)
    assert results["token_regret"] is None and results["intervals"]["token_regret"] is None
    floor = expected_nll(POST)
    assert results["loss"] == pytest.approx(floor.target / 50, rel=0.05)  # of 30 targets and 20 delimiters


def test_prompts_as_people_type_them(bayes_model, uniform_model):
    perfect = ragged_exact_match(bayes_model(RAGGED), POST, num_prompts=60)
    assert perfect["ragged_exact_match"] == 1 and perfect["num_ragged_prompts"] == 60
    assert perfect["interval"][0] < 0.95 and perfect["interval"][1] == 1
    assert ragged_exact_match(uniform_model(POST), POST, num_prompts=30)["ragged_exact_match"] == 0


def test_bindings_even_out_what_a_model_prefers(bayes_model):
    model = bayes_model(POST)
    as_it_is = evaluate(model, POST, num_episodes=100, exact_match=False)
    bound = evaluate(model, POST, num_episodes=100, exact_match=False, num_bindings=3)
    assert bound["target_nll"] == pytest.approx(as_it_is["target_nll"], abs=1e-6)  # to whom all symbols are alike
    assert bound["accuracy_by_shot"][-1] == 1

    forward = model.forward

    def fond_of_one(*args, **kwargs):
        outputs = forward(*args, **kwargs)
        outputs.logits[..., POST.num_source_words] += 1.0
        return outputs

    model.forward = fond_of_one
    regrets = [
        evaluate(model, POST, num_episodes=100, exact_match=False, num_bindings=n)["target_regret"] for n in (0, 1, 16)
    ]
    assert regrets[1] == pytest.approx(regrets[0], rel=0.2) and regrets[2] < regrets[0] / 5


def test_a_model_with_too_few_tokens_is_refused(bayes_model):
    with pytest.raises(UserError, match="the model knows 15 tokens, but 8 source and 8 target words need 19"):
        evaluate(bayes_model(POST), LanguageConfig(num_source_words=8, num_target_words=8), num_episodes=2)


def test_intervals_cover_95_percent():
    rng = np.random.default_rng(0)
    covered = {"mean": 0, "proportion": 0}
    for _ in range(400):
        # Clustered: the tokens of an episode share its difficulty.
        difficulty = rng.beta(2, 18, 300)
        counts = np.full(300, 12.0)
        sums = rng.binomial(12, 1 - difficulty).astype(float)
        for name, interval in (("mean", _mean_interval), ("proportion", _proportion_interval)):
            low, high = interval(sums, counts)
            covered[name] += low <= 0.9 <= high
    assert 0.92 < covered["mean"] / 400 < 0.98
    assert 0.92 < covered["proportion"] / 400 < 0.98


def test_intervals_cover_when_hardly_anything_goes_wrong():
    rng = np.random.default_rng(0)
    counts, covered = np.full(1000, 24.0), 0
    for _ in range(400):
        fails = rng.random(1000) < 1 / 2000  # an episode, all of it
        low, high = _proportion_interval(np.where(fails, 0.0, counts), counts)
        covered += low <= 1 - 1 / 2000 <= high
    # Such rare events come in whole numbers: two of them, 9% of the time, already exclude their rate.
    assert covered / 400 > 0.88


def test_a_perfect_score_keeps_its_doubt():
    # All tokens of an episode may stand or fall together: an episode counts once.
    low, high = _proportion_interval(np.full(100, 3.0), np.full(100, 3.0))
    assert 0.95 < low < 0.97 and high == 1
    assert _proportion_interval(np.zeros(3), np.zeros(3)) is None
