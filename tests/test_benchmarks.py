"""Each benchmark runs, tiny, and writes figures that make sense; how fast anything is, is not for tests."""

import importlib
import json
import math
import os
import shutil
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
from accelerate.state import AcceleratorState, GradientState, PartialState

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """`load("data")` imports benchmarks/data.py, as a script finds it."""
    threads, modules, states = (
        torch.get_num_threads(),
        set(sys.modules),
        (AcceleratorState, GradientState, PartialState),
    )
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    for state in states:
        state._reset_state()
    torch.set_num_threads(1)
    with mock.patch.dict(os.environ):
        yield importlib.import_module
    for state in states:
        state._reset_state()
    torch.set_num_threads(threads)
    for name in set(sys.modules) - modules:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent == FOLDER or name == "train":
            del sys.modules[name]


@pytest.mark.parametrize(
    "name",
    [
        "data",
        "step_profile",
        "generation",
        pytest.param("training", marks=pytest.mark.slow),
        pytest.param("distributed", marks=pytest.mark.slow),
        pytest.param("time_to_optimum", marks=pytest.mark.slow),
        pytest.param("records", marks=pytest.mark.slow),
        pytest.param("architectures", marks=pytest.mark.slow),
    ],
)
def test_quick_runs_write_figures(load, tmp_path, name, capsys):
    load(name).main(["--quick", "--output", str(tmp_path / "results")])
    result = json.loads((tmp_path / "results" / f"{name}.json").read_text())
    assert result["benchmark"] == name and result["options"]["quick"] and "torch" in result["versions"]
    assert result["figures"] and result["results"]
    out = capsys.readouterr().out
    for row in result["figures"]:
        assert row["what"] in out
        assert math.isfinite(row["median"]) and row["min"] <= row["median"] <= row["max"]
        assert row["reached"] in ("no", "bar", "moonshot", None)

    readme = shutil.copy(FOLDER / "README.md", tmp_path)
    load("report").main(["--results", str(tmp_path / "results"), "--readme", str(readme)])
    assert result["figures"][0]["what"] in Path(readme).read_text()
    drawn = (tmp_path / "results" / "benchmarks.png").is_file()
    assert drawn == (name in ("training", "generation", "step_profile"))


def test_our_steps_are_those_of_train_py(load, train):
    train("--name", "run", "--num_steps", "6", "--decay_steps", "0", "--log_every", "1", "--eval_every", "0")
    lines = [json.loads(line) for line in Path("outputs/run/log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
    ours = load("ours")
    step = ours.training_step("tiny", {"mixed_precision": "no", "num_threads": "1"})
    assert [round(step()["loss"], 6) for _ in losses] == losses and len(losses) == 6


def test_a_figure_says_what_it_reached(load):
    figure = load("common").figure
    for values, reached in (([1.9, 3.0, 2.0], "no"), ([3.0], "bar"), ([9.0], "moonshot")):
        assert figure("x", values, 3, 5)["reached"] == reached
    assert figure("x", [0.4], 0.5, 0.2, lower=True)["reached"] == "bar"
    assert figure("x", [9.0], 2, lower=True)["reached"] == "no" and figure("x", [1.0])["reached"] is None


def test_wider_alphabets_stretch_the_curriculum(load):
    module = load("time_to_optimum")
    recipe = module.read_file(FOLDER.parent / "configs" / "cpu.yaml")
    wide = module.widened(recipe, 12)
    assert wide["language"]["num_source_words"] == wide["language"]["num_target_words"] == 12
    active = [knobs.get("num_active_words") for stage in wide["curriculum"] for knobs in stage["languages"]]
    assert [1, 12] in active and [1, 6] not in active and recipe["language"]["num_source_words"] == 6
    log = [{"step": step, "stage": step > 3, "determined_accuracy": step / 10} for step in range(1, 11)]
    assert module.first_step_at(log, 0.75) == 10 and module.first_step_at(log, 0.9) is None
