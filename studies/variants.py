"""Trains a variant of the matrix memory that the library doesn't have, for studies/cells.py.

    python studies/variants.py VARIANT --config FILE [--any_key value] …

Takes what train.py takes, and leaves what it leaves. A variant reads whole sequences only: what the run's results say
of decoding, token by token, is of the memory as it is in the library, and doesn't count.

- convolution: each memory reads a causal convolution of four vectors, channel by channel, as Mamba and xLSTM have it.
"""

import os
import sys
from typing import Any

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import torch
import torch.nn.functional as F
from torch import nn

from metatrans_lab.experiments.checkout import ROOT
from modeling_metalstm import matrix_layer_metalstm as layers

WIDTH = 4
"""Vectors that a convolution takes in."""


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
    plain = layers.MatrixMemoryLayer.__init__

    def with_convolution(
        self: layers.MatrixMemoryLayer, kind: str, input_size: int, *sizes: Any, **options: Any
    ) -> None:
        plain(self, kind, input_size, *sizes, **options)
        self.norm = ConvolvedNorm(input_size, eps=1e-6, bias=False)

    layers.MatrixMemoryLayer.__init__ = with_convolution  # type: ignore[assignment, method-assign]


VARIANTS = ("convolution",)

if __name__ == "__main__":
    if not set(sys.argv[1:2]) <= set(VARIANTS):
        sys.exit(f"{sys.argv[0]}: the variant must be one of {', '.join(VARIANTS)}, got {sys.argv[1]!r}")
    sys.path.insert(0, str(ROOT))
    import train

    apply(sys.argv[1])
    sys.exit(train.guarded(train.main, sys.argv[2:]))
