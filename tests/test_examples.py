"""Each example, as its text says to run it, for a few steps."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate.state import AcceleratorState, GradientState, PartialState
from transformers import AutoModelForCausalLM, AutoTokenizer

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run("trainer", *arguments)` runs examples/trainer.py in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    states = (AcceleratorState, GradientState, PartialState)
    for state in states:
        state._reset_state()
    yield lambda name, *arguments: runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](list(arguments))
    for state in states:
        state._reset_state()


def test_an_architecture_of_one_s_own_is_trained_and_loaded_by_its_folder_alone(tmp_path):
    config = str(EXAMPLES.parent / "configs" / "tiny.yaml")
    model = '{"model_type": "my-gru", "hidden_size": 24}'
    given = ["--config", config, "--name", "gru", "--num_threads", "1", "--model", model]
    script = str(EXAMPLES / "own_architecture" / "run.py")
    subprocess.run([sys.executable, script, *given], cwd=tmp_path, check=True, timeout=200)
    results = json.loads((tmp_path / "outputs/gru/results.json").read_text())
    assert results["steps"] == 40 and results["num_exact_match"] > 0
    code = (
        "from metatrans_lab.models.load import load_model; model = load_model('outputs/gru', trust_remote_code=True); "
        "print(type(model).__name__, model.config.hidden_size, sum(p.numel() for p in model.parameters()))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert loaded.stdout.split() == ["GruForCausalLM", "24", str(results["num_parameters"])], loaded.stderr


def test_the_trainer_learns_and_saves_a_model(run, capsys):
    arguments = ["--use_cpu", "True", "--disable_tqdm", "True", "--save_strategy", "no"]
    losses = []
    for num_steps in ("1", "60"):
        run("trainer", "--max_steps", num_steps, *arguments)
        loss, optimum = re.search(
            r"([\d.]+) nats a token; the Bayes optimum is ([\d.]+)", capsys.readouterr().out
        ).groups()
        losses.append(float(loss))
    assert losses[1] < losses[0] - 0.3 and 0 < float(optimum) < losses[1]
    model = AutoModelForCausalLM.from_pretrained("outputs/trainer")
    assert type(model).__name__ == "MetaLSTMForCausalLM" and model.config.hidden_size == 64
    assert AutoTokenizer.from_pretrained("outputs/trainer")("␁ s0 ␂ t3")["input_ids"] == [8, 0, 9, 7]
