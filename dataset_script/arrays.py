"""Operations that numpy and torch name differently, under one name each: the same code makes episodes in either.

Results are equal in numpy, in torch on a CPU, and in torch on a GPU, as all of them are integer arithmetic.
"""

from __future__ import annotations  # so that torch is not needed before it is used

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

Array = Any
"""numpy's ndarray or torch's Tensor: they share most operators, but no type that says so."""

BLOCK_ROWS = 2048
"""Rows of a block of `in_blocks`: few enough that a block's temporaries stay in a core's cache."""


def arange_like(x: Array, start: int, stop: int) -> Array:
    """int64 range of x's kind, on x's device."""
    if isinstance(x, np.ndarray):
        return np.arange(start, stop, dtype=np.int64)
    return torch.arange(start, stop, device=x.device)


def full_like(x: Array, shape: tuple[int, ...], value: int | float | bool, dtype: str = "int64") -> Array:
    """Constant array of x's kind, on x's device."""
    if isinstance(x, np.ndarray):
        return np.full(shape, value, dtype=dtype)
    return torch.full(shape, value, dtype=getattr(torch, dtype), device=x.device)


class _ByIdentity:
    """An array as a key of `lru_cache`: arrays can't be hashed, and comparing their values would take a while."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.values is other.values

    def __hash__(self) -> int:
        return id(self.values)


@lru_cache(maxsize=128)
def _on_device(table: _ByIdentity, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(table.values).to(device)


def table_like(x: Array, values: np.ndarray) -> Array:
    """A numpy table that is kept and never changed, as an array of x's kind, on x's device.

    It is copied to a GPU once, not at every call: the host has to wait for a copy, and a CUDA graph can't contain one.
    """
    return values if isinstance(x, np.ndarray) else _on_device(_ByIdentity(values), x.device)


def concatenate(arrays: list[Array]) -> Array:
    """Along the last axis."""
    return np.concatenate(arrays, -1) if isinstance(arrays[0], np.ndarray) else torch.cat(arrays, -1)


def stack(arrays: Sequence[Array], axis: int) -> Array:
    """Along a new axis."""
    return np.stack(arrays, axis) if isinstance(arrays[0], np.ndarray) else torch.stack(list(arrays), axis)


def take_along(x: Array, index: Array) -> Array:
    """x[n, index[n, i]] for (N, M) arrays and indices."""
    if isinstance(x, np.ndarray):
        # Several times as fast as np.take_along_axis.
        return in_blocks(lambda x, index: x.reshape(-1).take(index + row_starts(x)), x, index)
    return torch.take_along_dim(x, index.long(), -1)


def in_blocks(function: Callable[..., np.ndarray], *arrays: np.ndarray) -> np.ndarray:
    """function(*arrays), computed in blocks of rows; the function must treat each row on its own.

    A block's temporaries stay in the cache. Those of all rows at once would be returned to the system after each
    operation, and come back page fault by page fault.
    """
    blocks = range(0, len(arrays[0]), BLOCK_ROWS)
    if len(blocks) <= 1:
        return function(*arrays)
    return np.concatenate([function(*(array[i : i + BLOCK_ROWS] for array in arrays)) for i in blocks])


def row_starts(x: np.ndarray) -> np.ndarray:
    """(N, 1) int64: where each row of an (N, M) array begins when the array is flattened."""
    return np.arange(len(x), dtype=np.int64)[:, None] * x.shape[1]


def on_host(x: Array) -> np.ndarray:
    """The same numbers as numpy's array; of a tensor on a GPU, which the host waits for, a copy."""
    return x if isinstance(x, np.ndarray) else x.cpu().numpy()


def like(x: Array, values: np.ndarray) -> Array:
    """numpy's numbers as an array of x's kind, on x's device."""
    return values if isinstance(x, np.ndarray) else torch.from_numpy(values).to(x.device)


def where(condition: Array, x: Array, other: int | Array) -> Array:
    """x where the condition holds, other elsewhere."""
    return np.where(condition, x, other) if isinstance(condition, np.ndarray) else torch.where(condition, x, other)


def as_type(x: Array, dtype: str) -> Array:
    """The same numbers in another dtype."""
    return x.astype(dtype) if isinstance(x, np.ndarray) else x.to(getattr(torch, dtype))


def first_positions(size: int, symbols: Array) -> Array:
    """(N, M) symbols 0…size − 1 → (N, M): the column at which each symbol first occurs in its row."""
    if isinstance(symbols, np.ndarray):
        return in_blocks(partial(_numpy_first_positions, size), symbols)
    M = symbols.shape[1]
    positions = torch.arange(M, device=symbols.device).expand(symbols.shape)  # (N, M)
    first = torch.full((len(symbols), size), M, device=symbols.device)  # (N, size)
    first.scatter_reduce_(1, symbols.long(), positions, reduce="amin")
    return first.gather(1, symbols.long())


def _numpy_first_positions(size: int, symbols: np.ndarray) -> np.ndarray:
    M = symbols.shape[1]
    dtype = _position_dtype(M)
    first: np.ndarray = np.full((len(symbols), size), M, dtype=dtype)  # (N, size)
    places = symbols + row_starts(first)  # (N, M), into the flattened `first`
    positions: np.ndarray = np.broadcast_to(np.arange(M, dtype=dtype), symbols.shape)  # (N, M)
    np.minimum.at(first.reshape(-1), places.reshape(-1), positions.reshape(-1))
    return first.reshape(-1).take(places)


def count_before(marks: Array) -> Array:
    """(N, M) bool → (N, M): how many marks are set in the row before each place."""
    if isinstance(marks, np.ndarray):
        return marks.cumsum(-1, dtype=_position_dtype(marks.shape[1])) - marks
    return marks.cumsum(-1) - marks.long()


def _position_dtype(size: int) -> type:
    """The smallest integer type that holds every position: smaller arrays take less time to read and write."""
    return np.int8 if size < 1 << 7 else np.int16 if size < 1 << 15 else np.int64


def look_up(table: np.ndarray, *indices: Array) -> Array:
    """table[indices] for index arrays of one shape, as an array of their kind."""

    def entries(*indices: np.ndarray) -> np.ndarray:
        places = indices[0] * 1  # a bool index as a number
        for size, index in zip(table.shape[1:], indices[1:], strict=True):
            places = places * size + index
        return table.reshape(-1).take(places)

    if isinstance(indices[0], np.ndarray):
        return in_blocks(entries, *indices)
    return table_like(indices[0], table)[tuple(index.long() for index in indices)]
