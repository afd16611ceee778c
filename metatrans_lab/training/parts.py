"""A batch's gradients on a CPU: the batch is cut into parts, whose gradients are computed by threads in parallel.

Threads inside each operation synchronise thousands of times a step, and all wait when one of them is delayed; threads
that each take a part of the batch synchronise once. So this is faster, and on a shared machine far steadier. The parts
are fixed by the config and their gradients are added up in order: the result doesn't depend on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import nn

from dataset_script.episodes import IGNORE
from metatrans_lab.training.measures import Batch, leave_out_unless_finite, loss_and_logits, measure, to_batch

if TYPE_CHECKING:
    from metatrans_lab.training.training import Training


class PartwiseGradients:
    """Forward and backward of a model that returns `loss` and `logits`, part by part.

    Args:
        num_parts: the number of parts, as of `Batch.parts`: of equally many rows, if the batch can be cut so.
        num_threads: threads that take parts.
        threads_inside: threads that each of these has inside operations.
    """

    def __init__(self, num_parts: int, num_threads: int, threads_inside: int) -> None:
        self.num_parts, self.num_threads = num_parts, num_threads
        self.pool = ThreadPoolExecutor(num_threads, initializer=torch.set_num_threads, initargs=(threads_inside,))

    def __call__(self, model: nn.Module, batch: Batch, scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch's mean loss and its logits (B, S, V), detached; `scale` × its gradients are added to `.grad`."""
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        total = (batch.labels[:, 1:] != IGNORE).sum()

        def gradients(part: Batch) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, ...]]:
            loss, logits = loss_and_logits(model, part)
            loss = loss * ((part.labels[:, 1:] != IGNORE).sum() / total)  # the part's mean, weighted by its tokens
            return loss.detach(), logits.detach(), torch.autograd.grad(scale * loss, parameters)

        parts, order = batch.parts(self.num_parts)
        with getattr(
            model, "frozen_weights", nullcontext
        )():  # what is derived from the weights is shared by all parts
            losses, logits, all_gradients = zip(*self.pool.map(gradients, parts), strict=True)
        for parameter, gradient in zip(parameters, self._sums(all_gradients), strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        whole = logits[0].new_zeros(*batch.labels.shape, logits[0].shape[-1])  # 0 beyond narrower parts
        for rows, of_part in zip(order.split([len(part) for part in logits]), logits, strict=True):
            whole[rows, : of_part.shape[1]] = of_part
        return torch.stack(losses).sum(), whole

    def _sums(self, parts: tuple[tuple[torch.Tensor, ...], ...]) -> Sequence[torch.Tensor]:
        """The parts' gradients added up in order, by all threads."""
        if len(parts) == 1:
            return parts[0]
        sums = [torch.empty_like(gradient) for gradient in parts[0]]

        def add(share: int) -> None:
            for tensors in zip(sums, *parts, strict=True):
                total, first, second, *others = (x.tensor_split(self.num_threads)[share] for x in tensors)
                torch.add(first, second, out=total)
                for other in others:
                    total.add_(other)

        list(self.pool.map(add, range(self.num_threads)))
        return sums


def step_in_parts(training: Training) -> torch.Tensor:
    """The plain step of train.py, part by part; its measures, as of `measures.measure`."""
    config, accelerator, model = training.config, training.accelerator, training.model
    assert training.parts is not None  # there are parts on a CPU, in one process, and nowhere else is this called
    sums = torch.zeros(6, dtype=torch.float64)
    for episodes in training.batches():
        batch = to_batch(episodes, **config.batch_settings)
        with accelerator.accumulate(model):
            loss, logits = training.parts(model, batch, scale=1 / training.micro_batches)
            spoilt = None
            if accelerator.sync_gradients:
                length = accelerator.clip_grad_norm_(model.parameters(), config.max_grad_norm or math.inf)
                spoilt = leave_out_unless_finite(model, length)
            for optimizer in training.optimizers:
                optimizer.step()
                optimizer.zero_grad()
        sums += measure(episodes, config.loss_on, batch.labels, loss, logits, spoilt)
    return sums
