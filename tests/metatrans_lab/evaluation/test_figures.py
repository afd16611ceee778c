import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dataset_script import LanguageConfig, bayes_nll, expected_nll, sample_episodes
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation.figures import evaluate

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


def test_the_optimum_s_probability_by_position_is_the_exact_predictor_s(bayes_model, uniform_model):
    best = evaluate(bayes_model(POST), POST, num_episodes=40)
    assert best["bayes_probability_by_position"] == best["probability_by_position"]
    other = evaluate(uniform_model(POST), POST, num_episodes=40)
    assert other["bayes_probability_by_position"] == best["bayes_probability_by_position"]
    ragged = evaluate(bayes_model(RAGGED), RAGGED, num_episodes=20)
    bayes, own = (np.array(ragged[f"{name}probability_by_position"]) for name in ("bayes_", ""))
    assert bayes == pytest.approx(own, abs=1e-6) and bayes[0, 6] == pytest.approx(1 / 6, abs=0.02)


def test_source_words_left_out_of_training_have_no_token_regret(bayes_model):
    results = evaluate(bayes_model(POST), POST, num_episodes=30, loss_on="targets", exact_match=False)
    assert results["token_regret"] is None and results["intervals"]["token_regret"] is None
    floor = expected_nll(POST)
    assert results["loss"] == pytest.approx(floor.target / 50, rel=0.05)  # of 30 targets and 20 delimiters


def test_a_model_with_too_few_tokens_is_refused(bayes_model):
    with pytest.raises(UserError, match="the model knows 15 tokens, but 8 source and 8 target words need 19"):
        evaluate(bayes_model(POST), LanguageConfig(num_source_words=8, num_target_words=8), num_episodes=2)


def test_a_module_that_lacks_something_is_a_sentence(bayes_model):
    bare = bayes_model(POST)
    config = bare.config
    del bare.config
    with pytest.raises(UserError, match=r"a TableModel, has no config\.vocab_size, the number of its tokens; give it"):
        evaluate(bare, POST, num_episodes=2)
    bare.config = SimpleNamespace()
    with pytest.raises(UserError, match=r"SimpleNamespace\(vocab_size=15\)"):
        evaluate(bare, POST, num_episodes=2)

    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.config = bare, config

        def forward(self, **inputs):
            return self.inner(**inputs)

    with pytest.raises(UserError, match=r"a Reader, has no generate\(\); leave it out by exact_match=False"):
        evaluate(Reader(), POST, num_episodes=2)
    assert evaluate(Reader(), POST, num_episodes=2, exact_match=False)["target_regret"] < 1e-6
