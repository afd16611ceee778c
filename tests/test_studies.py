"""Each study runs, tiny, and writes what RESULTS.md shows of it."""

import importlib.util
import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from metatrans_lab.config import read_config
from metatrans_lab.experiments.cached import why_not
from metatrans_lab.models import load_model

FOLDER = Path(__file__).parents[1] / "studies"
CONFIGS = FOLDER.parent / "configs"
SMALL = {
    "optimum": ("--seeds", "2", "--episodes", "64"),
    "beyond": ("--episodes", "16", "--seeds", "2"),
    "unseen": ("--episodes", "64"),
    "probe": ("--episodes", "64", "--seeds", "2"),
    "layers": ("--episodes", "64", "--seeds", "2", "--words", "2"),
    "peers": ("--seeds", "1", "--episodes", "64"),
    "scale": ("--words", "6", "8", "--lstm", "6", "--episodes", "64"),
    "bindings": ("--episodes", "32", "--seeds", "1", "--rounds", "2"),
    "post": ("--steps", "60", "--width", "8"),
    "translator": ("--seeds", "2", "--episodes", "32"),
    "cells": ("--seeds", "1", "--words", "6"),
    "calibration": ("--seeds", "2", "--steps", "40", "--episodes", "32"),
}
# What studies go through, cut down to what tiny models know.
FEW = {
    "unseen": {"HELD_OUT": (0.5,), "POOLS": (4,)},
    "cells": {"CELLS": {"LSTM, mLSTM": {"layer_types": ["lstm", "mlstm"], "lstm_size": None}, "the default": {}}},
    "translator": {"WORDS": (2, 3), "PAIRS": (3,), "LENGTHS": (1, 2)},
}


@pytest.fixture
def study(monkeypatch, tmp_path, train):
    """`study(name, *arguments)` runs studies/NAME.py on tiny models; gives its JSON, its table, and its picture."""
    modules = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])

    def trained(options, name, *overrides, config=None):
        assert config is None or (CONFIGS / f"{config}.yaml").is_file()
        folder = options.runs / name
        if not folder.exists():
            assert train("--output_dir", str(folder), *overrides) == 0
        return load_model(str(folder)), json.loads((folder / "results.json").read_text())

    def finished_run(options, name, *overrides, config=None, script=None):
        return trained(options, name, *overrides, config=config)[1]

    def run(name: str, *arguments: str):
        script = importlib.import_module(name)
        monkeypatch.setattr(script, "trained", trained, raising=False)
        monkeypatch.setattr(script, "finished_run", finished_run, raising=False)
        for limit, few in FEW.get(name, {}).items():
            monkeypatch.setattr(script, limit, few)
        results, page = tmp_path / "results", tmp_path / "page.md"
        page.write_text(f"before\n<!-- {name} -->\nold\n<!-- /{name} -->\nafter\n")
        folders = {"--runs": tmp_path / "runs", "--results": results, "--page": page}
        script.main([*arguments, *(str(word) for pair in folders.items() for word in pair)])
        assert page.read_text().startswith("before\n") and page.read_text().endswith("after\n")
        assert f"<!-- {name} -->" in (FOLDER.parent / "RESULTS.md").read_text()
        return (
            json.loads((results / f"{name}.json").read_text()),
            page.read_text(),
            (results / f"{name}.png").read_bytes(),
        )

    yield run
    for name in set(sys.modules) - modules:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent == FOLDER:
            del sys.modules[name]


@pytest.fixture
def variants():
    spec = importlib.util.spec_from_file_location("variants", FOLDER / "variants.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SMALL)
def test_a_study_runs_and_runs_alike(study, name, tmp_path):
    once = study(name, *SMALL[name])
    assert once[0] and "|---|--:|" in once[1] and "old" not in once[1] and once[2].startswith(b"\x89PNG")
    shutil.rmtree(tmp_path / "results")
    again = study(name, *SMALL[name])
    if name == "bindings":  # whose times vary
        once, again = once[0], again[0]
    assert again == once


def test_the_delta_rule_is_its_equations(variants):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 3, 12, 4, dtype=torch.float64)
    log_i, log_f = torch.nn.functional.logsigmoid(torch.randn(2, 2, 3, 12, dtype=torch.float64))
    starts = torch.rand(2, 12) < 0.2
    y, last = variants.memory_delta(q, k, v, log_i - math.log(4) / 2, log_f, torch.zeros(2, 3, 4, 4).double(), starts)
    memory = torch.zeros(2, 3, 4, 4, dtype=torch.float64)
    for t in range(12):
        f = torch.where(starts[:, None, t], 0.0, log_f[..., t].exp())[..., None, None]
        key = k[..., t, :] / k[..., t, :].norm(dim=-1, keepdim=True)
        said = (f * memory).mT @ key[..., None]  # (2, 3, 4, 1)
        added = log_i[..., t].exp()[..., None, None] * (v[..., t, :, None] - said)
        memory = f * memory + key[..., None] * added.mT
        torch.testing.assert_close(y[..., t, :], (memory.mT @ q[..., t, :, None])[..., 0])
    torch.testing.assert_close(last, memory)


def test_a_convolution_looks_back_only_and_does_nothing_at_first(variants):
    torch.manual_seed(0)
    x = torch.randn(2, 10, 6)
    norm = variants.ConvolvedNorm(6)
    torch.testing.assert_close(norm(x), torch.nn.functional.layer_norm(x, (6,)))
    torch.nn.init.normal_(norm.taps)
    before = norm(x)
    x[:, 6] += torch.randn(6)
    changed = (norm(x) != before).any(-1).all(0)
    assert changed.tolist() == [False] * 6 + [True] * 4


@pytest.mark.parametrize("variant", ["delta", "convolution"])
def test_variants_train(variant, tmp_path):
    recipe = ("--config", str(CONFIGS / "tiny.yaml"), "--model.layer_types", "[mlstm]", "--output_dir", str(tmp_path))
    command = [sys.executable, str(FOLDER / "variants.py"), variant, *recipe, "--overwrite", "true"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stderr
    weights = load_file(tmp_path / "model.safetensors")
    assert any("taps" in name for name in weights) == (variant == "convolution")


def test_every_study_is_tested_and_made_by_make_studies():
    assert {*SMALL, "variants"} == {path.stem for path in FOLDER.glob("*.py")}
    target = re.search(r"(?m)^studies:.*\n\t@for name in (.*); do", (FOLDER.parent / "Makefile").read_text())
    assert sorted(target[1].split()) == sorted(SMALL)


def test_the_tables_are_of_today_s_recipes(tmp_path):
    """As far as the results say what they were made with."""
    runs = {}
    for name, run in json.loads((FOLDER / "results" / "scale.json").read_text()).items():
        stack, words = name.split()
        runs[f"words {name}"] = (f"lstm/words{words}" if stack == "lstm" else f"words{words}", "0", run)
    for name, run in json.loads((FOLDER / "results" / "peers.json").read_text()).items():
        peer, seed = name.split()
        runs[name] = ("optimum" if peer == "metalstm" else f"peers/{peer}", seed, run)
    assert len(runs) == 22
    for name, (config, seed, run) in runs.items():
        asked = read_config(str(CONFIGS / f"{config}.yaml"), {"seed": seed})
        (tmp_path / "results.json").write_text(json.dumps(run))
        (tmp_path / "training_config.yaml").write_text(asked.to_yaml())
        assert why_not(tmp_path, asked) is None, name
