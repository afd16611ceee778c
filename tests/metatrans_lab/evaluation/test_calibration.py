import numpy as np
import pytest
import torch

from dataset_script import LanguageConfig
from metatrans_lab.evaluation.calibration import NUM_BINS
from metatrans_lab.evaluation.figures import evaluate

POST = LanguageConfig(held_out_languages=0.1)


def test_the_family_predictor_is_calibrated(bayes_model):
    """What it gives a third comes a third of the time, within what chance allows."""
    curve = evaluate(bayes_model(POST), POST, num_episodes=1500, batch_size=400, exact_match=False)["reliability"]
    assert curve["expected_calibration_error"] < 0.01 and curve["probability_error"] < 0.003
    given, came, count = (np.array(curve[key]) for key in ("probability", "frequency", "count"))
    assert np.all(np.abs(given - came) <= 4 * np.sqrt(given * (1 - given) / count) + 1e-6)
    assert count.sum() == 1500 * 30 * 6 and (count * came).sum() == pytest.approx(1500 * 30)


def test_who_is_too_sure_is_found_out(bayes_model):
    model = bayes_model(POST)
    forward = model.forward

    def sharpened(*args, **kwargs):
        outputs = forward(*args, **kwargs)
        # All on one of the words that are equally probable.
        outputs.logits = 100 * torch.nn.functional.one_hot(outputs.logits.argmax(-1), outputs.logits.shape[-1]).float()
        return outputs

    model.forward = sharpened
    curve = evaluate(model, POST, num_episodes=400, exact_match=False)["reliability"]
    # Right as often as the optimum, 88% of the time, and always sure.
    assert curve["expected_calibration_error"] == pytest.approx(0.122, abs=0.02)
    assert curve["probability_error"] == pytest.approx(2 * 0.122 / 6, abs=0.01)
    assert len(curve["count"]) == 2 < NUM_BINS and curve["frequency"][0] == pytest.approx(0.024, abs=0.005)


def test_a_model_gone_wrong_has_no_error_to_tell(bayes_model):
    model = bayes_model(POST)
    forward = model.forward

    def broken(*args, **kwargs):
        outputs = forward(*args, **kwargs)
        outputs.logits = outputs.logits * float("nan")
        return outputs

    model.forward = broken
    figures = evaluate(model, POST, num_episodes=20, exact_match=False)
    assert np.isnan(figures["reliability"]["expected_calibration_error"]) and np.isnan(figures["target_regret"])
