"""What is held out from training, over any latent: decided by a hash u ∈ [0, 1) of the latent alone, not by any seed.

    0 ───────── h/2 ──────────────────────────── 1 − h/2 ───────── 1
     validation              training                      test

So the latents held out at 10% are among those held out at 50%, and a model may be evaluated under any seed.
"""

from dataset_script.arrays import Array, full_like
from dataset_script.streams import GAMMA, mix64, name_key

HASHES = 1 << 32
"""u is counted in so many parts."""


def latent_hash(kind: str, latents: Array) -> Array:
    """(N, M) int64 latents of a kind → (N,) int64 in [0, 2³²), a function of each row alone."""
    state = full_like(latents, (len(latents),), name_key(kind))
    for column in range(latents.shape[1]):
        state = mix64(state + (latents[:, column] + 1) * GAMMA)
    return (state >> 32) & (HASHES - 1)


def in_split(held_out: float, split: str, hashes: Array) -> Array:
    """(N,) hashes → (N,) bool: does the split draw from them, if that fraction is held out?"""
    half = int(held_out / 2 * HASHES)
    if half == 0:
        return hashes >= 0
    if split == "validation":
        return hashes < half
    if split == "test":
        return hashes >= HASHES - half
    return (hashes >= half) & (hashes < HASHES - half)
