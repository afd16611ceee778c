"""Lexicons: the list of all of them, the part of it that a split draws from, and how one is drawn."""

import itertools
from functools import lru_cache

import numpy as np

from dataset_script import splits
from dataset_script.arrays import Array, as_type, table_like
from dataset_script.families.contract import Language
from dataset_script.streams import draw_below, draw_permutations, index_keys

ENUMERABLE = 50_000
"""Up to this number, lexicons are listed once and drawn by number. Beyond it, random permutations are drawn, and drawn
again until they belong to the split.
"""

# Purposes of draws: a lexicon's number in the list; the nth try of a permutation is 2¹⁶ + n, clear of other purposes.
PURPOSE_NUMBER, PURPOSE_TRY = 0, 1 << 16

# Bounds where lexicons can't be listed. A pool is at most half of them, so that distinct ones are found in few tries;
# and a split has at least this share of them, so that rejection ends after about a thousand tries.
MAX_POOL = ENUMERABLE // 2
SMALLEST_SHARE = 0.001


def in_split(config: Language, split: str, lexicons: Array) -> Array:
    """(N, U) lexicons → (N,) bool: does the split draw from them?"""
    hashes = splits.latent_hash(f"lexicon of {lexicons.shape[1]} words", as_type(lexicons, "int64"))
    return splits.in_split(config.held_out_languages, split, hashes)


@lru_cache(maxsize=32)
def split_lexicons(config: Language, split: str) -> np.ndarray | None:
    """The lexicons that a split draws from, (M, U) int64; None if they are too many to be listed.

    Raises:
        ValueError: the split has none, or fewer than `num_training_languages`.
    """
    U, A = config.num_units, config.num_symbols
    pool_size = config.num_training_languages if split == "train" else None
    if config.num_lexicons > ENUMERABLE:
        share = config.held_out_languages / 2 if split != "train" else 1 - config.held_out_languages
        if config.held_out_languages and share < SMALLEST_SHARE:
            raise ValueError(
                f"held_out_languages={config.held_out_languages} leaves too few lexicons for {split}; with as many "
                f"words as these use 0 or a fraction between {2 * SMALLEST_SHARE} and {1 - SMALLEST_SHARE}"
            )
        if pool_size is not None and pool_size > MAX_POOL:
            raise ValueError(f"num_training_languages must be at most {MAX_POOL}, got {pool_size}")
        return None if pool_size is None else _training_pool(config, pool_size)
    lexicons = np.array(list(itertools.permutations(range(A), U)), dtype=np.int64)
    lexicons = lexicons[in_split(config, split, lexicons)]
    if len(lexicons) == 0:
        raise ValueError(
            f"held_out_languages={config.held_out_languages} leaves no lexicon for {split}: there are only "
            f"{config.num_lexicons} of {U} words into {A}; use more words or another fraction"
        )
    if pool_size is None:
        return lexicons
    if pool_size > len(lexicons):
        raise ValueError(
            f"num_training_languages must be at most {len(lexicons)}, the lexicons of {U} words into {A} that "
            f"training may use at held_out_languages={config.held_out_languages}, got {pool_size}"
        )
    return _training_pool(config, pool_size, lexicons)


def _training_pool(config: Language, size: int, lexicons: np.ndarray | None = None) -> np.ndarray:
    """The first `size` distinct lexicons of one fixed stream, (size, U): the same under every seed.

    Args:
        lexicons: (M, U), the list to draw from; None: there is none.
    """
    tries = 2 * size
    while True:
        keys = index_keys("metatrans training pool", np.arange(tries, dtype=np.int64))  # (tries,)
        drawn = _draw_listed(keys, lexicons) if lexicons is not None else _draw_rejecting(config, "train", keys)
        _, first = np.unique(drawn, axis=0, return_index=True)  # where each distinct one is drawn first
        if len(first) >= size:
            return drawn[np.sort(first)[:size]]
        tries *= 2


def draw_lexicons(config: Language, split: str, keys: Array) -> Array:
    """(N,) keys → (N, U) int64 lexicons, the target word of every unit: uniform over those of the split."""
    listed = split_lexicons(config, split)
    return _draw_rejecting(config, split, keys) if listed is None else _draw_listed(keys, listed)


def _draw_listed(keys: Array, lexicons: np.ndarray) -> Array:
    """(N,) keys → (N, U), rows of the list."""
    return table_like(keys, lexicons)[draw_below(keys, PURPOSE_NUMBER, 1, len(lexicons))[:, 0]]


def _draw_rejecting(config: Language, split: str, keys: Array) -> Array:
    """(N,) keys → (N, U): random injections, drawn again where they aren't of the split."""

    def attempt(keys: Array, number: int) -> Array:
        return draw_permutations(keys, PURPOSE_TRY + number, config.num_symbols)[:, : config.num_units]

    lexicons = attempt(keys, 0)
    rejected = (~in_split(config, split, lexicons)).nonzero()
    rejected = rejected[0] if isinstance(rejected, tuple) else rejected[:, 0]  # numpy gives a tuple, torch a matrix
    for number in itertools.count(1):
        if len(rejected) == 0:
            return lexicons
        again = attempt(keys[rejected], number)
        accepted = in_split(config, split, again)
        lexicons[rejected[accepted]] = again[accepted]
        rejected = rejected[~accepted]
