"""What the README tells a newcomer to type, typed (its `outputs/cpu` being a tiny run)."""

import re
import shlex
from pathlib import Path

import pytest

import metatrans_lab.hub_data  # noqa: F401  (what is patched must be there)
from metatrans_lab.shell import main

README = (Path(__file__).parents[1] / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.S)
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", README, re.S) for line in block.splitlines()]


@pytest.fixture
def trained(train):
    """A run under the default recipe's name and alphabet."""
    alphabet = ["--language.num_source_words", "6", "--language.num_target_words", "6", "--curriculum", "[{}]"]
    train("--name", "cpu", *alphabet, "--num_steps", "10", "--decay_steps", "0", "--eval_every", "0")


def test_python(trained):
    assert len(PYTHON) == 5
    names = {}  # later blocks go on with earlier ones' names
    for block in PYTHON:
        exec(compile(block, "README.md", "exec"), names)


def test_commands(trained, train, hub_here, monkeypatch, capsys):
    pushed = []
    monkeypatch.setattr("metatrans_lab.hub_data.push_dataset", lambda *arguments: pushed.append(arguments) or "user/x")
    commands = [shlex.split(line, comments=True) for line in COMMANDS]
    assert {words[0] for words in commands} == {"make", "metatrans", "accelerate"}
    for words in commands:
        if words[0] == "metatrans":
            main([*words[1:]] if words[1] != "evaluate" else [*words[1:], "--num_episodes", "64"])
        elif words[0] == "accelerate":
            assert words[:3] == ["accelerate", "launch", "train.py"]
            overrides = words[words.index("configs/cpu.yaml") + 1 :]
            overrides = [word.replace("user/", "ada/") for word in overrides]
            # The tiny recipe in place of the default, and an end before the last checkpoint, so that one can resume.
            assert train(*overrides, "--model.hidden_size", "16") == 0
    assert "→" in capsys.readouterr().out and pushed == [("user/metatrans", [], False)]
    assert "model.safetensors" in hub_here.files("ada/shared", "main", "model")


def test_the_map_names_what_is_there():
    names = re.findall(r"^\| `([\w./]+)`", README, re.M)
    assert len(names) >= 5
    assert all((Path(__file__).parents[1] / name).exists() for name in names)
