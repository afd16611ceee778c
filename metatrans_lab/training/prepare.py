"""A run before its first step: its freshly initialised model, its optimisers and its stream of episodes."""

import torch
from accelerate import Accelerator
from transformers import PreTrainedModel

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation.answers import ragged_language
from metatrans_lab.machine import choose_mixed_precision, share_of_cores
from metatrans_lab.models.build import build_model
from metatrans_lab.models.limits import check_batch
from metatrans_lab.training.training import Training


def fresh_model(config: TrainingConfig) -> PreTrainedModel:
    """The run's model with its initial weights, which are drawn from the seed.

    Raises:
        UserError: the model can't be built, or its batches don't fit into the machine's memory.
    """
    check_batch(config)
    torch.manual_seed(config.seed)
    language = config.language_config()
    longest = max(config.max_episode_length, ragged_language(language).max_episode_length)
    model = build_model(config.model, language, longest)
    if config.alignment_weight:
        _check_alignment(model, config.alignment_layer)
    return model


@torch.no_grad()
def _check_alignment(model: PreTrainedModel, layer: int) -> None:
    """Raises UserError unless the model's head can read that layer's vectors."""
    states = model(input_ids=torch.zeros(1, 2, dtype=torch.long), use_cache=False, output_hidden_states=True)
    sizes = [states.shape[-1] for states in states.hidden_states or ()]
    readable = [n for n, size in enumerate(sizes) if n and size == model.get_output_embeddings().weight.shape[1]]
    if layer not in readable:
        raise UserError(
            f"alignment_layer must be a layer that the model's head can read, one of {readable}, not {layer}"
        )


def prepare(config: TrainingConfig, num_threads: int | None = None, cpu: bool = False) -> Training:
    """What train.py trains, in one process, before the first step; nothing is written.

    Args:
        num_threads: torch's on a CPU, unless the config has a number; None: this process's share of the cores.
        cpu: whether to use the CPU even if there is a GPU.

    Raises:
        UserError: as of `fresh_model`.
    """
    model = fresh_model(config)
    accelerator = Accelerator(cpu=cpu, mixed_precision=choose_mixed_precision(config.mixed_precision))
    threads = None
    if accelerator.device.type == "cpu":
        threads = config.num_threads or num_threads or share_of_cores()
    return Training(config, accelerator, model, config.gradient_accumulation_steps, threads)
