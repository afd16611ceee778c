"""Which recurrence runs, and on what: decided here, once for each call of the model, and nowhere else."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

from .loops_metalstm import scanned
from .recurrence import lstm_from_inputs, lstm_reference
from .recurrence_cpu import lstm_cpu
from .recurrence_nn_lstm import lstm_fused
from .recurrence_step import lstm_step

RECURRENCES = ("auto", "reference", "cpu", "nn_lstm", "folded")
"""What `MetaLSTMConfig(recurrence=…)` may ask for."""

IMPLEMENTATIONS: dict[str, Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]]] = {
    "reference": partial(lstm_from_inputs, lstm_reference),
    "cpu": partial(lstm_from_inputs, lstm_cpu),
    "nn_lstm": lstm_fused,
    "folded": lstm_fused,  # which folds where it is given tokens
    "step": lstm_step,
    "scan": partial(lstm_from_inputs, partial(lstm_reference, loop=scanned)),
}
"""What a plan may name. A faster recurrence, of `lstm_from_inputs`' signature, is entered here and chosen below."""

WIDE = 512
"""From this hidden size on, "auto" trains by `lstm_cpu` on a CPU; below, nn.LSTM's fused cell wins."""


LONG = 96
"""Beyond so many tokens, matrix memories read in chunks: the weights of all pairs of tokens grow with their square."""


class Plan(NamedTuple):
    """
    How one call of the model runs.

    Args:
        recurrence (`str`): the one of `IMPLEMENTATIONS` that runs every LSTM layer.
        memory (`str`): the one of `matrix_layer_metalstm.MEMORIES`, or "step", that runs every other.
        reads_tokens (`bool`): whether the first layer gets tokens and the vectors of the whole vocabulary, to multiply
            each of these once, rather than a vector for each token.
    """

    recurrence: str
    memory: str
    reads_tokens: bool


def plan_call(
    name: str,
    batch_size: int,
    sequence_length: int,
    *,
    hidden_size: int,
    vocab_size: int,
    device_type: str = "cpu",
    needs_vectors: bool = False,
    is_padded: bool = False,
    is_frozen: bool = False,
    is_transformed: bool = False,
    is_exported: bool = False,
) -> Plan:
    """
    Args:
        name (`str`): what the config asks for, one of `RECURRENCES`.
        batch_size, sequence_length (`int`): B and S of the input, padding included.
        hidden_size, vocab_size (`int`): H and V.
        device_type (`str`): where the weights are, such as `"cuda"`.
        needs_vectors (`bool`): whether the input is vectors, or those of its tokens are to be returned, or go through
            a hook or an adapter, or the first layer is no LSTM.
        is_padded (`bool`): whether there is padding in the input.
        is_frozen (`bool`): whether the model's `frozen_weights()` is open.
        is_transformed (`bool`): whether it runs under a transformation, see `derivatives_metalstm.py`.
        is_exported (`bool`): whether `torch.export` follows it, to which a length that may vary isn't an `int`.
    """
    if is_exported and not (isinstance(sequence_length, int) and sequence_length == 1):
        return Plan("scan", "scan", reads_tokens=False)
    if is_transformed or is_exported:
        return Plan("reference", "reference", reads_tokens=False)
    if sequence_length == 1:
        # Never nn.LSTM: each of its calls rearranges the weights on a CPU, which costs more than the token. What is
        # kept of frozen weights has no gradient and isn't in autocast's dtype.
        is_kept = is_frozen and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")
        recurrence = "step" if is_kept and not is_padded else "reference"
        looks_up = is_kept or batch_size > vocab_size
    else:
        recurrence = name
        if name == "auto" and device_type == "cuda":
            recurrence = "folded"
        elif name == "auto":
            recurrence = "cpu" if hidden_size >= WIDE and torch.is_grad_enabled() else "nn_lstm"
        # Few tokens are fewer products than the vocabulary's.
        looks_up = recurrence != "nn_lstm" and batch_size * sequence_length > vocab_size
    if recurrence == "step":
        memory = "step"
    elif sequence_length == 1 or name == "reference":
        memory = "reference"
    else:
        memory = "parallel" if sequence_length <= LONG else "chunked"
    return Plan(recurrence, memory, looks_up and not needs_vectors)
