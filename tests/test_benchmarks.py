"""Each benchmark runs, tiny, and writes figures that make sense; how fast anything is, is not for tests."""

import ast
import importlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
from accelerate.state import AcceleratorState, GradientState, PartialState

from metatrans_lab.config import TrainingConfig, read_config
from metatrans_lab.config.typed import from_dict
from metatrans_lab.config.yaml_files import read_file

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks"


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
        pytest.param("startup", marks=pytest.mark.slow),
        pytest.param("puzzles", marks=pytest.mark.slow),
        pytest.param("export", marks=pytest.mark.slow),
        pytest.param("predictor", marks=pytest.mark.slow),
        pytest.param("training", marks=pytest.mark.slow),
        pytest.param("distributed", marks=pytest.mark.slow),
        pytest.param("time_to_optimum", marks=pytest.mark.slow),
        pytest.param("records", marks=pytest.mark.slow),
        pytest.param("architectures", marks=pytest.mark.slow),
        pytest.param("gpu", marks=pytest.mark.slow),
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
    if name == "records":  # which has a table of its own, a row a recipe
        shown = "[tiny](results/records/tiny.yaml)"
        assert {path.name for path in (tmp_path / "results" / "records").iterdir()} == {"tiny.yaml", "tiny-0.jsonl"}
    else:
        shown = result["figures"][0]["what"]
    assert shown in Path(readme).read_text()
    drawn = (tmp_path / "results" / "benchmarks.png").is_file()
    assert drawn == (name in ("training", "generation", "step_profile"))


def test_parts_for_a_gpu_that_aren_t_run_again_are_kept(load, tmp_path):
    main = load("gpu").main
    main(["--quick", "--parts", "equal", "--output", str(tmp_path)])
    path = tmp_path / "gpu.json"
    result = json.loads(path.read_text())
    assert list(result["results"]) == ["equal"]
    other = {"what": "the post: steps", "unit": "", "median": 1, "min": 1, "max": 1, "rounds": [1], "bar": None}
    result["figures"].append(other | {"moonshot": None, "lower": False, "reached": None})
    result["results"]["the post"] = {"seconds": 1.0, "measured": {}}
    for versions, parts in ((result["versions"], ["the post", "equal"]), ({"torch": "1.0"}, ["equal"])):
        path.write_text(json.dumps(result | {"versions": versions}))
        main(["--quick", "--parts", "equal", "--output", str(tmp_path)])
        assert list(json.loads(path.read_text())["results"]) == parts


