import argparse
import json
from pathlib import Path

import pytest
import yaml

from dataset_script.families.contract import GENERATOR_VERSION
from metatrans_lab.config import read_config
from metatrans_lab.experiments import cached
from metatrans_lab.experiments.cached import trained, why_not
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.models import pretrained

TINY = ROOT / "configs" / "tiny.yaml"


def asked(**overrides: str):
    return read_config(str(TINY), overrides)


@pytest.fixture
def folder(tmp_path):
    """What a run of tiny.yaml leaves, as far as it is looked at."""
    text = asked().to_yaml()
    config = {key: value for key, value in yaml.safe_load(text).items() if key not in cached.FREE_KEYS}
    (tmp_path / "results.json").write_text(
        json.dumps({"config": config, "versions": {"generator": str(GENERATOR_VERSION)}})
    )
    (tmp_path / "training_config.yaml").write_text(text)
    return tmp_path


@pytest.fixture
def change(folder):
    """`change(function)` changes the run's results in place."""

    def apply(function) -> None:
        results = json.loads((folder / "results.json").read_text())
        function(results)
        (folder / "results.json").write_text(json.dumps(results))

    return apply


def test_a_run_is_the_one_that_is_asked_for(folder):
    assert why_not(folder, asked()) is None
    # What neither shapes a model nor its log.
    assert why_not(folder, asked(name="other", output_dir="x", overwrite="true", num_threads="3")) is None


@pytest.mark.parametrize(
    ("overrides", "difference"),
    [
        ({"num_steps": "41"}, "num_steps 40, not 41"),
        ({"seed": "1"}, "seed 0, not 1"),
        ({"language.num_pairs": "5"}, "language.num_pairs 4, not 5"),
        ({"language.num_training_languages": "3"}, "language.num_training_languages None, not 3"),
        ({"model.hidden_size": "8"}, "model.hidden_size 16, not 8"),
        ({"model.num_hidden_layers": "2"}, "model.num_hidden_layers None, not 2"),
        ({"curriculum": "[{until_step: 20}, {}]"}, "curriculum[0].languages [{"),
        ({"eval_every": "10"}, "eval_every 20, not 10"),
    ],
)
def test_another_run_is_told_by_its_first_difference(folder, overrides, difference):
    assert f"{folder} was made with {difference}" in why_not(folder, asked(**overrides))


def test_a_knob_of_a_stage_is_told_apart(folder):
    stages = yaml.safe_load(TINY.read_text())["curriculum"]
    stages[1]["languages"][1]["sentence_length"] = [1, 2]
    difference = why_not(folder, asked(curriculum=json.dumps(stages)))
    assert difference.endswith("curriculum[1].languages[1].sentence_length[1] 3, not 2")


def test_episodes_of_another_generator_are_another_run(folder, change):
    change(lambda results: results["versions"].update(generator="0"))
    assert why_not(folder, asked()) == f"the run in {folder} was made with generator 0, not {GENERATOR_VERSION}"


def test_a_key_that_the_run_lacks_was_added_since_and_has_its_default(folder, change):
    def forget(results: dict) -> None:
        del results["config"]["weight_decay"], results["config"]["curriculum"][0]["replay"]
        del results["config"]["language"]["held_out_languages"]

    change(forget)
    spelt_out = {"language.held_out_languages": "0.0", "language.num_active_words": "null"}
    assert why_not(folder, asked(**spelt_out)) is None
    assert "weight_decay 0.0, not 0.1" in why_not(folder, asked(**spelt_out, weight_decay="0.1"))
    assert "language.held_out_languages 0.0, not 0.3" in why_not(folder, asked())


def test_what_was_never_finished_or_says_nothing_is_made_anew(folder, change, tmp_path):
    assert why_not(tmp_path / "none", asked()) == f"{tmp_path / 'none'} has no finished run"
    change(lambda results: results["config"].update(gone=1))
    assert "unknown key 'gone'" in why_not(folder, asked())
    change(lambda results: results.pop("versions"))
    assert "doesn't say what it was made with" in why_not(folder, asked())
    (folder / "results.json").write_text('{"config":')
    assert "is not JSON" in why_not(folder, asked())


def test_models_that_were_shipped_are_runs_of_today_s_recipes():
    for name, recipe in (("six-words", "optimum"), ("translator", "translator")):
        folder = Path(pretrained(name))
        seed = {"seed": str(json.loads((folder / "results.json").read_text())["config"]["seed"])}
        assert why_not(folder, read_config(str(ROOT / "configs" / f"{recipe}.yaml"), seed)) is None


def test_a_stale_run_is_trained_anew_and_says_so(train, tmp_path, capfd):
    options, folder = argparse.Namespace(runs=tmp_path, config="tiny"), tmp_path / "tiny-0"
    small = (
        "--num_threads",
        "1",
        "--final_eval_episodes",
        "8",
        "--curriculum",
        "[{}]",
        "--decay_steps",
        "0",
        "--eval_every",
        "0",
    )
    train(*small, "--num_steps", "5", "--output_dir", str(folder))
    written = (folder / "results.json").read_bytes()
    capfd.readouterr()

    _, results = trained(options, "tiny-0", *small, "--num_steps", "5")
    assert results["steps"] == 5 and (folder / "results.json").read_bytes() == written
    assert capfd.readouterr().out == ""

    model, results = trained(options, "tiny-0", *small, "--num_steps", "6")
    assert results["steps"] == results["config"]["num_steps"] == 6 and model.config.hidden_size == 16
    assert capfd.readouterr().out == f"training tiny-0: the run in {folder} was made with num_steps 5, not 6\n"


def test_a_config_that_is_none_is_a_sentence(tmp_path, capsys):
    options = argparse.Namespace(runs=tmp_path, config="tiny")
    with pytest.raises(SystemExit) as stopped:
        trained(options, "tiny-0", "--num_steps", "0")
    assert stopped.value.code == 2 and "num_steps must be at least 1" in capsys.readouterr().err
