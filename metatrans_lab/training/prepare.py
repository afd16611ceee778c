"""A run, prepared: its fresh model, optimisers and stream of episodes, held before the first step."""

import torch
from accelerate import Accelerator
from transformers import PreTrainedModel

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.evaluation.answers import RAGGED_MAX_LENGTH
from metatrans_lab.machine import choose_mixed_precision, share_of_cores
from metatrans_lab.models.build import build_model
from metatrans_lab.models.limits import check_batch
from metatrans_lab.training.training import Training


def fresh_model(config: TrainingConfig) -> PreTrainedModel:
    """The run's model with its first weights, which follow from the seed.

    Raises:
        UserError: a model that can't be built, or batches that have no place in the machine.
    """
    check_batch(config)
    torch.manual_seed(config.seed)
    return build_model(config.model, config.language_config(), max(config.max_episode_length, RAGGED_MAX_LENGTH))


def prepare(config: TrainingConfig, num_threads: int | None = None, cpu: bool = False) -> Training:
    """What train.py trains, before its first step, in one process; it writes nothing.

    Args:
        num_threads: of torch on a CPU, where the config says nothing; None: this process's share of the cores.
        cpu: on a CPU, whatever else there is.

    Raises:
        UserError: as of `fresh_model`.
    """
    model = fresh_model(config)
    accelerator = Accelerator(cpu=cpu, mixed_precision=choose_mixed_precision(config.mixed_precision))
    threads = None
    if accelerator.device.type == "cpu":
        threads = config.num_threads or num_threads or share_of_cores()
    return Training(config, accelerator, model, config.gradient_accumulation_steps, threads)
