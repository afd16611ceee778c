"""Counter-based random integers: draw i of a stream is computed from i alone, and is the same in numpy and torch, on a
CPU and on a GPU.

Everything is 64-bit arithmetic that wraps around. torch lacks most operations on uint64, so its tensors are int64;
numpy works on the same bits as uint64, in place, which is faster.
The mixer is the finaliser of SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014).
"""

import hashlib

import numpy as np
import torch

from dataset_script.arrays import Array, arange_like, in_blocks


def _signed(x: int) -> int:
    """The int64 with the bits of a uint64."""
    return x - (1 << 64) if x >= 1 << 63 else x


GAMMA = _signed(0x9E3779B97F4A7C15)
MIX_1 = _signed(0xBF58476D1CE4E5B9)
MIX_2 = _signed(0x94D049BB133111EB)


def _shift_right(x: Array, bits: int) -> Array:
    """Logical shift: int64's own >> would copy the sign bit."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def mix64(x: Array) -> Array:
    """int64 array → int64 array of the same shape, in which every bit depends on every bit of the input."""
    if isinstance(x, np.ndarray):
        return _mix64_in_place(x.astype(np.uint64)).view(np.int64)
    x = (x ^ _shift_right(x, 30)) * MIX_1
    x = (x ^ _shift_right(x, 27)) * MIX_2
    return x ^ _shift_right(x, 31)


def _mix64_in_place(x: np.ndarray) -> np.ndarray:
    shifted = np.empty_like(x)  # one buffer for all shifts
    for shift, factor in ((30, MIX_1), (27, MIX_2), (31, 1)):
        np.right_shift(x, np.uint64(shift), out=shifted)
        np.bitwise_xor(x, shifted, out=x)
        if factor != 1:
            np.multiply(x, np.uint64(factor & (1 << 64) - 1), out=x)
    return x


def name_key(name: str) -> int:
    """A name's 64-bit key, as a signed integer."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little", signed=True)


def index_keys(name: str, indices: Array) -> Array:
    """(N,) indices → (N,) int64 keys, from which `draw` makes the draws of each index in the stream called `name`."""
    return mix64(indices * GAMMA + name_key(name))


def draw(keys: Array, purpose: int, count: int) -> Array:
    """`count` draws for every key: (N,) → (N, count) int64, uniform over all 2⁶⁴ values.

    Draws for different purposes are independent: to draw more for one changes none for another.
    """
    counters = arange_like(keys, purpose << 32, (purpose << 32) + count)
    return mix64(keys[:, None] + (counters + 1) * GAMMA)


def draw_below(keys: Array, purpose: int, count: int, bound: int | Array, dtype: str = "int64") -> Array:
    """`count` integers in [0, bound) for every key: (N, count); `bound` < 2³¹ an int or an (N, 1) array.

    By multiply-shift on the 32-bit halves of draws: probabilities are uniform up to a relative error of bound / 2³².
    """
    if isinstance(keys, np.ndarray):
        bounds = np.broadcast_to(np.asarray(bound, dtype=np.uint64), (len(keys), 1))
        return in_blocks(lambda keys, bounds: _numpy_below(keys, purpose, count, bounds).astype(dtype), keys, bounds)
    draws = draw(keys, purpose, (count + 1) // 2)  # two numbers a draw
    halves = torch.cat([_shift_right(draws, 32), draws & 0xFFFFFFFF], -1)[:, :count]
    return ((halves * bound) >> 32).to(getattr(torch, dtype))


def _numpy_below(keys: np.ndarray, purpose: int, count: int, bounds: np.ndarray) -> np.ndarray:
    """`draw_below` with (N, 1) bounds: (N, count) uint64, in place."""
    draws = draw(keys, purpose, (count + 1) // 2).view(np.uint64)
    size = draws.shape[1]
    numbers, half = np.empty((len(draws), 2 * size), dtype=np.uint64), np.uint64(32)
    np.right_shift(draws, half, out=numbers[:, :size])
    np.bitwise_and(draws, np.uint64(0xFFFFFFFF), out=numbers[:, size:])
    np.multiply(numbers, bounds, out=numbers)
    return np.right_shift(numbers, half, out=numbers)[:, :count]


def draw_permutations(keys: Array, purpose: int, size: int) -> Array:
    """A uniform permutation of 0…size − 1 for every key: (N, size) int64.

    Draws are sorted after their low bits were replaced by their positions; the low bits of the sorted draws then are
    the permutation.
    """
    bits = max(1, (size - 1).bit_length())
    low = (1 << bits) - 1
    tagged = (draw(keys, purpose, size) & ~low) | arange_like(keys, 0, size)  # (N, size)
    ordered = np.sort(tagged, axis=-1) if isinstance(tagged, np.ndarray) else tagged.sort(dim=-1).values
    return ordered & low
