"""A run that is killed at any moment, and again, ends as if nothing had happened, to the bit."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from metatrans_lab.errors import UserError

from .conftest import outcome, whole_ones

SETTINGS = ("--save_every", "3", "--eval_every", "40", "--log_every", "4", "--name", "run")


def settings(num_steps: int) -> tuple[str, ...]:
    return ("--num_steps", str(num_steps), *SETTINGS)


AGAIN = ("--resume_from_checkpoint", "latest")
"""What starts the run, and starts it again, whenever it was killed."""


def left_whole(folder) -> bool:
    """Whether every checkpoint that a kill left can be read."""
    try:
        whole_ones(folder)
    except UserError:
        return False
    return True


def finished(runs, folder, number: int, *arguments: str) -> tuple:
    """What the run makes if nobody interrupts it any more."""
    folder.mkdir(exist_ok=True)
    started = runs.start_many(number, folder, *arguments, *AGAIN) if number > 1 else []
    started = started or [runs.start(folder, *arguments, *AGAIN)]
    assert [run.wait(300) for run in started] == [0] * number, started[0].said
    return outcome(folder / "outputs" / "run")


@contextmanager
def busy() -> Iterator[None]:
    """Another process that never waits, on the processors that this one has."""
    burning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        burning.kill()
        burning.wait()


@pytest.mark.faults
def test_fifty_kills_under_load(runs, tmp_path, survives):
    """From the first instant on, when nothing is there yet, to a few steps and saves later, whatever that takes."""
    kills, rng = 50, random.Random(0)
    arguments = (*settings(num_steps=8 * kills), "--log_every", "1")
    expected = finished(runs, tmp_path / "whole", 1, *arguments)
    folder, log, began = tmp_path / "killed", tmp_path / "killed/outputs/run/log.jsonl", 0
    folder.mkdir()
    with busy():
        for _ in range(kills):
            run = runs.start(folder, *arguments, *AGAIN)
            end, lines = time.monotonic() + 10 ** rng.uniform(-2, 1), count_lines(log) + rng.randint(1, 5)
            while run.ended(0.005) is None and time.monotonic() < end and count_lines(log) < lines:
                pass
            os.kill(run.pid, signal.SIGKILL)
            assert run.wait() == -signal.SIGKILL, run.said
            began += left_whole(folder)
        assert finished(runs, folder, 1, *arguments) == expected
    survives("SIGKILL at a random time beside a process that never waits, one command to go on", kills, began)


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize("kills", [8, pytest.param(60, marks=pytest.mark.faults)])
def test_kills_at_random_moments(runs, tmp_path, survives, kills):
    """Half of them come when a file is about to be opened, renamed or removed, which is within saves mostly."""
    arguments, rng, survived = settings(num_steps=60 * kills), random.Random(kills), 0
    expected = finished(runs, tmp_path / "whole", 1, *arguments)
    folder = tmp_path / "killed"
    folder.mkdir()
    for number in range(kills):
        at_a_file = {"kind": "kill", "at_event": rng.randint(1, 60), "folder": "outputs/run"}
        run = runs.start(folder, *arguments, *AGAIN, fault=at_a_file if number % 2 else {})
        if number % 2 == 0:
            run.ended(rng.uniform(0.0, 1.0))
            os.kill(run.pid, signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL, run.said
        assert not (folder / "outputs" / "run" / "results.json").exists()
        survived += left_whole(folder)
    assert finished(runs, folder, 1, *arguments) == expected  # else one of them wasn't, and nobody knows which
    survives("SIGKILL at a random time or file operation, one process", kills, survived)


@pytest.mark.faults
def test_a_kill_at_every_file_operation_of_a_save(runs, tmp_path, survives):
    """From the second save on, so that there is something to go back to."""
    arguments = (*settings(num_steps=12), "--eval_every", "0", "--decay_steps", "0")
    expected = finished(runs, tmp_path / "whole", 1, *arguments)
    at, survived = 0, 0
    while True:
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        run = runs.start(folder, *arguments, fault={"kind": "kill", "at_event": at, "folder": "outputs/run"})
        if run.wait() == 0:
            break
        survived += finished(runs, folder, 1, *arguments) == expected
    survives("SIGKILL at each file operation of a run, one after the other", at - 1, survived)
    assert at > 40


@pytest.mark.parametrize("more", [AGAIN, ("--overwrite",)])
def test_a_kill_at_every_removal_of_what_was_left_before_the_first_save(runs, tmp_path, more):
    """Once the config had gone, what was left was no run's, and nothing started in its folder any more."""
    arguments = ("--num_steps", "6", "--log_every", "1", "--name", "run", "--eval_every", "0", "--decay_steps", "0")
    expected = finished(runs, tmp_path / "whole", 1, *arguments)
    left = tmp_path / "left" / "outputs" / "run"
    left.parents[1].mkdir()
    run = runs.start(left.parents[1], *arguments, fault={"kind": "kill", "at_event": 9, "folder": "outputs/run"})
    assert run.wait() == -signal.SIGKILL and (left / "training_config.yaml").exists(), run.said
    for name in ("log.jsonl", "loss.png", "shots.png", "model.safetensors"):
        (left / name).write_bytes(b"half of it")
    for at in range(1, 10):
        folder = tmp_path / str(at)
        shutil.copytree(left.parents[1], folder)
        run = runs.start(folder, *arguments, *more, fault={"kind": "kill", "at_event": at, "folder": "outputs/run"})
        assert run.wait() == -signal.SIGKILL and not (folder / "outputs/run/results.json").exists(), run.said
        assert finished(runs, folder, 1, *arguments) == expected


