"""Several processes: the same steps as one takes, however they are shared out, and none is left waiting."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from metatrans_lab.config.command_line import read_config
from metatrans_lab.errors import UserError
from metatrans_lab.training.curriculum import Curriculum

from ..checksums import reseal
from .conftest import TINY, outcome, weights_of

# Rows of one length, so that the mean of the parts' means is the mean of the whole; Adam, as Muon's bfloat16
# iterations magnify rounding.
STEADY = ("--optimizer", "adam", "--curriculum", "[{}]", "--eval_every", "0", "--name", "run", "--decay_steps", "0")
RESUME = ("--resume_from_checkpoint", "latest")


def train_with(runs, number: int, folder: Path, batch_size: int, *more: str) -> list:
    folder.mkdir(exist_ok=True)
    arguments = (*STEADY, "--batch_size", str(batch_size), *more)
    started = [runs.start(folder, *arguments)] if number == 1 else runs.start_many(number, folder, *arguments)
    assert {run.wait() for run in started} == {0}, started[0].said
    return started


def close(one: Path, other: Path) -> bool:
    a, b = weights_of(one / "outputs" / "run"), weights_of(other / "outputs" / "run")
    return all(torch.allclose(a[name], b[name], atol=2e-4, rtol=1e-3) for name in a)


@pytest.mark.parametrize("number", [2, pytest.param(4, marks=pytest.mark.faults)])
def test_equal_to_one_process_with_the_same_batch(runs, tmp_path, number):
    train_with(runs, 1, tmp_path / "one", 32, "--num_steps", "12", "--save_every", "6")
    train_with(runs, number, tmp_path / "many", 32 // number, "--num_steps", "12", "--save_every", "6")
    assert close(tmp_path / "one", tmp_path / "many")
    results = json.loads((tmp_path / "many/outputs/run/results.json").read_text())
    assert results["episodes_seen"] == 12 * 32


@pytest.mark.parametrize("before, after", [(2, 1), (1, 2), pytest.param(4, 2, marks=pytest.mark.faults)])
def test_another_number_of_processes_goes_on_with_the_same_episodes(runs, tmp_path, before, after):
    """A step stays as many micro-batches; processes share them out anew."""
    shape = ("--gradient_accumulation_steps", str(4 // before), "--num_steps", "12", "--save_every", "4")
    train_with(runs, before, tmp_path / "whole", 8, *shape)
    folder = tmp_path / "parts"
    train_with(runs, before, folder, 8, *shape)
    (folder / "outputs/run/checkpoint-12/state.pt").unlink()  # goes back to 8
    started = train_with(runs, after, folder, 8, *shape, *RESUME)
    said = f"the run began with {before} processes and goes on with {after}: {4 // after} micro-batches each"
    assert said in started[0].said
    assert close(tmp_path / "whole", folder)
    (one, one_log, _), (other, other_log, _) = (
        outcome(path / "outputs" / "run") for path in (tmp_path / "whole", folder)
    )
    assert one["episodes_seen"] == other["episodes_seen"] == 12 * 32
    assert one["num_processes"] == other["num_processes"] == before
    assert [line["bayes_nll"] for line in one_log if "loss" in line] == pytest.approx(
        [line["bayes_nll"] for line in other_log if "loss" in line], abs=2e-6
    )  # which depends on the episodes alone


def test_a_number_that_cannot_share_them_is_refused(train):
    short = ("--num_steps", "4", "--warmup_steps", "0", "--decay_steps", "0")
    train(*short, "--save_every", "2")
    progress = Path("outputs/tiny/checkpoint-2/progress.json")
    progress.write_text(progress.read_text().replace('"num_processes": 1', '"num_processes": 3'))
    reseal(progress.parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accelerate.Accelerator.num_processes", property(lambda self: 2))
        with pytest.raises(UserError, match=r"is 3 micro-batches, which 2 processes can't share alike; .* 1 or 3$"):
            train(*short, "--resume_from_checkpoint", str(progress.parent))


@pytest.mark.parametrize("num_parts", [1, 2, 3, 8])
def test_no_episode_is_shared_or_skipped(monkeypatch, num_parts):
    """The parts of the steps tile the numbers of the episodes, in order."""
    asked = []
    monkeypatch.setattr(
        "metatrans_lab.training.curriculum.sample_episodes", lambda _, indices, *__: asked.append(indices)
    )
    curriculum = Curriculum(read_config(str(TINY), {}))
    for step in range(5):
        for part in range(num_parts):
            curriculum.batch(step, part, num_parts)
    assert [index for indices in asked for index in indices] == list(range(5 * num_parts * 16))


@pytest.mark.parametrize("number", [2, pytest.param(4, marks=pytest.mark.faults)])
def test_one_that_dies_ends_the_others(runs, tmp_path, survives, number):
    told = 0
    for victim in range(number):
        folder = tmp_path / str(victim)
        folder.mkdir()
        started = runs.start_many(number, folder, *STEADY, "--num_steps", "100000", "--save_every", "5")
        while not (folder / "outputs/run/checkpoint-5").exists() and started[0].ended(0.02) is None:
            pass
        os.kill(started[victim].pid, signal.SIGKILL)
        died = time.monotonic()
        for rank, run in enumerate(started):
            if rank != victim:
                assert run.wait(60) == 1 and "Traceback" not in run.said, run.said
                assert "ends, as another one has: the same command goes on with --resume" in run.said, run.said
        told += time.monotonic() - died < 60
        started[victim].wait()
    survives(f"one of {number} processes dies: the others end with a sentence", number, told)


@pytest.mark.faults
@pytest.mark.parametrize("victim", [0, 1])
def test_one_that_dies_before_all_have_joined(runs, tmp_path, survives, victim):
    started = runs.start_many(2, tmp_path, *STEADY, fault={"absent": victim})
    died = time.monotonic()
    assert started[victim].wait() == -signal.SIGKILL and started[1 - victim].wait(60) == 1
    assert time.monotonic() - died < 60
    told = started[1 - victim].said.endswith(
        f"process {1 - victim} ends, as not all have joined it within 45 seconds\n"
    )
    survives("one of 2 processes dies while it starts: the others end with a sentence", 1, int(told))


def test_one_that_cannot_write_ends_the_others(runs, tmp_path):
    started = runs.start_many(
        2, tmp_path, *STEADY, "--num_steps", "100000", "--save_every", "5", fault={"limit": 9000}
    )
    assert [run.wait(60) for run in started] == [1, 1]
    assert "File too large" in started[0].said and "as another one has" in started[1].said


@pytest.mark.faults
def test_one_that_dies_under_accelerate_s_launcher(tmp_path):
    environment = os.environ | {"ACCELERATE_USE_CPU": "true"}
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    launcher += [
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        "--main_process_port",
        "0",
    ]
    root = Path(__file__).parents[2]
    command = [*launcher, str(root / "train.py"), "--config", str(TINY), *STEADY, "--num_threads", "1"]
    command += ["--num_steps", "100000", "--save_every", "5"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while not (tmp_path / "outputs/run/checkpoint-5").exists() and process.poll() is None:
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    died = time.monotonic()
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 1 and time.monotonic() - died < 60
    assert "SIGKILL" in output or "Signal 9" in output  # the launcher names who died
