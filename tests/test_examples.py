"""Each example, as its text says to run it, for a few steps."""

import re
import runpy
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