@pytest.mark.faults
def test_kills_of_one_of_two_processes(runs, tmp_path, survives):
    """The other one ends by itself, within a minute, and says why."""
    kills, told, survived, rng = 52, 0, 0, random.Random(2)
    arguments = settings(num_steps=120 * kills)
    expected = finished(runs, tmp_path / "whole", 2, *arguments)
    folder = tmp_path / "killed"
    folder.mkdir()
    for number in range(kills):
        started = runs.start_many(2, folder, *arguments, *AGAIN)
        started[1].ended(rng.uniform(1.0, 2.5))
        victim, other = started if number % 2 else started[::-1]
        os.kill(victim.pid, signal.SIGKILL)
        killed = time.monotonic()
        assert other.wait(60) in (1, 2), other.said
        assert time.monotonic() - killed < 60 and "Traceback" not in other.said, other.said
        told += "ends, as another one has" in other.said or "ends, as not all have joined it" in other.said
        assert victim.wait() == -signal.SIGKILL
        survived += left_whole(folder)
    survives("one of two processes killed: the other ends with a sentence, within a minute", kills, told)
    assert finished(runs, folder, 2, *arguments) == expected
    survives("SIGKILL at a random time, two processes", kills, survived)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_signals_at_random_moments(runs, tmp_path, survives, number):
    arguments, rng = settings(num_steps=400), random.Random(number)
    expected = finished(runs, tmp_path / "whole", 1, *arguments)
    folder, survived, stops = tmp_path / "stopped", 0, 4
    folder.mkdir()
    for _ in range(stops):
        run = runs.start(folder, *arguments, *AGAIN)
        run.ended(rng.uniform(0.1, 0.6))
        os.kill(run.pid, number)
        code = run.wait()
        # Before there is a run, the signal itself ends the process.
        survived += code in (128 + number, -number) and "Traceback" not in run.said
        assert code != 128 + number or "stopped by a signal; saved" in run.said, run.said
    assert finished(runs, folder, 1, *arguments) == expected
    survives(f"{signal.Signals(number).name} at a random time", stops, survived)


def test_a_signal_in_the_last_evaluation(runs, tmp_path):
    """There are no more steps to stop after: it leaves at once, and what was trained is saved."""
    arguments = (*settings(num_steps=9), "--decay_steps", "0", "--final_eval_episodes", "300000")
    run = runs.start(tmp_path, *arguments)
    deadline = time.monotonic() + 60
    while not (tmp_path / "outputs/run/checkpoint-9").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait(20) == 128 + signal.SIGTERM
    assert "stopped by a signal; trained, but not evaluated: the same command goes on with --resume" in run.said
    assert not (tmp_path / "outputs/run/results.json").exists()
