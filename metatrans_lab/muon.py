"""Muon for recurrent matrices: every gate's block of a matrix is orthogonalised on its own."""

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
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised: equal to `torch.optim.Muon` where `blocks` is 1.

    Args:
        params: matrices, or groups of them, each with its number of `blocks`.
        lr: learning rate, multiplied by √max(1, M / N) of an M × N block.
        momentum: of the running mean of gradients, with Nesterov's look-ahead.
        weight_decay: decoupled, as in AdamW.
        blocks: how many blocks of equally many rows a matrix consists of: 4 for the gates of an LSTM.

    Raises:
        ValueError: a parameter that is no matrix, or can't be cut into that many blocks.
    """

    def __init__(self, params, lr: float = 0.02, momentum: float = 0.95, weight_decay: float = 0.0, blocks: int = 1):
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
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                mean = self.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
                mean.lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(mean, group["momentum"]).unflatten(0, (group["blocks"], -1))
                scale = max(1.0, ahead.shape[-2] / ahead.shape[-1]) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.sub_(orthogonalize(ahead).flatten(0, 1), alpha=group["lr"] * scale)
        return loss
