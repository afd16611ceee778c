"""Each study runs, tiny, and writes what RESULTS.md shows of it."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from metatrans_lab.config import read_config
from metatrans_lab.errors import UserError
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
    "families": ("--seeds", "1", "--steps", "20"),
    "invented": ("--languages", "2", "--questions", "2"),
}
TINY_MIXED = {"family": "mixed", "num_pairs": 3, "num_nouns": 2, "num_verbs": 2, "num_adjectives": 1}
TINY_MIXED |= {"num_source_words": 7, "num_target_words": 10, "held_out_languages": 0.1, "held_out_structures": 0.1}
# What a study's runs are of, where it isn't the post's family.
LANGUAGES = {"families": TINY_MIXED}
# What studies go through, cut down to what tiny models know.
FEW = {
    "unseen": {"HELD_OUT": (0.5,), "POOLS": (4,)},
    "cells": {"CELLS": {"LSTM, mLSTM": {"layer_types": ["lstm", "mlstm"], "lstm_size": None}, "the default": {}}},
    "families": {
        "ARCHITECTURES": {"LSTM": {"layer_types": ["lstm"], "lstm_size": None}, "mixed": {}, "gpt2": {}},
        "_until_steps": lambda steps: [{}],  # the recipe's stages are of more words
    },
    "translator": {"WORDS": (2, 3), "PAIRS": (3,), "LENGTHS": (1, 2)},
}


def test_the_stages_of_the_study_of_families_end_by_a_step(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    stages = importlib.import_module("families")._until_steps(1500)
    assert [stage.get("until_step") for stage in stages] == [100, 200, 750, None]
    sys.modules.pop("families")


@pytest.fixture
def study(monkeypatch, tmp_path, train):
    """`study(name, *arguments)` runs studies/NAME.py on tiny models; gives its JSON, its table, and its picture."""
    modules = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])

    def trained(options, name, *overrides, config=None):
        assert config is None or (CONFIGS / f"{config}.yaml").is_file()
        folder = options.runs / name
        if not folder.exists():
            assert train("--output_dir", str(folder), *language, *overrides) == 0
        return load_model(str(folder)), json.loads((folder / "results.json").read_text())

    def finished_run(options, name, *overrides, config=None, script=None):
        return trained(options, name, *overrides, config=config)[1]

    language = ()

    def run(name: str, *arguments: str):
        nonlocal language
        if name in LANGUAGES:
            language = ("--language", str(LANGUAGES[name]), "--final_eval_episodes", "16")
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


def mlc_file(path, support, answers, below=""):
    """A file in the form that MLC publishes."""

    def lines(pairs):
        return "".join(f"IN: {source} OUT: {target}\n" for source, target in pairs)

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"*SUPPORT*\n{lines(support)}\n*QUERY*\n{lines(answers)}\n*GRAMMAR*\n{below}")


@pytest.fixture
def mlc(tmp_path):
    """A folder as MLC's data_human, with answers of nobody."""
    folder, probes = tmp_path / "data_human", tmp_path / "data_human" / "data_behavior_probes" / "val"
    words = [("a", "1"), ("b", "2"), ("a thrice", "1 1 1"), ("b after a", "1 2")]
    nested = [("a after b after a", "1 2 1")]
    asked = [("b thrice", "2 2 2"), ("a after b", "2 1"), ("a after b after b", "2 2 1")]
    mlc_file(folder / "few_shot" / "val_gold" / "mini_scan.txt", words, asked)
    for number, ((source, right), wrong) in enumerate(zip(asked, ("2", "1 2", "1"), strict=True)):
        answers = [(source, right)] * 3 + [(source, wrong)]
        mlc_file(folder / "few_shot" / "val_behavior" / f"{number:02}.txt", words + nested, answers)
    new = [("p2", "c2"), ("p2", "c1"), ("p2", "c3"), ("p2", "c3 c3")]
    mlc_file(probes / "ME_1ex_3pool.txt", [("p1", "c1")], new, "allowed outputs:\nc1 c2 c3\n")
    known = [("p1", "c1"), ("p2", "c2")]
    mlc_file(
        probes / "concat_11_p1p2.txt", known, [("p1 p2", "c1 c2")] * 9 + [("p1 p2", "c2")], "allowed outputs:\nc1 c2"
    )
    return folder


def test_people_beside_the_exact_predictor(study, mlc):
    results, page, picture = study("people", str(mlc))
    assert {task: (found["items"], found["answers"]) for task, found in results.items()} == {
        "operators": (2, 8),  # the third is nested
        "a new word, of 3 answers": (1, 4),
        "two known words, 2 in a sentence": (1, 10),
    }
    people = [found["people"] for found in results.values()]
    best = [found["exact, of its family"] for found in results.values()]
    assert people == [0.75, 0.5, 0.9] and best == pytest.approx([1, 1, 1 / 6])  # one order of six
    assert "| operators | 2 | 8 | 0.750 | 1.000 |" in page and picture.startswith(b"\x89PNG")


def test_people_beside_a_model(study, mlc, train, tmp_path):
    folder = str(tmp_path / "mixed")
    assert train("--output_dir", folder, "--language", str(TINY_MIXED), "--final_eval_episodes", "8") == 0
    results, _, _ = study("people", str(mlc), "--model", folder)
    for found in results.values():
        assert 0 < found["exact, of the mixture"] <= 1 and 0 <= found["model"] < 1
    other = str(tmp_path / "post")
    assert train("--output_dir", other, "--final_eval_episodes", "8") == 0
    with pytest.raises(UserError, match="was trained on the family lexicon; give a model of mixed"):
        study("people", str(mlc), "--model", other)


def test_what_is_no_folder_of_people_s_answers(study, mlc):
    with pytest.raises(UserError, match="isn't MLC's folder data_human"):
        study("people", str(mlc / "few_shot"))
    (mlc / "few_shot" / "val_behavior" / "00.txt").write_text("IN: a OUT: 1")
    with pytest.raises(UserError, match="is no file of MLC's"):
        study("people", str(mlc))


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


def test_a_variant_trains(tmp_path):
    recipe = ("--config", str(CONFIGS / "tiny.yaml"), "--model.layer_types", "[mlstm]", "--output_dir", str(tmp_path))
    command = [sys.executable, str(FOLDER / "variants.py"), "convolution", *recipe, "--overwrite", "true"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stderr
    weights = load_file(tmp_path / "model.safetensors")
    assert any("taps" in name for name in weights)


def test_every_study_is_tested_and_made_by_make_studies_if_it_needs_no_data_of_others():
    assert {*SMALL, "variants", "people"} == {path.stem for path in FOLDER.glob("*.py")}
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
