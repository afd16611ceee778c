"""What sentences cost the exact predictor, and of which words it is certain."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from dataset_script.arrays import (
    Array,
    arange_like,
    as_type,
    count_before,
    first_positions,
    full_like,
    look_up,
    table_like,
    where,
)
from dataset_script.episodes import IGNORE
from dataset_script.families.contract import TOKEN_DTYPE
from dataset_script.sentences import Sentences
from dataset_script.sources import source_nll_tables

CERTAIN = 1e-6
"""Nats: who pays less for a token was certain of it; rounding may have left it a little."""


@lru_cache(maxsize=32)
def _less_by_count(repetition: int, num_counts: int) -> np.ndarray:
    """(num_counts,) float32: how much less a word costs that has occurred so often."""
    return np.log1p(repetition * np.arange(num_counts)).astype(np.float32)


@dataclass
class CostedSentences(Sentences):
    """Sentences with their costs: a family gives the `targets`, and says which of them were `heard` before.

    The rest follows from its predictor's probabilities; where it can be computed faster, a family does.
    """

    @property
    @abstractmethod
    def heard(self) -> Array:
        """(N, K, P) bool: was the unit that this target word says heard before?"""

    @cached_property
    def said_units(self) -> Array:
        """(N, K, P) integers: the unit that each target word says, below 0 where there is none, or the family names no
        units. Source words are the first ones.
        """
        return full_like(self.words, tuple(self.targets.shape), -1)

    @cached_property
    def counterparts(self) -> Array:
        N, K, T = self.words.shape
        L, real = self.config.num_source_words, self.says_unit
        units = where(real, as_type(self.said_units, "int64"), -1)  # (N, K, P)
        of_targets = where(self.heard & (units >= 0) & (units < L), units, IGNORE)
        # Pair by pair: what the units' words were so far. A symbol that isn't its unit's first is no word of its own.
        is_first = arange_like(self.words, 0, units.shape[2]) % self.symbols_a_unit == 0
        heard_as = where((units >= 0) & (units < L) & is_first, units, L)  # (N, K, P); L: nothing that counts
        words, targets = as_type(self.words, "int64"), as_type(self.targets, "int64")
        rows, known = arange_like(self.words, 0, N)[:, None], full_like(self.words, (N, L + 1), IGNORE)
        of_sources = full_like(self.words, (N, K, T), IGNORE)
        for pair in range(K):
            of_sources[:, pair] = known[rows, words[:, pair]]
            known[rows, heard_as[:, pair]] = targets[:, pair] + L
        return self.lay_out(IGNORE, of_sources, IGNORE, of_targets, end=IGNORE, pad=IGNORE, dtype=TOKEN_DTYPE)

    @property
    def symbols_a_unit(self) -> int:
        """The places that every unit has in a translation, whether or not it fills them."""
        return 1

    @property
    def says_unit(self) -> Array:
        """(N, K, P) bool: is this a target word, and no blank between two?"""
        return self.in_translation

    @cached_property
    def bayes_nll(self) -> Array:
        # By the predictor, in numpy, at every training step: a family that trains on a GPU has costs of its own.
        return self.nll_by_probabilities

    @cached_property
    def says_heard(self) -> Array:
        """(N, S) bool: is this a target word whose unit was heard before?"""
        return self.lay_out_targets(self.heard & self.says_unit)

    @cached_property
    def says_new(self) -> Array:
        """(N, S) bool: is this a target word whose unit was not heard before?"""
        return self.lay_out_targets(~self.heard & self.says_unit)

    @cached_property
    def determined(self) -> Array:
        return self.says_heard & (self.bayes_nll < CERTAIN)

    @cached_property
    def eliminated(self) -> Array:
        return self.says_new & (self.bayes_nll < CERTAIN)


@dataclass
class OneClassSentences(CostedSentences):
    """Sentences whose words are all of one class, drawn as `sources` says, with what source words cost."""

    @cached_property
    def is_new(self) -> Array:
        """(N, K, T) bool: has this source word not occurred earlier in the episode?"""
        N, K, T = self.words.shape
        L = self.config.num_source_words
        # Beyond a sentence's end stands the symbol L, so that no word occurs first at a place that doesn't count.
        words = self.words if self.lengths is None else where(self.in_sentence, self.words, L)
        new = first_positions(L + 1, words.reshape(N, K * T)) == arange_like(words, 0, K * T)  # (N, K·T)
        return new.reshape(N, K, T) & self.in_sentence

    def _in_rows(self, marks: Array) -> Array:
        """(N, K, T) → (N, K·T)."""
        N, K, T = marks.shape
        return marks.reshape(N, K * T)

    @cached_property
    def num_known(self) -> Array:
        """(N, K, T): the number of distinct source words that occurred earlier in the episode."""
        return count_before(self._in_rows(self.is_new)).reshape(self.words.shape)

    @cached_property
    def num_words_before(self) -> Array:
        """(N, K, T): the number of source words earlier in the episode, repetitions counted."""
        return count_before(self._in_rows(self.in_sentence)).reshape(self.words.shape)

    @cached_property
    def num_same_before(self) -> Array:
        """(N, K, T): how often this source word occurred earlier in the episode."""
        N, K, T = self.words.shape
        words, real = as_type(self.words, "int64").reshape(N, K * T), self.in_sentence.reshape(N, K * T)
        rows, seen = arange_like(words, 0, N), full_like(words, (N, self.config.num_source_words), 0)
        counts = full_like(words, (N, K * T), 0)
        for place in range(K * T):
            before = seen[rows, words[:, place]]
            counts[:, place] = before
            seen[rows, words[:, place]] = before + real[:, place]
        return counts.reshape(N, K, T)

    @property
    def source_nll(self) -> tuple[Array | float, Array | float]:
        """The costs of source words, (N, K, T), and of sentences' ends, (N, K), under the exact predictor, in nats;
        scalars where all are alike.
        """
        config = self.config
        is_uniform = config.active_range[0] == config.num_source_words and not config.word_repetition
        if self.lengths is None and is_uniform:
            return math.log(config.num_source_words), 0.0
        source_table, end_nll, go_on_nll = source_nll_tables(config)
        source = look_up(source_table, self.is_new, self.num_words_before, self.num_known)  # (N, K, T)
        if config.word_repetition:
            num_counts = self.words.shape[1] * self.words.shape[2] + 1
            source = source - look_up(_less_by_count(config.word_repetition, num_counts), self.num_same_before)
        if self.lengths is None:
            return source, 0.0
        return source + table_like(self.words, go_on_nll), look_up(end_nll, self.lengths)
