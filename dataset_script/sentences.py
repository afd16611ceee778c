"""Episodes of sentence pairs on a grid of K sentences × T places, and how the grid is laid out as rows of tokens.

words[n, k]     4 0 4                     targets[n, k]   1 5 1
row n           … ␁ 4 0 4 ␂ 7 11 7 ␁ …   (L = 6)
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from dataset_script.arrays import (
    Array,
    arange_like,
    concatenate,
    full_like,
)
from dataset_script.episodes import Episodes, Role
from dataset_script.families.contract import TOKEN_DTYPE


@dataclass
class Sentences(Episodes):
    """Episodes in which each translation has as many words as its source sentence.

    Attributes:
        words: (N, K, T) source words by sentence; places beyond a sentence's length hold words that don't count.
        lengths: (N, K) the number of words of each sentence, or None if all have T.
    """

    words: Array
    lengths: Array | None

    def __len__(self) -> int:
        return len(self.words)

    @property
    @abstractmethod
    def targets(self) -> Array:
        """(N, K, T) target words, numbered from 0."""

    @cached_property
    def in_sentence(self) -> Array:
        """(N, K, T) bool: is this place within its sentence?"""
        if self.lengths is None:
            return full_like(self.words, self.words.shape, True, "bool")
        return arange_like(self.words, 0, self.words.shape[2]) < self.lengths[:, :, None]

    @cached_property
    def token_counts(self) -> Array:
        if self.lengths is None:
            return full_like(self.words, (len(self),), self.config.max_episode_length)
        return (2 * self.lengths + 2).sum(-1) + 1

    def lay_out(
        self, soh: Array, source: Array, stx: Array, target: Array, end: float, pad: float, dtype: str
    ) -> Array:
        """One value for every token of the episodes, in the tokens' order: (N, S), right-padded.

            soh source…source stx target…target   …K times…   end   pad…pad

        Args:
            soh, stx: scalars, or (N, K) arrays: the value at each sentence's ␁ and ␂.
            source, target: scalars, or (N, K, T) arrays: the value at each source and target word.
            end: value at the closing ␁. pad: value after it.
            dtype: of the result.
        """
        N, K, T = self.words.shape
        S = self.config.max_episode_length
        rows = full_like(self.words, (N, S), pad, dtype)
        # Splitting the last axis of a slice gives a view: what is written to it lands in `rows`.
        sentences = rows[:, :-1].reshape(N, K, 2 * T + 2)
        if self.lengths is not None:  # sentences of full length are filled first, and closed up below
            sentences = full_like(self.words, (N, K, 2 * T + 2), pad, dtype)
        sentences[:, :, 0] = soh
        sentences[:, :, 1 : T + 1] = source
        sentences[:, :, T + 1] = stx
        sentences[:, :, T + 2 :] = target
        if self.lengths is None:
            rows[:, -1] = end
            return rows
        one = full_like(self.words, (N, K, 1), True, "bool")
        real = concatenate([one, self.in_sentence, one, self.in_sentence]).reshape(N, K * (2 * T + 2))
        sentences, last = sentences.reshape(N, K * (2 * T + 2)), self.token_counts[:, None] - 1  # last: (N, 1)
        positions = arange_like(self.words, 0, S)  # (S,)
        if isinstance(rows, np.ndarray):
            # In each row both masks have the same number of places, in the same order: real tokens close up to the
            # left.
            rows[positions < last] = sentences[real]
            rows[positions == last] = end
            return rows
        # For the size of a mask the host would have to wait for a GPU. So every value is written somewhere: real ones
        # to their place, all others to column S, which is cut off.
        places = torch.where(real, real.cumsum(-1) - 1, S)  # (N, K·(2T + 2))
        rows = full_like(self.words, (N, S + 1), pad, dtype).scatter_(1, places, sentences)[:, :S]
        return torch.where(positions == last, end, rows)

    def lay_out_targets(self, marks: Array) -> Array:
        """(N, K, T) bool, by target word → (N, S) bool, by token; False at tokens that aren't target words."""
        return self.lay_out(False, False, False, marks, end=False, pad=False, dtype="bool")

    @cached_property
    def input_ids(self) -> Array:
        c = self.config
        targets = self.targets + c.num_source_words
        return self.lay_out(c.soh, self.words, c.stx, targets, end=c.soh, pad=c.pad, dtype=TOKEN_DTYPE)

    @cached_property
    def role(self) -> Array:
        r = Role
        return self.lay_out(r.START, r.SOURCE, r.TURN, r.TARGET, end=r.START, pad=r.PADDING, dtype="int8")

    @cached_property
    def shot(self) -> Array:
        N, K, _ = self.words.shape
        number = arange_like(self.words, 0, K) + full_like(self.words, (N, K), 0)  # (N, K)
        wide = number[:, :, None]
        return self.lay_out(number, wide, number, wide, end=-1, pad=-1, dtype=TOKEN_DTYPE)
