"""Runs of train.py in processes of their own, and their logs."""

import json
import os
import subprocess
import sys
from pathlib import Path

from metatrans_lab.experiments.checkout import ROOT

ENVIRONMENT = dict(os.environ)
"""The environment variables before train.py sets its own; peers are measured with these."""


def run_training(folder: Path, arguments: list[str], num_processes: int = 1) -> Path:
    """Runs train.py as `make train` does, or on several CPU processes; the run is in a folder inside `folder`.

    Raises:
        RuntimeError: it failed; the message has the end of its stderr.
    """
    launch = [
        "-m",
        "accelerate.commands.launch",
        "--quiet",
        "--num_processes",
        str(num_processes),
        "--num_machines",
        "1",
    ]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    environment = ENVIRONMENT
    if num_processes > 1:
        launch += ["--multi_gpu", "--main_process_port", "0"]
        environment = ENVIRONMENT | {"ACCELERATE_USE_CPU": "true"}
    output = folder / "run"
    command = [sys.executable, *launch, str(ROOT / "train.py"), *arguments, "--output_dir", str(output), "--overwrite"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"train.py {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return output


def read_log(run: Path) -> list[dict]:
    """The lines of a run's log.jsonl about training."""
    return [line for line in _lines(run) if "loss" in line]


def read_evaluations(run: Path) -> list[dict]:
    """The lines of a run's log.jsonl about evaluations on held-out languages."""
    return [line for line in _lines(run) if "eval_loss" in line]


def _lines(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def first_at(evaluations: list[dict], accuracy: float, key: str) -> int | float | str:
    """The `key` (step or seconds) of the first evaluation that reaches a determined accuracy; "–" if none does."""
    there = [line[key] for line in evaluations if line["determined_accuracy"] >= accuracy]
    return there[0] if there else "–"
