"""Trains a variant of the matrix memory that the library doesn't have, for studies/cells.py.

    python studies/variants.py VARIANT --config FILE [--any_key value] …

Takes what train.py takes, and leaves what it leaves. A variant reads whole sequences only: what the run's results say
of decoding, token by token, is of the memory as it is in the library, and doesn't count.

- delta: the gated delta rule (Yang et al. 2024, arXiv 2412.06464): what the memory already says of a key is taken
  away before the value is added, so that a new value replaces the old one.
- convolution: each memory reads a causal convolution of four vectors, channel by channel, as Mamba and xLSTM have it.
"""

import os
import sys

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import torch
import torch.nn.functional as F
from torch import nn

from metatrans_lab.experiments.checkout import ROOT
from modeling_metalstm import matrix_layer_metalstm as layers

WIDTH = 4
"""Vectors that a convolution takes in."""


def memory_delta(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    log_i: torch.Tensor,
    log_f: torch.Tensor,
    memory: torch.Tensor,
    starts: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The gated delta rule for all tokens at once, from an empty memory; shapes as of `matrix_recurrence`.

        u_t = β_t (v_t − f_t C_{t−1}ᵀ k_t),   C_t = f_t C_{t−1} + k_t u_tᵀ,   y_t = C_tᵀ q_t

    with keys of length 1, and β the input gate. With D_ts = f_{s+1} … f_t, the u are the solution of a triangular
    system: u_t + Σ_{s<t} β_t D_ts (k_t · k_s) u_s = β_t v_t.
    """
    q, k, v = (x.to(memory.dtype) for x in (q, k, v))
    k = F.normalize(k, dim=-1)
    beta = (log_i.exp() * k.shape[-1] ** 0.5)[..., None]  # (B, N, S, 1); the gate has been divided by √d
    if starts is not None:
        log_f = log_f.masked_fill(starts[:, None], 0.0)
    kept = log_f.cumsum(-1)  # (B, N, S)
    decay = (kept[..., :, None] - kept[..., None, :]).clamp(max=0).exp().tril()  # (B, N, S, S)
    if starts is not None:
        stretch = starts.cumsum(-1)  # (B, S)
        decay = decay * (stretch[:, None, :, None] == stretch[:, None, None, :])
    system = (beta * decay * (k @ k.mT)).tril(-1)
    u = torch.linalg.solve_triangular(system, beta * v, upper=False, unitriangular=True)
    left = decay[..., -1, :, None] * k  # (B, N, S, d)
    return (decay * (q @ k.mT)) @ u, left.mT @ u


class ConvolvedNorm(nn.LayerNorm):
    """A layer norm whose outputs are convolved over the sequence, causally; at first each stays as it is."""

    def __init__(self, size: int, **settings: object) -> None:
        super().__init__(size, **settings)  # type: ignore[arg-type]
        self.taps = nn.Parameter(torch.zeros(size, 1, WIDTH))
        with torch.no_grad():
            self.taps[..., -1] = 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, S, D) → (B, S, D)."""
        normal = F.pad(super().forward(x).mT, (WIDTH - 1, 0))
        return F.conv1d(normal, self.taps.to(normal.dtype), groups=len(self.taps)).mT


def apply(variant: str) -> None:
    """Has this process build every matrix memory in that variant."""
    if variant == "delta":
        layers.MEMORIES |= dict.fromkeys(layers.MEMORIES, memory_delta)
        return
    plain = layers.MatrixMemoryLayer.__init__

    def with_convolution(self: layers.MatrixMemoryLayer, kind: str, input_size: int, *sizes: int) -> None:
        plain(self, kind, input_size, *sizes)
        self.norm = ConvolvedNorm(input_size, eps=1e-6, bias=False)

    layers.MatrixMemoryLayer.__init__ = with_convolution  # type: ignore[assignment, method-assign]


VARIANTS = ("delta", "convolution")

if __name__ == "__main__":
    if not set(sys.argv[1:2]) <= set(VARIANTS):
        sys.exit(f"{sys.argv[0]}: the variant must be one of {', '.join(VARIANTS)}, got {sys.argv[1]!r}")
    sys.path.insert(0, str(ROOT))
    import train

    apply(sys.argv[1])
    sys.exit(train.guarded(train.main, sys.argv[2:]))