def test_our_steps_are_those_of_train_py(load, train):
    train("--name", "run", "--num_steps", "6", "--decay_steps", "0", "--log_every", "1", "--eval_every", "0")
    lines = [json.loads(line) for line in Path("outputs/run/log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
    ours = load("ours")
    step = ours.training_step("tiny", {"mixed_precision": "no", "num_threads": "1"})
    assert [round(step()["loss"], 6) for _ in losses] == losses and len(losses) == 6


def test_when_an_accuracy_is_passed(load):
    module = load("time_to_optimum")
    log = [{"step": step, "stage": step > 3, "determined_accuracy": step / 10} for step in range(1, 11)]
    assert module.first_step_at(log, 0.75) == 10 and module.first_step_at(log, 0.9) is None


@pytest.mark.parametrize("recipe", ["cpu", "lstm"])
def test_the_record_table_is_of_today_s_rows(load, recipe):
    module = load("records")
    rows, path = module.rows_of(recipe), FOLDER / "results" / f"{module.RECIPES[recipe]}.json"
    records = json.loads(path.read_text())
    assert {row: result["overrides"] for row, result in records["results"].items()} == {
        row: overrides for row, (_, overrides) in rows.items()
    }
    config = module.CONFIGS / f"{recipe}.yaml"
    for row, (_, overrides) in rows.items():
        run = FOLDER / "results" / "records" / f"{module.file_name(row)}.yaml"
        made = from_dict(TrainingConfig, read_file(run))
        asked = {key: str(value) for key, value in overrides.items()} | {"overwrite": "true", "seed": str(made.seed)}
        assert made == read_config(str(config), asked), row


def test_results_have_no_blanks_in_their_names():
    assert [path for path in (FOLDER / "results").rglob("*") if " " in path.name] == []
    links = re.findall(r"\]\((\S+?)\)", (FOLDER / "README.md").read_text())
    assert len(links) > 15 and [link for link in links if not (FOLDER / link).exists()] == []


def test_a_peer_s_process_is_without_ours():
    """What a worker of training.py imports before it makes its contestant."""
    code = "import sys, training, torch; print(sorted(sys.modules)); print(torch.get_num_threads())"
    outputs = []
    for told in ({}, {"OMP_NUM_THREADS": "1"}):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(FOLDER), str(ROOT)])} | told
        command = [sys.executable, "-c", code]
        outputs.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert outputs[0] == outputs[1]
    modules = outputs[0].splitlines()[0]
    ours = {name for name in ast.literal_eval(modules) if name.startswith("metatrans")}
    assert ours == {"metatrans_lab"} | {
        f"metatrans_lab.{name}"
        for name in (
            "experiments",
            *(f"experiments.{name}" for name in ("benchmarks", "checkout", "goals", "runs", "timing", "worker")),
        )
    }
    others = {"train", "dataset_script", "modeling_metalstm", "transformers", "datasets", "accelerate"}
    assert others & set(ast.literal_eval(modules)) == set()


SCRIPTS = [*FOLDER.glob("*.py"), *(ROOT / "studies").glob("*.py")]
MEASURE = [path for path in SCRIPTS if path.stem != "report" and "__main__" in path.read_text()]


@pytest.mark.parametrize("path", MEASURE, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_all_cores_are_told_before_torch_is_imported(path):
    imported = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Expr) and ast.unparse(node) == "os.environ.pop('OMP_NUM_THREADS', None)":
            break
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported += [node.module] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
    else:
        pytest.fail("it leaves OMP_NUM_THREADS, which torch reads at import")
    assert [name for name in imported if name.split(".")[0] not in sys.stdlib_module_names] == []


def test_a_long_run_of_puzzles_goes_on_where_it_was_broken_off(load, tmp_path, monkeypatch, capsys):
    puzzles, lines, measured = load("puzzles"), tmp_path / "lines.jsonl", []

    def measure(level, seed):
        measured.append((level, seed))
        if seed == 3:
            return {"seconds": None}
        fine = {"is_settled": True, "superfluous": 0, "all_languages_agree": None, "superfluous_with_classes": None}
        return {"seconds": 1.0 + seed, "examples": 4, **fine, "all_languages_agree": seed != 2}

    monkeypatch.setattr(puzzles, "measure", measure)
    options = ["--lines", str(lines), "--output", str(tmp_path), "--levels", "1", "2", "--puzzles"]
    puzzles.main([*options, "2"])
    puzzles.main([*options, "3", "--first_seed", "1"])
    assert measured == [(1, 0), (1, 1), (2, 0), (2, 1), (1, 2), (1, 3), (2, 2), (2, 3)]
    assert [json.loads(line)["seed"] for line in lines.read_text().splitlines()] == [0, 1, 0, 1, 2, 3, 2, 3]
    told = (
        "level 2: 2 puzzles of 4 to 4 examples; 1 not found; 0 with an open question; 0 with a superfluous example; "
    )
    out = capsys.readouterr().out
    assert told in out and "all languages gone through for 2, 1 with another answer" in out
    result = json.loads((tmp_path / "puzzles.json").read_text())
    assert result["figures"][-1]["median"] == 1 and result["figures"][-1]["reached"] == "no"
    assert [row["seed"] for row in result["results"]["level 1"]] == [1, 2, 3]
