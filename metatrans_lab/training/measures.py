"""A step's input to the model, its check for finite gradients, and the measures that are kept of it."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from dataset_script.episodes import IGNORE, Episodes


class Batch(NamedTuple):
    """A micro-batch as a model takes it.

    Attributes:
        input_ids, labels: (B, S) int64; labels unshifted, −100 where a token doesn't count.
        soft_labels: (B, S, R + 1), as of `Episodes.target_probabilities`; None: the labels are all there is.
        first_target: the first of the R tokens that are target words, which ␁ follows.
        counterparts: (B, S), as of `Episodes.counterparts`; None: nothing is learned of them.
        alignment_layer, alignment_weight: the layer that learns them, counted from 1, and their weight in the loss.
    """

    input_ids: torch.Tensor
    labels: torch.Tensor
    soft_labels: torch.Tensor | None = None
    first_target: int = 0
    counterparts: torch.Tensor | None = None
    alignment_layer: int = 0
    alignment_weight: float = 0.0

    def parts(self, num_parts: int) -> tuple[list["Batch"], torch.Tensor]:
        """The batch in parts of equally many rows, as of `torch.chunk`: the longest rows first, and each part no wider
        than its longest row needs, so that fewer tokens are padding. And the rows' numbers in that order, (B,).
        One part is the batch as it is.
        """
        if num_parts == 1:
            return [self], torch.arange(len(self.labels))
        places = torch.arange(1, self.labels.shape[1] + 1, device=self.labels.device)
        lengths = torch.where(self.labels != IGNORE, places, 0).amax(1)  # (B,): up to the last token that counts
        order = lengths.argsort(descending=True, stable=True)
        tensors = {name: value[order] for name, value in self._asdict().items() if torch.is_tensor(value)}
        parts: list[Batch] = []
        for rows in torch.arange(len(order)).chunk(num_parts):
            width = max(2, int(lengths[order[rows[0]]]))  # a prediction and what comes, if nothing counts
            cut: dict[str, Any] = {name: tensor[rows, :width] for name, tensor in tensors.items()}
            parts.append(self._replace(**cut))
        return parts, order


def to_batch(
    episodes: Episodes,
    loss_on: str,
    soft_labels: bool = False,
    alignment_layer: int = 0,
    alignment_weight: float = 0.0,
) -> Batch:
    """The episodes as a model takes them; on a CPU no wider than the longest."""
    tensors = {"input_ids": episodes.input_ids.long(), "labels": episodes.labels(loss_on).long()}
    if soft_labels:
        tensors["soft_labels"] = episodes.target_probabilities
    if alignment_weight:
        tensors["counterparts"] = episodes.counterparts.long()
    if episodes.input_ids.device.type == "cpu":  # to know the longest row, the host would have to wait for a GPU
        width = int(episodes.token_counts.max())
        tensors = {name: tensor[:, :width] for name, tensor in tensors.items()}
    return Batch(
        **tensors,
        first_target=episodes.config.num_source_words,
        alignment_layer=alignment_layer,
        alignment_weight=alignment_weight,
    )


def loss_and_logits(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean loss over scored tokens, in nats, and the logits (B, S, V).

    With soft labels a target word's loss is the cross-entropy of its distribution: what the loss of a word that came
    is on average, without the chance of which one came. Counterparts count in the loss's gradient, not in its value.

    Args:
        model: a causal LM of transformers: of `input_ids` and `labels` it gives `loss` and `logits`.
    """
    ids, labels = batch.input_ids, batch.labels
    aligns = batch.counterparts is not None
    if batch.soft_labels is None:
        outputs = model(input_ids=ids, labels=labels, use_cache=False, output_hidden_states=aligns)
        loss = outputs.loss
    else:
        outputs = model(input_ids=ids, use_cache=False, output_hidden_states=aligns)
        loss = _soft_loss(outputs.logits, labels, batch.soft_labels, batch.first_target)
    if batch.counterparts is not None:
        total = _alignment_loss(model, outputs.hidden_states[batch.alignment_layer], batch.counterparts)
        # In nats a scored token, so that parts of a batch add up to the whole.
        alignment = batch.alignment_weight * total / (labels[:, 1:] != IGNORE).sum()
        loss = loss + (alignment - alignment.detach())
    return loss, outputs.logits


def _soft_loss(logits: torch.Tensor, labels: torch.Tensor, soft: torch.Tensor, first_target: int) -> torch.Tensor:
    """The mean loss over scored tokens with soft labels."""
    log_q = logits[:, :-1].float().log_softmax(-1)  # (B, S − 1, V)
    labels, soft = labels[:, 1:], soft[:, 1:]
    came = log_q.gather(-1, labels.clamp(min=0)[..., None])[..., 0]  # (B, S − 1)
    of_targets = (soft * log_q[..., first_target : first_target + soft.shape[-1]]).sum(-1)
    log_likelihood = torch.where(soft.sum(-1) > 0, of_targets, came)
    scored = labels != IGNORE
    return -(log_likelihood * scored).sum() / scored.sum()


def _alignment_loss(model: nn.Module, vectors: torch.Tensor, counterparts: torch.Tensor) -> torch.Tensor:
    """The cross-entropy, in nats and added up, of counterparts, (B, S), as the model's head reads them off a
    layer's vectors, (B, S, H).
    """
    causal_lm: Any = getattr(model, "module", model)
    logits = causal_lm.get_output_embeddings()(F.layer_norm(vectors, vectors.shape[-1:])).float()  # (B, S, V)
    return F.cross_entropy(logits.flatten(0, 1), counterparts.flatten(), ignore_index=IGNORE, reduction="sum")


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
