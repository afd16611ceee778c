"""A step's input to the model, its check for finite gradients, and the measures that are kept of it."""

import torch
from torch import nn

from dataset_script.episodes import IGNORE, Episodes


def tokens_and_labels(episodes: Episodes, loss_on: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch as the model takes it: (B, S) int64 each, labels unshifted; on a CPU no wider than its longest row."""
    input_ids, labels = episodes.input_ids, episodes.labels(loss_on)
    if input_ids.device.type == "cpu":  # to know the longest row, the host would have to wait for a GPU
        width = int(episodes.token_counts.max())
        input_ids, labels = input_ids[:, :width], labels[:, :width]
    return input_ids.long(), labels.long()


def leave_out_unless_finite(model: nn.Module, length: torch.Tensor) -> torch.Tensor:
    """Zeroes all gradients if their norm, a scalar tensor, isn't finite: the optimisers then go on by momentum alone.

    Returns:
        Whether they were zeroed, a bool scalar tensor. The host never waits for a GPU.
    """
    spoilt = ~length.isfinite()
    if spoilt.device.type != "cpu" or spoilt:  # on a GPU always: the host would have to wait for the value
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.masked_fill_(spoilt, 0)
    return spoilt


@torch.no_grad()
def measure(
    episodes: Episodes,
    loss_on: str,
    labels: torch.Tensor,
    loss: torch.Tensor,
    logits: torch.Tensor,
    spoilt: torch.Tensor | None,
) -> torch.Tensor:
    """A micro-batch's measures; those of several are added up.

    Args:
        labels: (B, S), as of `tokens_and_labels`. loss: the mean over scored tokens, in nats. logits: (B, S, V).
        spoilt: whether the gradients were left out, as of `leave_out_unless_finite`; None: more micro-batches of this
            step follow.

    Returns:
        (6,) float64: the loss; the mean cost of the scored tokens under the exact predictor; the numbers of determined
        tokens that are right, and of all determined tokens; `spoilt`; 1, which counts micro-batches.
    """
    width = labels.shape[1]
    scored, determined = labels[:, 1:] != IGNORE, episodes.determined[:, 1:width]  # (B, S − 1) each
    right = logits[:, :-1].argmax(-1) == labels[:, 1:]  # (B, S − 1)
    floor = episodes.floor(loss_on)[:, 1:width].sum() / scored.sum()
    spoilt = labels.new_zeros(()) if spoilt is None else spoilt
    measures = loss, floor, (right & determined).sum(), determined.sum(), spoilt, labels.new_ones(())
    return torch.stack([value.double() for value in measures])
