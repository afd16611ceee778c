"""Our training, prepared as train.py prepares it and run step by step."""

import sys
from collections.abc import Callable

import torch
from accelerate import Accelerator
from common import ROOT

sys.path.append(str(ROOT))  # train.py is a script: no package has it
import train
from metatrans_lab.configuration import TrainingConfig, read_config
from metatrans_lab.curriculum import Curriculum
from metatrans_lab.evaluation import RAGGED_MAX_LENGTH
from metatrans_lab.machine import choose_mixed_precision, share_of_cores
from metatrans_lab.models import build_model
from metatrans_lab.optimization import build_optimizers, set_learning_rates
from metatrans_lab.parallel import PartwiseGradients

# All batches alike: episodes of K=10, T=3, 81 tokens.
SHAPES = {
    "the post's shape": ("kyrylov2023", {"num_parts": "2"}),
    "the default shape": ("cpu", {"curriculum": "[{}]"}),
}
QUICK_SHAPES = {"a tiny shape": ("tiny", {"curriculum": "[{}]", "num_parts": "2"})}


def recipe(name: str, overrides: dict[str, str]) -> TrainingConfig:
    """A file of configs/, with `--key value` overrides, bf16 where the processor multiplies it if not told else."""
    return read_config(str(ROOT / "configs" / f"{name}.yaml"), {"mixed_precision": "auto"} | overrides)


class Training:
    """A run up to its first step, as `main` of train.py has it then, but for the run's folder."""

    def __init__(self, config: TrainingConfig):
        self.config = config
        language = config.language_config()
        torch.manual_seed(config.seed)
        self.model = build_model(config.model, language, max(config.max_episode_length, RAGGED_MAX_LENGTH))
        self.accelerator = Accelerator(
            mixed_precision=choose_mixed_precision(config.mixed_precision),
            gradient_accumulation_steps=config.gradient_accumulation_steps,
        )
        self.partwise = None
        if self.accelerator.device.type == "cpu":
            num_threads = config.num_threads or share_of_cores()
            threads_inside = max(1, num_threads // config.num_parts)
            torch.set_num_threads(threads_inside)
            if config.num_parts > 1:
                self.partwise = PartwiseGradients(config.num_parts, min(config.num_parts, num_threads), threads_inside)
        optimizers = build_optimizers(self.model, config)
        self.trained_model, *self.optimizers = self.accelerator.prepare(self.model, *optimizers)
        self.curriculum = Curriculum(config)
        self.trained_model.train()
        self.next_step = 0

    def step(self) -> dict:
        """The next step; the measures that train.py logs."""
        step, self.next_step = self.next_step, self.next_step + 1
        set_learning_rates(self.optimizers, self.config.learning_rate_factor(step))
        measures = train.train_step(
            self.accelerator,
            self.trained_model,
            self.optimizers,
            self.curriculum,
            self.partwise,
            self.config,
            step,
        )
        self.curriculum.update(step, measures["determined_accuracy"])
        return measures


def training_step(name: str, overrides: dict[str, str]) -> Callable[[], dict]:
    """A function that takes the next step of a recipe."""
    return Training(recipe(name, overrides)).step
