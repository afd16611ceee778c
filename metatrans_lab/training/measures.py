"""What goes into a step, and what is kept of it."""

import torch
from torch import nn

from dataset_script.episodes import IGNORE, Episodes


def tokens_and_labels(episodes: Episodes, loss_on: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch as the model takes it: (B, S) int64 each, labels unshifted; on a CPU no wider than its longest row."""
    input_ids, labels = episodes.input_ids, episodes.labels(loss_on)
    if input_ids.device.type == "cpu":  # to know the longest, a GPU's host would have to wait
        width = int(episodes.token_counts.max())
        input_ids, labels = input_ids[:, :width], labels[:, :width]
    return input_ids.long(), labels.long()


def leave_out_unless_finite(model: nn.Module, length: torch.Tensor) -> torch.Tensor:
    """Zeroes all gradients if their length, a scalar, isn't finite: such a step goes on by its momentum alone.

    Returns:
        Whether it did, a bool scalar. On a GPU the host waits for nothing.
    """
    spoilt = ~length.isfinite()
    if spoilt.device.type != "cpu" or spoilt:  # to look at it has the host wait for a GPU
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
    """What is kept of a micro-batch; of several, the sums.

    Args:
        labels: (B, S), as of `tokens_and_labels`. loss: the mean over scored tokens, in nats. logits: (B, S, V).
        spoilt: whether gradients were left out; None: the optimisers had no turn yet.

    Returns:
        (6,) float64: the loss, the Bayes floor under it, right and all determined tokens, spoilt, 1.
    """
    width = labels.shape[1]
    scored, determined = labels[:, 1:] != IGNORE, episodes.determined[:, 1:width]
    right = logits[:, :-1].argmax(-1) == labels[:, 1:]
    floor = episodes.floor(loss_on)[:, 1:width].sum() / scored.sum()
    spoilt = labels.new_zeros(()) if spoilt is None else spoilt
    measures = loss, floor, (right & determined).sum(), determined.sum(), spoilt, labels.new_ones(())
    return torch.stack([value.double() for value in measures])
