"""Muon for recurrent matrices: every gate's block of a matrix is orthogonalised on its own."""

from concurrent.futures import Executor
from itertools import groupby

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
        lr: learning rate, multiplied by √max(1, M / N) of an M × N block.
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
        lr: float = 0.02,
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
        updates = [
            (self._look_ahead(parameter, group), parameter, group)
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        # Blocks of one shape go together: one large product instead of many small ones.
        updates.sort(key=lambda update: update[0].shape[1:])
        for _, same in groupby(updates, key=lambda update: update[0].shape[1:]):
            blocks, parameters, groups = zip(*same, strict=True)
            orthogonal = self._orthogonalize(torch.cat(blocks)).split([len(block) for block in blocks])
            for update, parameter, group in zip(orthogonal, parameters, groups, strict=True):
                scale = max(1.0, update.shape[-2] / update.shape[-1]) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.sub_(update.flatten(0, 1), alpha=group["lr"] * scale)
        return loss

    def _look_ahead(self, parameter: torch.Tensor, group: dict) -> torch.Tensor:
        """Nesterov's momentum, block by block: (blocks, rows of a block, columns)."""
        mean = self.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
        mean.lerp_(parameter.grad, 1 - group["momentum"])
        return parameter.grad.lerp(mean, group["momentum"]).unflatten(0, (group["blocks"], -1))

    def _orthogonalize(self, blocks: torch.Tensor) -> torch.Tensor:
        if self.pool is None:
            return orthogonalize(blocks)
        # Each block is on its own, so that the number of threads changes nothing.
        return torch.cat(list(self.pool.map(orthogonalize, blocks.chunk(PARTS))))
