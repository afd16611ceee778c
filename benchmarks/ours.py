"""Our training, prepared by train.py itself, to be run step by step."""

import contextlib
import io
import signal
import sys
import tempfile
from collections.abc import Callable
from unittest import mock

from common import ROOT

sys.path.append(str(ROOT))  # train.py is a script: no package has it
import train
from metatrans_lab.configuration import TrainingConfig, read_config

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


class Training:
    """A run of train.py, held before its first step.

    Args:
        name, overrides: a file of configs/, and `--key value`.
    """

    def __init__(self, name: str, overrides: dict[str, str]):
        *self.prepared, self.config, _ = _prepare(arguments_of(name, overrides))
        self.accelerator, self.model, self.optimizers, self.curriculum, self.partwise, self.captured = self.prepared
        self.num_steps, self.unread = 0, []

    def step(self) -> list[dict]:
        """The next step, as the loop of train.py has it; the measures that were read after it."""
        number = self.num_steps % self.config.num_steps
        self.num_steps += 1
        train.set_learning_rates(self.optimizers, self.config.learning_rate_factor(number))
        stage = self.curriculum.choose(number)[0]
        self.unread.append((number, stage, train.train_step(*self.prepared, self.config, number).clone()))
        if self.num_steps % self.config.read_every:
            return []
        numbers, stages, sums = zip(*self.unread, strict=True)
        self.unread.clear()
        read = train.read_measures(self.accelerator, sums)
        for number, stage, measures in zip(numbers, stages, read, strict=True):
            self.curriculum.update(number, measures["determined_accuracy"], stage)
        return read


def _prepare(arguments: dict[str, str]) -> tuple:
    """What train.py's `main` gives to its first `train_step`: it is run until then, so that nothing can differ."""

    class FirstStep(Exception):
        pass

    def stop(*prepared):
        raise FirstStep(prepared)

    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stderr(io.StringIO()),  # its progress bar
        mock.patch.object(train, "train_step", stop),
    ):
        try:
            train.main([f"--{key}={value}" for key, value in (arguments | {"output_dir": folder}).items()])
        except FirstStep as first_step:
            return first_step.args[0]
        finally:
            for number, handler in signals.items():
                signal.signal(number, handler)


def training_step(name: str, overrides: dict[str, str]) -> Callable[[], list[dict]]:
    """A function that takes the next step of a recipe."""
    return Training(name, overrides).step
