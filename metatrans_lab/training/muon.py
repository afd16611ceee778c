"""The optimiser Muon for recurrent matrices: the update of each gate's block of a matrix is orthogonalised."""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import torch

from metatrans_lab.machine import multiplies_bf16

Block = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""A block of a parameter, of its gradient and of the running mean of its gradients, (M, N) each."""

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration of Jordan et al., chosen for speed: small singular values grow fast, and all
end between about 0.7 and 1.2 rather than at 1."""


def orthogonalize(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """About U Vᵀ of each matrix U S Vᵀ, by Newton–Schulz iterations: (…, M, N) → (…, M, N).

    In bfloat16, whose rounding they bear, where the hardware multiplies it; else in float32.

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024,
    https://kellerjordan.github.io/posts/muon/.
    """
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.to(torch.bfloat16 if multiplies_bf16(matrices.device.type) else torch.float32)
    x = x.mT if tall else x  # the Gram matrix is of the shorter side
    # Divided by their Frobenius norms, so that singular values are at most 1: (matrices, m, n) with m ≤ n.
    x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).reshape(-1, *x.shape[-2:])
    for _ in range(steps):  # x ← a x + (b G + c G²) x with G = x xᵀ
        gram = torch.bmm(x, x.mT)  # (matrices, m, m)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype).reshape(matrices.shape)


PARTS = 4
"""The number of parts that the threads of a pool take."""


class Muon(torch.optim.Optimizer):
    """SGD with momentum whose updates are orthogonalised: equal to `torch.optim.Muon` where `blocks` is 1.

    Args:
        params: matrices, or groups of them, each with its number of `blocks`.
        lr: learning rate, multiplied by √max(1, M / N) of an M × N block; a tensor if captured CUDA graphs read it.
        momentum: of the running mean of gradients, with Nesterov's look-ahead.
        weight_decay: decoupled, as in AdamW.
        blocks: how many blocks of equally many rows a matrix consists of: 4 for the gates of an LSTM.
        iterations: of Newton–Schulz, by which an update is orthogonalised.
        pool: threads that orthogonalise blocks side by side, on a CPU.

    Raises:
        ValueError: a parameter that is no matrix, or can't be cut into that many blocks.
    """

    def __init__(
        self,
        params: Any,
        lr: float | torch.Tensor = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        blocks: int = 1,
        iterations: int = 5,
        pool: Executor | None = None,
    ) -> None:
        self.pool, self.iterations = pool, iterations
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "blocks": blocks})
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.ndim != 2 or parameter.shape[0] % group["blocks"]:
                    shape = tuple(parameter.shape)
                    raise ValueError(f"Muon takes matrices with rows in {group['blocks']} equal blocks, got {shape}")

    @torch.no_grad()
    # torch's is overloaded, which one signature can't override
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update; gives the closure's loss, if there is a closure."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        work = [
            (group, part)
            for group in self.param_groups
            for blocks in self._blocks_by_shape(group)
            for part in self._parts(blocks)
        ]
        # Each block is updated on its own, so the result doesn't depend on the number of threads.
        list((map if self.pool is None else self.pool.map)(lambda arguments: self._update(*arguments), work))
        return loss

    def _blocks_by_shape(self, group: dict) -> list[list[Block]]:
        """All blocks of a group, in lists of equal shape, which are multiplied as one batch."""
        by_shape: dict[torch.Size, list[Block]] = {}
        for parameter in group["params"]:
            if parameter.grad is not None:
                mean = self.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
                columns = (x.chunk(group["blocks"]) for x in (parameter, parameter.grad, mean))
                for block in zip(*columns, strict=True):
                    by_shape.setdefault(block[0].shape, []).append(block)
        return list(by_shape.values())

    def _parts(self, blocks: list[Block]) -> list[list[Block]]:
        """The blocks, cut for the threads; all of them together without a pool."""
        size = len(blocks) if self.pool is None else -(-len(blocks) // PARTS)
        return [blocks[i : i + size] for i in range(0, len(blocks), size)]

    @torch.no_grad()  # which a thread doesn't inherit
    def _update(self, group: dict, blocks: list[Block]) -> None:
        """Updates blocks of one shape, and their running means, in place."""
        parameters, gradients, means = map(list, zip(*blocks, strict=True))
        torch._foreach_lerp_(means, gradients, 1 - group["momentum"])
        # (blocks, M, N), with Nesterov's look-ahead
        ahead = torch.stack(torch._foreach_lerp(gradients, means, group["momentum"]))
        updates, rate = orthogonalize(ahead, self.iterations), group["lr"]
        scale = max(1.0, updates.shape[-2] / updates.shape[-1]) ** 0.5
        torch._foreach_mul_(parameters, 1 - rate * group["weight_decay"])
        if isinstance(rate, torch.Tensor):  # `alpha` takes no tensor
            updates, rate = updates * rate, 1.0
        torch._foreach_add_(parameters, list(updates.unbind()), alpha=-rate * scale)
