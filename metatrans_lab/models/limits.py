"""Checks of a model before it is used: that it fits into the machine, reads far enough, and has the alphabet."""

import torch
from transformers import AutoModelForCausalLM, PreTrainedConfig

from dataset_script.families.contract import Language
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.errors import UserError
from metatrans_lab.machine import memory_bytes
from modeling_metalstm.alphabet_metalstm import Alphabet
from modeling_metalstm.capabilities_metalstm import reach

MAX_LAYERS = 1_000

BYTES_A_PARAMETER = 20
"""In training, five float32 numbers: the weight, its copy that is evaluated, its gradient, and Adam's two moments."""


def check_memory(config: PreTrainedConfig) -> None:
    """Raises UserError if training the model needs more memory than this machine has; allocates none itself."""
    layers = getattr(config, "num_hidden_layers", 1)
    if isinstance(layers, int) and layers > MAX_LAYERS:
        raise UserError(f"model: {layers:,} layers are more than {MAX_LAYERS:,}; give fewer")
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    number, memory = sum(parameter.numel() for parameter in model.parameters()), memory_bytes()
    if memory is not None and number * BYTES_A_PARAMETER > memory:
        raise UserError(
            f"model: {number:,} parameters take {number * BYTES_A_PARAMETER / 1e9:,.0f} GB to train, and this machine "
            f"has {memory / 1e9:,.0f} GB; make it smaller"
        )


def check_batch(config: TrainingConfig) -> None:
    """Raises UserError if a batch's tokens and their logits alone need more memory than this machine has."""
    tokens = config.batch_size * config.max_episode_length
    # In bytes: about four int64 arrays of tokens, and three float32 ones of the size of the logits.
    size, memory = tokens * (8 * 4 + 4 * 3 * config.language_config().vocab_size), memory_bytes()
    if memory is not None and size > memory:
        raise UserError(
            f"batch_size {config.batch_size:,} makes {tokens:,} tokens, which take {size / 1e9:,.0f} GB and more, and "
            f"this machine has {memory / 1e9:,.0f} GB; lower it, and raise gradient_accumulation_steps instead"
        )


def check_reach(config: PreTrainedConfig, length: int) -> None:
    """Raises UserError if the model has fewer positions than `length` tokens; many models have no such limit."""
    longest = reach(config)
    if longest is not None and longest < length:
        raise UserError(
            f"the model reads at most {longest} tokens (max_position_embeddings), but an episode has up to {length}; "
            "use a model with more, or fewer or shorter sentences"
        )


def check_language(config: PreTrainedConfig, language: Language) -> None:
    """Raises UserError if the model's alphabet isn't the language's, or if it has too few positions for an episode.

    With another alphabet the same token is another word, and every figure would be meaningless.
    """
    alphabet = Alphabet.of(config)
    if alphabet is not None and alphabet != (language.num_source_words, language.num_target_words):
        L, R = alphabet
        raise UserError(
            f"the model has {L} source and {R} target words, but the language {language.num_source_words} and "
            f"{language.num_target_words}; use --num_source_words {L} --num_target_words {R}"
        )
    check_reach(config, language.max_episode_length)
