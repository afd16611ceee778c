import matplotlib.image
import pytest

from dataset_script import LanguageConfig
from metatrans_lab.evaluation.figures import evaluate
from metatrans_lab.report.plots import plot_loss, plot_shots


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
