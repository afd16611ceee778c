"""Our training, prepared by train.py itself, to be run step by step."""

import contextlib
import io
import signal
import sys
import tempfile
from collections.abc import Callable
from unittest import mock

from metatrans_lab.experiments.checkout import ROOT

sys.path.append(str(ROOT))  # train.py is a script: no package has it
import train
from metatrans_lab.config.command_line import read_config
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.training.training import Training

# All batches alike: episodes of K=10, T=3, 81 tokens.
SHAPES = {
    "the post's shape": ("kyrylov2023", {"num_parts": "2"}),
    "the default shape": ("cpu", {"curriculum": "[{}]"}),
}
QUICK_SHAPES = {"a tiny shape": ("tiny", {"curriculum": "[{}]", "num_parts": "2"})}


def arguments_of(name: str, overrides: dict[str, str]) -> dict[str, str]:
    """Of train.py, for a file of configs/: bf16 where the processor multiplies it, if not told else."""
    return {"config": str(ROOT / "configs" / f"{name}.yaml"), "mixed_precision": "auto"} | overrides


def recipe(name: str, overrides: dict[str, str]) -> TrainingConfig:
    arguments = arguments_of(name, overrides)
    return read_config(arguments.pop("config"), arguments)


def prepared(name: str, overrides: dict[str, str]) -> Training:
    """A run of train.py, held before its first step, so that nothing can differ.

    Args:
        name, overrides: a file of configs/, and `--key value`.
    """

    class FirstStep(Exception):
        pass

    def stop(training: Training):
        raise FirstStep(training)

    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stderr(io.StringIO()),  # its progress bar
        mock.patch.object(Training, "step", stop),
    ):
        try:
            arguments = arguments_of(name, overrides) | {"output_dir": folder}
            train.main([f"--{key}={value}" for key, value in arguments.items()])
        except FirstStep as first_step:
            return first_step.args[0]
        finally:
            for number, handler in signals.items():
                signal.signal(number, handler)


def next_step(training: Training) -> dict | None:
    """A step of train.py's; after a run's last comes its first."""
    training.num_done %= training.config.num_steps
    return training.step()


def training_step(name: str, overrides: dict[str, str]) -> Callable[[], dict | None]:
    """A function that takes the next step of a recipe."""
    training = prepared(name, overrides)
    return lambda: next_step(training)
