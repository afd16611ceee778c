"""Which values of a latent variable (such as lexicons) are held out from training.

A hash u ∈ [0, 1) of the value decides, whatever the seed; with a fraction h held out:

    0 ───────── h/2 ──────────────────────────── 1 − h/2 ───────── 1
     validation              training                      test

So what is held out at 10% is held out at 50% too, and a model may be evaluated under another seed than it was trained
with.
"""

from dataset_script.arrays import Array, full_like
from dataset_script.streams import GAMMA, mix64, name_key

HASHES = 1 << 32
"""Hashes are integers u · 2³²."""


def latent_hash(kind: str, latents: Array) -> Array:
    """(N, M) int64 values → (N,) int64 hashes in [0, 2³²), each a function of the kind and its row alone."""
    state = full_like(latents, (len(latents),), name_key(kind))
    for column in range(latents.shape[1]):
        state = mix64(state + (latents[:, column] + 1) * GAMMA)
    return (state >> 32) & (HASHES - 1)


def in_split(held_out: float, split: str, hashes: Array) -> Array:
    """(N,) hashes → (N,) bool: is the value in the split, if the fraction `held_out` is held out?"""
    half = int(held_out / 2 * HASHES)
    if half == 0:
        return hashes >= 0  # all
    if split == "validation":
        return hashes < half
    if split == "test":
        return hashes >= HASHES - half
    return (hashes >= half) & (hashes < HASHES - half)
