"""Muon for recurrent matrices: every gate's block of a matrix is orthogonalised on its own."""

from concurrent.futures import Executor

import torch

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration of Jordan et al., steep at 0: singular values end between 0.7 and 1.2."""


def orthogonalize(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """U Vᵀ of each matrix U S Vᵀ, roughly, by Newton–Schulz iterations in bfloat16: (…, M, N) → (…, M, N).

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024,
    https://kellerjordan.github.io/posts/muon/.
    """
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.bfloat16()
    x = x.mT if tall else x
    x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).reshape(-1, *x.shape[-2:])
    for _ in range(steps):
        gram = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype).reshape(matrices.shape)


PARTS = 4
"""Into how many parts the blocks are cut for the threads."""


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised: equal to `torch.optim.Muon` where `blocks` is 1.

    Args:
        params: matrices, or groups of them, each with its number of `blocks`.
        lr: learning rate, multiplied by √max(1, M / N) of an M × N block; a tensor, if CUDA graphs are to follow it.
        momentum: of the running mean of gradients, with Nesterov's look-ahead.
        weight_decay: decoupled, as in AdamW.
        blocks: how many blocks of equally many rows a matrix consists of: 4 for the gates of an LSTM.
        pool: threads that orthogonalise blocks side by side, on a CPU.

    Raises:
        ValueError: a parameter that is no matrix, or can't be cut into that many blocks.
    """

    def __init__(
        self,
        params,
        lr: float | torch.Tensor = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        blocks: int = 1,
        pool: Executor | None = None,
    ):
        self.pool = pool
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "blocks": blocks})
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.ndim != 2 or parameter.shape[0] % group["blocks"]:
                    shape = tuple(parameter.shape)
                    raise ValueError(f"Muon takes matrices with rows in {group['blocks']} equal blocks, got {shape}")

    @torch.no_grad()
    def step(self, closure=None):
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
        # Each block is on its own, so that the number of threads changes nothing.
        list((map if self.pool is None else self.pool.map)(lambda arguments: self._update(*arguments), work))
        return loss

    def _blocks_by_shape(self, group: dict) -> list[list[tuple[torch.Tensor, ...]]]:
        """Parameter, gradient and running mean of every block; those of one shape go together, in large products."""
        by_shape = {}
        for parameter in group["params"]:
            if parameter.grad is not None:
                mean = self.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
                columns = (x.chunk(group["blocks"]) for x in (parameter, parameter.grad, mean))
                for block in zip(*columns, strict=True):
                    by_shape.setdefault(block[0].shape, []).append(block)
        return list(by_shape.values())

    def _parts(self, blocks: list) -> list[list]:
        size = len(blocks) if self.pool is None else -(-len(blocks) // PARTS)
        return [blocks[i : i + size] for i in range(0, len(blocks), size)]

    @torch.no_grad()  # which a thread doesn't inherit
    def _update(self, group: dict, blocks: list[tuple[torch.Tensor, ...]]) -> None:
        parameters, gradients, means = map(list, zip(*blocks, strict=True))
        torch._foreach_lerp_(means, gradients, 1 - group["momentum"])
        ahead = torch.stack(torch._foreach_lerp(gradients, means, group["momentum"]))  # Nesterov's look-ahead
        updates, rate = orthogonalize(ahead), group["lr"]
        scale = max(1.0, updates.shape[-2] / updates.shape[-1]) ** 0.5
        torch._foreach_mul_(parameters, 1 - rate * group["weight_decay"])
        if isinstance(rate, torch.Tensor):
            updates, rate = updates * rate, 1.0
        torch._foreach_add_(parameters, list(updates.unbind()), alpha=-rate * scale)
