"""A step's input to the model, its check for finite gradients, and the measures that are kept of it."""

from typing import NamedTuple

import torch
from torch import nn

from dataset_script.episodes import IGNORE, Episodes


class Batch(NamedTuple):
    """A micro-batch as a model takes it.

    Attributes:
        input_ids, labels: (B, S) int64; labels unshifted, −100 where a token doesn't count.
        soft_labels: (B, S, R + 1), as of `Episodes.target_probabilities`; None: the labels are all there is.
        first_target: the first of the R tokens that are target words, which ␁ follows.
    """

    input_ids: torch.Tensor
    labels: torch.Tensor
    soft_labels: torch.Tensor | None = None
    first_target: int = 0

    def chunk(self, num_parts: int) -> list["Batch"]:
        """The batch in parts, as of `torch.chunk`."""
        ids, labels = self.input_ids.chunk(num_parts), self.labels.chunk(num_parts)
        soft = [None] * len(ids) if self.soft_labels is None else self.soft_labels.chunk(num_parts)
        return [Batch(*part, self.first_target) for part in zip(ids, labels, soft, strict=True)]


def to_batch(episodes: Episodes, loss_on: str, soft_labels: bool = False) -> Batch:
    """The episodes as a model takes them; on a CPU no wider than the longest."""
    input_ids, labels = episodes.input_ids, episodes.labels(loss_on)
    soft = episodes.target_probabilities if soft_labels else None
    if input_ids.device.type == "cpu":  # to know the longest row, the host would have to wait for a GPU
        width = int(episodes.token_counts.max())
        input_ids, labels = input_ids[:, :width], labels[:, :width]
        soft = None if soft is None else soft[:, :width]
    return Batch(input_ids.long(), labels.long(), soft, episodes.config.num_source_words)


def loss_and_logits(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean loss over scored tokens, in nats, and the logits (B, S, V).

    With soft labels a target word's loss is the cross-entropy of its distribution: what the loss of a word that came
    is on average, without the chance of which one came.

    Args:
        model: a causal LM of transformers: of `input_ids` and `labels` it gives `loss` and `logits`.
    """
    ids, labels = batch.input_ids, batch.labels
    if batch.soft_labels is None:
        outputs = model(input_ids=ids, labels=labels, use_cache=False)
        return outputs.loss, outputs.logits
    logits = model(input_ids=ids, use_cache=False).logits
    log_q = logits[:, :-1].float().log_softmax(-1)  # (B, S − 1, V)
    labels, soft = labels[:, 1:], batch.soft_labels[:, 1:]
    targets = slice(batch.first_target, batch.first_target + soft.shape[-1])
    came = log_q.gather(-1, labels.clamp(min=0)[..., None])[..., 0]  # (B, S − 1)
    log_likelihood = torch.where(soft.sum(-1) > 0, (soft * log_q[..., targets]).sum(-1), came)
    scored = labels != IGNORE
    return -(log_likelihood * scored).sum() / scored.sum(), logits


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
        labels: (B, S), of the `Batch`. loss: the mean over scored tokens, in nats. logits: (B, S, V).
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
