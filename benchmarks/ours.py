"""Our training by train.py's own code, to be run step by step."""

import sys
from collections.abc import Callable

from metatrans_lab.experiments.checkout import ROOT

sys.path.append(str(ROOT))  # train.py is a script: no package has it
import train
from metatrans_lab.config.command_line import read_config
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.machine import keep_memory
from metatrans_lab.training.prepare import prepare
from metatrans_lab.training.training import Training

# All batches alike: episodes of K=10, T=3, 81 tokens.
SHAPES = {
    "the post's shape": ("kyrylov2023", {"num_parts": "2"}),
    "two layers of 256": ("lstm", {"curriculum": "[{}]"}),
    "the default": ("cpu", {"curriculum": "[{}]"}),
}
QUICK_SHAPES = {"a tiny shape": ("tiny", {"curriculum": "[{}]", "num_parts": "2"})}


def recipe(name: str, overrides: dict[str, str]) -> TrainingConfig:
    """The config of a file of configs/ with `--key value` overrides; mixed_precision is "auto" by default."""
    return read_config(str(ROOT / "configs" / f"{name}.yaml"), {"mixed_precision": "auto"} | overrides)


def prepared(name: str, overrides: dict[str, str]) -> Training:
    """A run before its first step.

    Args:
        name, overrides: as of `recipe`.
    """
    keep_memory()
    return prepare(recipe(name, overrides))


def steps_of(training: Training) -> Callable[[], dict | None]:
    """A function that takes the run's next step, as train.py does; after the last step it starts again at step 0."""
    step = train.choose_step(training)

    def next_step() -> dict | None:
        training.num_done %= training.config.num_steps
        return training.step(step)

    return next_step


def training_step(name: str, overrides: dict[str, str]) -> Callable[[], dict | None]:
    """A function that takes the next step of a recipe."""
    return steps_of(prepared(name, overrides))
