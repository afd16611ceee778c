import math

import matplotlib.image
import pytest

from dataset_script import LanguageConfig
from metatrans_lab.evaluation.figures import evaluate
from metatrans_lab.report.plots import plateaus, plot_loss, plot_shots


def test_plateaus_of_the_post():
    levels = plateaus(LanguageConfig(), "all")
    assert levels == pytest.approx(
        {"uniform": 2.7081, "unigram": 2.5993, "format only": 1.3438, "sentence alone": 1.1878, "Bayes": 0.75415},
        abs=1e-4,
    )
    assert list(plateaus(LanguageConfig(), "targets").values()) == pytest.approx(
        [2.7081, 2.0253, 0.6 * 1.791759, 10 * 4.1268 / 50, 6.5792 / 50], abs=1e-4
    )
    # Sentences of one word have nothing in them that is alike.
    one = plateaus(LanguageConfig(sentence_length=1), "all")
    assert one["sentence alone"] == pytest.approx(one["format only"])


def test_plateaus_of_drawn_lengths_price_the_lengths():
    # Every length of 1…5 costs ln 5 nats in all, whichever tokens tell it; words cost ln 6 each.
    config = LanguageConfig(num_pairs=10, sentence_length=(1, 5))
    nats = 10 * (math.log(5) + 2 * 3 * math.log(6))
    assert plateaus(config, "all")["format only"] == pytest.approx(nats / 80, abs=1e-9)
    assert plateaus(config, "targets")["format only"] == pytest.approx(30 * math.log(6) / 50, abs=1e-9)


@pytest.mark.parametrize("sentence_length", [3, (1, 5)])
def test_both_pictures_are_drawn(tmp_path, uniform_model, sentence_length):
    config = LanguageConfig(num_pairs=4, sentence_length=sentence_length)
    log = [
        {"step": 10, "loss": 2.0, "stage": 0},
        {"step": 10, "eval_loss": 2.1},
        {"step": 20, "loss": 1.5, "stage": 1},
    ]
    plot_loss(tmp_path / "loss.png", log, config, "all")
    plot_shots(tmp_path / "shots.png", evaluate(uniform_model(config), config, num_episodes=4), config, "all")
    for name in ("loss.png", "shots.png"):
        picture = matplotlib.image.imread(tmp_path / name)
        assert picture.shape[1] > 900 and picture[..., :3].std() > 0.05
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loss.png", "shots.png"]
