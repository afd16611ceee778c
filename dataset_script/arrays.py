"""What numpy and torch don't share: the same few names for both, so that an episode is one code in either.

Integers and their order are the same in numpy, in torch on a CPU, and on a GPU.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

Array = Any
"""numpy's ndarray or torch's Tensor: they share most operators, but no type that says so."""

BLOCK_ROWS = 2048


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


class _Same:
    """A table that is equal to itself alone."""

    def __init__(self, values: np.ndarray):
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.values is other.values

    def __hash__(self) -> int:
        return id(self.values)


@lru_cache(maxsize=128)
def _on_device(table: _Same, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(table.values).to(device)


def table_like(x: Array, values: np.ndarray) -> Array:
    """A numpy table that is kept and never changed, as an array of x's kind, on x's device.

    It is copied to a GPU once, not at every call: a copy has the host wait, and can't be part of a CUDA graph.
    """
    return values if isinstance(x, np.ndarray) else _on_device(_Same(values), x.device)


def concatenate(arrays: list[Array]) -> Array:
    """Along the last axis."""
    return np.concatenate(arrays, -1) if isinstance(arrays[0], np.ndarray) else torch.cat(arrays, -1)


def take_along(x: Array, index: Array) -> Array:
    """x[n, index[n, i]] for (N, M) arrays and indices."""
    if isinstance(x, np.ndarray):
        # Several times as fast as np.take_along_axis.
        return in_blocks(lambda x, index: x.reshape(-1).take(index + row_starts(x)), x, index)
    return torch.take_along_dim(x, index.long(), -1)


def in_blocks(function: Callable[..., np.ndarray], *arrays: np.ndarray) -> np.ndarray:
    """function(*arrays), row for row the same, computed in blocks of rows.

    Temporaries of a block stay in the cache; larger ones would be handed back to the system and faulted in each time.
    """
    blocks = range(0, len(arrays[0]), BLOCK_ROWS)
    if len(blocks) <= 1:
        return function(*arrays)
    return np.concatenate([function(*(array[i : i + BLOCK_ROWS] for array in arrays)) for i in blocks])


def row_starts(x: np.ndarray) -> np.ndarray:
    """(N, 1) places of the rows of an (N, M) array in its flattened form."""
    return np.arange(len(x), dtype=np.int64)[:, None] * x.shape[1]


def where(condition: Array, x: Array, other: int | Array) -> Array:
    """x where the condition holds, else the other."""
    return np.where(condition, x, other) if isinstance(condition, np.ndarray) else torch.where(condition, x, other)


def as_type(x: Array, dtype: str) -> Array:
    """The same numbers in another dtype."""
    return x.astype(dtype) if isinstance(x, np.ndarray) else x.to(getattr(torch, dtype))


def first_positions(size: int, symbols: Array) -> Array:
    """(N, M) symbols 0…size − 1 → (N, M): where in its row each symbol stands for the first time."""
    if isinstance(symbols, np.ndarray):
        return in_blocks(partial(_numpy_first_positions, size), symbols)
    M = symbols.shape[1]
    positions = torch.arange(M, device=symbols.device).expand(symbols.shape)
    first = torch.full((len(symbols), size), M, device=symbols.device)
    first.scatter_reduce_(1, symbols.long(), positions, reduce="amin")
    return first.gather(1, symbols.long())


def _numpy_first_positions(size: int, symbols: np.ndarray) -> np.ndarray:
    M = symbols.shape[1]
    dtype = _position_dtype(M)
    first = np.full((len(symbols), size), M, dtype=dtype)
    places = symbols + row_starts(first)
    positions = np.broadcast_to(np.arange(M, dtype=dtype), symbols.shape)
    np.minimum.at(first.reshape(-1), places.reshape(-1), positions.reshape(-1))
    return first.reshape(-1).take(places)


def count_before(marks: Array) -> Array:
    """(N, M) bool → (N, M): how many of its row are set before each."""
    if isinstance(marks, np.ndarray):
        return marks.cumsum(-1, dtype=_position_dtype(marks.shape[1])) - marks
    return marks.cumsum(-1) - marks.long()


def _position_dtype(size: int) -> type:
    """The smallest integers that hold every position: small arrays are fast ones."""
    return np.int8 if size < 1 << 7 else np.int16 if size < 1 << 15 else np.int64


def look_up(table: np.ndarray, *indices: Array) -> Array:
    """table[indices] for index arrays of one shape, as an array of their kind."""

    def entries(*indices: np.ndarray) -> np.ndarray:
        places = indices[0] * 1
        for size, index in zip(table.shape[1:], indices[1:], strict=True):
            places = places * size + index
        return table.reshape(-1).take(places)

    if isinstance(indices[0], np.ndarray):
        return in_blocks(entries, *indices)
    return table_like(indices[0], table)[tuple(index.long() for index in indices)]
