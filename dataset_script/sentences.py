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
    """Episodes of source sentences and their translations, which have as many words unless a family says otherwise.

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
        """(N, K, P) target words, numbered from 0; as `words`, beyond a translation's end they don't count."""

    @cached_property
    def every_length(self) -> Array:
        """(N, K): the number of words of each sentence."""
        N, K, T = self.words.shape
        return full_like(self.words, (N, K), T) if self.lengths is None else self.lengths

    @property
    def target_lengths(self) -> Array | None:
        """(N, K): the number of target words of each translation, or None if all have P."""
        return self.lengths

    @cached_property
    def in_sentence(self) -> Array:
        """(N, K, T) bool: is this place within its sentence?"""
        if self.lengths is None:
            return full_like(self.words, self.words.shape, True, "bool")
        return arange_like(self.words, 0, self.words.shape[2]) < self.lengths[:, :, None]

    @cached_property
    def in_translation(self) -> Array:
        """(N, K, P) bool: is this place within its translation?"""
        if self.target_lengths is None or self.target_lengths is self.lengths:
            return self.in_sentence
        return arange_like(self.words, 0, self.config.max_target_length) < self.target_lengths[:, :, None]

    @cached_property
    def token_counts(self) -> Array:
        if self.lengths is None and self.target_lengths is None:
            return full_like(self.words, (len(self),), self.config.max_episode_length)
        ends = self.every_length if self.target_lengths is None else self.target_lengths
        return (self.every_length + ends + 2).sum(-1) + 1

    def lay_out(
        self, soh: Array, source: Array, stx: Array, target: Array, end: float, pad: float, dtype: str
    ) -> Array:
        """One value for every token of the episodes, in the tokens' order: (N, S), right-padded.

            soh source…source stx target…target   …K times…   end   pad…pad

        Args:
            soh, stx: scalars, or (N, K) arrays: the value at each sentence's ␁ and ␂.
            source, target: scalars, or (N, K, T) and (N, K, P) arrays: the value at each source and target word; what
                `in_sentence` and `in_translation` don't count is left out, wherever it stands.
            end: value at the closing ␁. pad: value after it.
            dtype: of the result.
        """
        N, K, T = self.words.shape
        S, width = self.config.max_episode_length, T + self.in_translation.shape[2] + 2
        is_even = self.lengths is None and self.target_lengths is None
        rows = full_like(self.words, (N, S), pad, dtype)
        # Splitting the last axis of a slice gives a view: what is written to it lands in `rows`. Sentences of several
        # lengths are filled first, and closed up below.
        whole = rows[:, :-1] if is_even else full_like(self.words, (N, K * width), pad, dtype)
        sentences = whole.reshape(N, K, width)
        sentences[:, :, 0] = soh
        sentences[:, :, 1 : T + 1] = source
        sentences[:, :, T + 1] = stx
        sentences[:, :, T + 2 :] = target
        if is_even:
            rows[:, -1] = end
            return rows
        one = full_like(self.words, (N, K, 1), True, "bool")
        real = concatenate([one, self.in_sentence, one, self.in_translation]).reshape(N, K * width)
        sentences, last = sentences.reshape(N, K * width), self.token_counts[:, None] - 1  # last: (N, 1)
        positions = arange_like(self.words, 0, S)  # (S,)
        if isinstance(rows, np.ndarray):
            # In each row both masks have the same number of places, in the same order: real tokens close up to the
            # left.
            rows[positions < last] = sentences[real]
            rows[positions == last] = end
            return rows
        # For the size of a mask the host would have to wait for a GPU. So every value is written somewhere: real ones
        # to their place, all others to column S, which is cut off.
        places = torch.where(real, real.cumsum(-1) - 1, S)  # (N, K·(T + P + 2))
        rows = full_like(self.words, (N, S + 1), pad, dtype).scatter_(1, places, sentences)[:, :S]
        return torch.where(positions == last, end, rows)

    def lay_out_targets(self, marks: Array) -> Array:
        """(N, K, P) bool, by target word → (N, S) bool, by token; False at tokens that aren't target words."""
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
