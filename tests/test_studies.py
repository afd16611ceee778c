"""Each study runs, tiny, and writes what RESULTS.md shows of it."""

import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "studies"
SMALL = {
    "optimum": ("--seeds", "2", "--episodes", "64"),
    "beyond": ("--episodes", "16"),
    "unseen": ("--episodes", "64"),
    "probe": ("--episodes", "64"),
}


@pytest.fixture
def study(monkeypatch, tmp_path, train):
    """`study(name, *arguments)` runs studies/NAME.py on tiny models; gives its JSON, its table, and its picture."""
    modules = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])

    def trained(options, name, *overrides):
        folder = options.runs / name
        if not folder.exists():
            assert train("--output_dir", str(folder), *overrides) == 0
        return common.load_model(str(folder)), json.loads((folder / "results.json").read_text())

    common = importlib.import_module("common")

    def run(name: str, *arguments: str):
        script = importlib.import_module(name)
        monkeypatch.setattr(script, "trained", trained)
        for limit, few in (("HELD_OUT", (0.5,)), ("POOLS", (4,))):
            if hasattr(script, limit):
                monkeypatch.setattr(script, limit, few)
        script.main([*arguments, "--runs", str(tmp_path / "runs"), "--results", str(tmp_path / "results")])
        files = [tmp_path / "results" / f"{name}.{kind}" for kind in ("json", "md", "png")]
        return json.loads(files[0].read_text()), files[1].read_text(), files[2].read_bytes()

    yield run
    for name in set(sys.modules) - modules:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent == FOLDER:
            del sys.modules[name]


@pytest.mark.parametrize("name", SMALL)
def test_a_study_runs_and_runs_alike(study, name, tmp_path):
    once = study(name, *SMALL[name])
    assert once[0] and "|---|--:|" in once[1] and once[2].startswith(b"\x89PNG")
    shutil.rmtree(tmp_path / "results")
    again = study(name, *SMALL[name])
    assert again == once
