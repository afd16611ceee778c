"""A run before its first step: its model with its initial weights, its optimisers and its stream of episodes."""

import torch
from accelerate import Accelerator
from transformers import PreTrainedModel

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation.answers import check_generation, ragged_language
from metatrans_lab.machine import choose_mixed_precision, share_of_cores
from metatrans_lab.model_names import check_model
from metatrans_lab.models.build import build_model
from metatrans_lab.models.limits import check_batch
from metatrans_lab.models.load import load_model
from metatrans_lab.training.training import Training


def fresh_model(config: TrainingConfig) -> PreTrainedModel:
    """The run's model with its initial weights: those of `initial_weights`, else drawn from the seed. A run that is
    resumed has its checkpoint's in a moment.

    Raises:
        UserError: the model can't be built or can't generate, its batches don't fit into the machine's memory, or
            `initial_weights` are not of such a model.
    """
    check_batch(config)
    torch.manual_seed(config.seed)
    language = config.language_config()
    longest = max(config.max_episode_length, ragged_language(language).max_episode_length)
    model = build_model(config.model, language, longest)
    check_generation(model, language)
    if config.initial_weights is not None and config.resume_from_checkpoint is None:
        _take_weights(model, config.initial_weights)
    if config.alignment_weight:
        _check_alignment(model, config.alignment_layer)
    return model


def _take_weights(model: PreTrainedModel, name: str) -> None:
    """Raises UserError unless there is a model of that name, and its weights have the same names and shapes."""
    check_model(name)
    weights = load_model(name).state_dict()
    own = model.state_dict()
    other = [key for key in sorted({*own, *weights}) if key not in own or key not in weights]
    other += [key for key in own if key in weights and own[key].shape != weights[key].shape]
    if other:
        raise UserError(f"initial_weights: {name} is another model than the run's, as its {other[0]} shows")
    model.load_state_dict(weights)


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
