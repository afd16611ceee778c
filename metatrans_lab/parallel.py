"""A batch's gradients on a CPU, computed part by part in threads side by side; and processes that are no more.

Threads inside each operation meet thousands of times a step, and all wait when one of them is held up; threads that
each take a part of the batch meet once. So this is faster, and on a machine that is shared far steadier. The parts are
fixed by the config and added up in order: the result doesn't depend on how many threads there are.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from metatrans_lab.errors import tell

PATIENCE = 45
"""Seconds; torch would wait for half an hour for a process that died while it started."""


class PartwiseGradients:
    """Stands in for forward and backward of a model that returns `loss` and `logits`.

    Args:
        num_parts: parts of equally many rows, if the batch can be cut so.
        num_threads: threads that work on them.
        threads_inside: threads of each of them inside operations.
    """

    def __init__(self, num_parts: int, num_threads: int, threads_inside: int):
        self.num_parts, self.num_threads = num_parts, num_threads
        self.pool = ThreadPoolExecutor(num_threads, initializer=torch.set_num_threads, initargs=(threads_inside,))

    def __call__(
        self, model: nn.Module, input_ids: torch.Tensor, labels: torch.Tensor, scale: float = 1.0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch's mean loss and its logits (B, S, V), detached; `scale` × its gradients are added to `.grad`.

        Args:
            input_ids, labels: (B, S), labels unshifted, −100 where a token doesn't count.
        """
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        total = (labels[:, 1:] != -100).sum()

        def gradients(part: tuple[torch.Tensor, torch.Tensor]):
            ids, wanted = part
            outputs = model(input_ids=ids, labels=wanted, use_cache=False)
            loss = outputs.loss * ((wanted[:, 1:] != -100).sum() / total)  # each part's mean, by its share
            return loss.detach(), outputs.logits.detach(), torch.autograd.grad(scale * loss, parameters)

        parts = zip(input_ids.chunk(self.num_parts), labels.chunk(self.num_parts), strict=True)
        with ExitStack() as stack:
            for module in model.modules():
                if hasattr(module, "frozen_weights"):  # what it derives from the weights serves all parts
                    stack.enter_context(module.frozen_weights())
            losses, logits, all_gradients = zip(*self.pool.map(gradients, parts), strict=True)
        for parameter, gradient in zip(parameters, self._sums(all_gradients), strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        return torch.stack(losses).sum(), torch.cat(logits)

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


@contextmanager
def joining() -> Iterator[None]:
    """Within it the processes of a run find each other; if that takes too long, this one says so and ends (code 1)."""

    def give_up() -> None:
        rank = os.environ.get("RANK", "0")
        tell("train.py", f"process {rank} ends, as not all have joined it within {PATIENCE} seconds", everywhere=True)
        os._exit(1)

    # torch's own timeout would hold for all that follows, where one may work for long while the others wait.
    timer = threading.Timer(PATIENCE, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def lost_process(error: BaseException) -> bool:
    """Whether an error is that another process of the run has ended: of gloo it is a plain RuntimeError."""
    names = ("gloo", "nccl", "connection reset by peer", "connection closed by peer", "broken pipe", "tcpstore")
    distributed = isinstance(error, torch.distributed.DistError) if torch.distributed.is_available() else False
    return distributed or (isinstance(error, RuntimeError) and any(name in str(error).lower() for name in names))
