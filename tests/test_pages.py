"""What README and docs tell a newcomer to type, typed (their `outputs/cpu` being a tiny run)."""

import importlib.util
import json
import re
import runpy
import shlex
from pathlib import Path

import pytest

import metatrans_lab.hub.data  # noqa: F401  (what is patched must be there)
from metatrans_lab.apps.shell import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TYPED = [path for path in PAGES if path.stem not in ("reference", "reliability", "run-folder")]
README = PAGES[0].read_text()


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(), re.S)


@pytest.fixture
def trained(train):
    """A run under the default recipe's name and alphabet."""
    alphabet = ["--language.num_source_words", "6", "--language.num_target_words", "6", "--curriculum", "[{}]"]
    train("--name", "cpu", *alphabet, "--num_steps", "10", "--decay_steps", "0", "--eval_every", "0")


@pytest.mark.parametrize("path", TYPED, ids=lambda path: path.stem)
def test_python(path, tmp_path, monkeypatch):
    """By what comes with the package alone, as whoever has no checkout and trained nothing."""
    monkeypatch.chdir(tmp_path)
    code = blocks(path, "python")
    assert code
    names = {}  # later blocks go on with earlier ones' names
    for block in code:
        exec(compile(block.replace("STEPS = 400", "STEPS = 20"), path.name, "exec"), names)


@pytest.mark.parametrize("path", [path for path in TYPED if blocks(path, "bash")], ids=lambda path: path.stem)
def test_commands(path, trained, train, hub_here, monkeypatch, capsys):
    pushed = []
    monkeypatch.setattr("metatrans_lab.hub.data.push_dataset", lambda *arguments: pushed.append(arguments) or "user/x")
    lines = [line for block in blocks(path, "bash") for line in block.splitlines()]
    commands = [shlex.split(line, comments=True) for line in lines]
    assert {words[0] for words in commands} <= {"make", "metatrans", "accelerate"}
    for words in commands:
        words = [word.replace("examples/", f"{ROOT}/examples/") for word in words]
        if words[0] == "metatrans":
            main([*words[1:]] if words[1] != "evaluate" else [*words[1:], "--num_episodes", "64"])
        elif words[0] == "accelerate":
            assert (words[:2], words[3]) == (["accelerate", "launch"], "--config") and (ROOT / words[4]).is_file()
            if words[2] != "train.py":  # it registers a model
                monkeypatch.syspath_prepend(Path(words[2]).parent)
                runpy.run_path(words[2])
            overrides = [word.replace("user/", "ada/") for word in words[5:]]
            # The tiny recipe in place of the one that is named, and an end before the last checkpoint, so that one can
            # resume.
            small = [] if "--model" in overrides else ["--model.hidden_size", "16"]
            assert train(*overrides, *small) == 0
    if path.stem == "README":
        assert "→" in capsys.readouterr().out and pushed == [("user/metatrans", [], False)]
        assert "model.safetensors" in hub_here.files("ada/shared", "main", "model")


def test_what_is_made_is_up_to_date():
    spec = importlib.util.spec_from_file_location("make", ROOT / "docs" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, make in module.PAGES.items():
        assert (ROOT / "docs" / name).read_text() == make(), f"docs/{name}: run python docs/make.py"


def test_the_notebook_runs_top_to_bottom():
    cells = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) == len(blocks(ROOT / "docs" / "tutorial.md", "python")) == len(cells) // 2
    names = {}
    for block in code:
        exec(compile(block.replace("STEPS = 400", "STEPS = 20"), "tutorial.ipynb", "exec"), names)
    assert names["figures"]["target_regret"] > 0


def test_the_map_names_what_is_there():
    names = re.findall(r"^\| `([\w./]+)`", README, re.M)
    assert len(names) >= 5
    assert all((Path(__file__).parents[1] / name).exists() for name in names)


def test_every_promise_names_a_test_that_is_there():
    named = re.findall(r"`(test_\w+)`", (ROOT / "docs" / "reliability.md").read_text())
    source = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    assert len(named) > 25 and [name for name in named if f"def {name}(" not in source] == []
