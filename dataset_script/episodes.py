"""Episodes: episode i is a pure function of (generator version, seed, config, split, i).

One sampler feeds the `datasets` builder and the training batches; on a GPU the batches are made there.
"""

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch

from dataset_script.languages import TOKEN_DTYPE, LanguageConfig
from dataset_script.lexicons import draw_lexicons
from dataset_script.streams import (
    arange_like,
    concatenate,
    draw_below,
    draw_permutations,
    full_like,
    in_blocks,
    index_keys,
    row_starts,
    take_along,
)

IGNORE = -100
"""The label that transformers' losses leave out."""

LOSS_ON = ("all", "targets")

PURPOSE_NUM_ACTIVE, PURPOSE_ACTIVE, PURPOSE_LENGTHS, PURPOSE_WORDS = 1, 2, 3, 4


@dataclass
class Episodes:
    """N episodes of one config: what was drawn, and the token sequences it gives.

    All arrays are numpy's or torch's, whichever the indices were.

    Attributes:
        lexicons: (N, L), the target word of every source word.
        words: (N, K, T) source words by sentence; beyond a sentence's length, whatever was drawn.
        lengths: (N, K) words a sentence, or None if all have T.
        keys: (N,), where each episode's draws come from; None if it wasn't drawn.
    """

    config: LanguageConfig
    lexicons: np.ndarray | torch.Tensor
    words: np.ndarray | torch.Tensor
    lengths: np.ndarray | torch.Tensor | None
    keys: np.ndarray | torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def in_sentence(self):
        """(N, K, T) bool: is this word within its sentence?"""
        if self.lengths is None:
            return full_like(self.words, self.words.shape, True, "bool")
        return arange_like(self.words, 0, self.words.shape[2]) < self.lengths[:, :, None]

    @cached_property
    def token_counts(self):
        """(N,) tokens an episode, padding not counted."""
        if self.lengths is None:
            return full_like(self.words, (len(self),), self.config.max_episode_length)
        return (2 * self.lengths + 2).sum(-1) + 1

    def lay_out(self, soh, source, stx, target, end, pad, dtype: str):
        """One value for every token of the episodes, in their order: (N, S), right-padded.

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
        if self.lengths is not None:
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
        sentences, last = sentences.reshape(N, K * (2 * T + 2)), self.token_counts[:, None] - 1
        positions = arange_like(self.words, 0, S)
        if isinstance(rows, np.ndarray):
            # Both masks hold as many places a row, in the same order: sentences of drawn lengths close up to the left.
            rows[positions < last] = sentences[real]
            rows[positions == last] = end
            return rows
        # On a GPU the host would wait for a mask's size: all have a place here, what isn't real in a column beyond.
        places = torch.where(real, real.cumsum(-1) - 1, S)
        rows = full_like(self.words, (N, S + 1), pad, dtype).scatter_(1, places, sentences)[:, :S]
        return torch.where(positions == last, end, rows)

    @cached_property
    def targets(self):
        """(N, K, T) target words, numbered from 0."""
        N, K, T = self.words.shape
        return take_along(self.lexicons, self.words.reshape(N, K * T)).reshape(N, K, T)

    @cached_property
    def input_ids(self):
        """(N, S) int16 tokens, right-padded with `config.pad`."""
        c = self.config
        targets = self.targets + c.num_source_words
        return self.lay_out(c.soh, self.words, c.stx, targets, end=c.soh, pad=c.pad, dtype=TOKEN_DTYPE)

    def labels(self, loss_on: str = "all"):
        """(N, S) int16, aligned with `input_ids`; −100 on padding and, with loss_on="targets", on source words."""
        c = self.config
        if loss_on == "all" and self.lengths is None:
            return self.input_ids + 0
        source = self.words if loss_on == "all" else IGNORE
        targets = self.targets + c.num_source_words
        return self.lay_out(c.soh, source, c.stx, targets, end=c.soh, pad=IGNORE, dtype=TOKEN_DTYPE)

    @cached_property
    def is_new(self):
        """(N, K, T) bool: has this word not occurred earlier in the episode?"""
        N, K, T = self.words.shape
        L = self.config.num_source_words
        words = self.words if self.lengths is None else _where(self.in_sentence, self.words, L)
        words = words.reshape(N, K * T)
        new = in_blocks(partial(_is_first, L), words) if isinstance(words, np.ndarray) else _is_first(L, words)
        return new.reshape(N, K, T) & self.in_sentence

    @cached_property
    def num_known(self):
        """(N, K, T): distinct words that occurred earlier in the episode."""
        return _count_before(self.is_new)

    @cached_property
    def num_words_before(self):
        """(N, K, T): source words, repetitions counted, that occurred earlier in the episode."""
        return _count_before(self.in_sentence)

    @cached_property
    def is_target(self):
        """(N, S) bool: is this token a target word?"""
        return self.lay_out(False, False, False, self.in_sentence, end=False, pad=False, dtype="bool")

    @cached_property
    def determined(self):
        """(N, S) bool: a target word whose source word was translated earlier in the episode."""
        known = self.in_sentence & ~self.is_new
        return self.lay_out(False, False, False, known, end=False, pad=False, dtype="bool")

    @cached_property
    def eliminated(self):
        """(N, S) bool: a target word not determined, but the only one left."""
        last = self.is_new & (self.num_known == self.config.num_target_words - 1)
        return self.lay_out(False, False, False, last, end=False, pad=False, dtype="bool")

    @cached_property
    def shot(self):
        """(N, S) int16: number of the sentence pair that a token belongs to, from 0; −1 at the end and on padding."""
        N, K, _ = self.words.shape
        number = arange_like(self.words, 0, K) + full_like(self.words, (N, K), 0)
        wide = number[:, :, None]
        return self.lay_out(number, wide, number, wide, end=-1, pad=-1, dtype=TOKEN_DTYPE)


def _is_first(L: int, words):
    """(N, M) words 0…L → (N, M) bool: does the word stand here for the first time in its row?"""
    N, M = words.shape
    if isinstance(words, np.ndarray):
        dtype = _position_dtype(M)
        positions = np.broadcast_to(np.arange(M, dtype=dtype), words.shape)
        first = np.full((N, L + 1), M, dtype=dtype)
        places = words + row_starts(first)
        np.minimum.at(first.reshape(-1), places.reshape(-1), positions.reshape(-1))
        return first.reshape(-1).take(places) == positions
    positions = torch.arange(M, device=words.device).expand(words.shape)
    first = torch.full((N, L + 1), M, device=words.device)
    first.scatter_reduce_(1, words.long(), positions, reduce="amin")
    return first.gather(1, words.long()) == positions


def _position_dtype(size: int) -> type:
    return np.int8 if size < 1 << 7 else np.int16 if size < 1 << 15 else np.int64


def _count_before(marks):
    """(N, K, T) bool → how many are set before each, within its row."""
    N, K, T = marks.shape
    flat = marks.reshape(N, K * T)
    if isinstance(flat, np.ndarray):
        count = flat.cumsum(-1, dtype=_position_dtype(K * T)) - flat
    else:
        count = flat.cumsum(-1) - flat.long()
    return count.reshape(N, K, T)


def _where(condition, x, other: int):
    return np.where(condition, x, other) if isinstance(condition, np.ndarray) else torch.where(condition, x, other)


def _as_type(x, dtype: str):
    return x.astype(dtype) if isinstance(x, np.ndarray) else x.to(getattr(torch, dtype))


def sample_episodes(config: LanguageConfig, indices, split: str = "train", device=None) -> Episodes:
    """The episodes with the given indices.

    Args:
        indices: (N,) episode numbers ≥ 0: a range, a numpy array (numpy in, numpy out) or a torch tensor (torch out,
            on its device).
        split: "train", "validation" or "test": disjoint streams, and with `held_out_languages` disjoint lexicons.
        device: makes torch tensors on that device, whatever the indices are.

    Raises:
        ValueError: indices that are none, a split that has no lexicon.

    Example:
        >>> sample_episodes(LanguageConfig(num_pairs=2), range(3)).input_ids.shape
        (3, 17)
    """
    if not isinstance(indices, torch.Tensor):
        indices = np.asarray(indices)
        if indices.dtype.kind not in "iu" and indices.size:
            raise ValueError(f"indices must be integers, got {indices.dtype}")
        indices = indices.astype(np.int64)
    indices = torch.as_tensor(indices, device=device).long() if device is not None else indices
    indices = indices.long() if isinstance(indices, torch.Tensor) else indices
    on_host = isinstance(indices, np.ndarray) or indices.device.type == "cpu"  # looking at others would take a while
    if indices.ndim != 1 or (on_host and len(indices) and int(indices.min()) < 0):
        raise ValueError(f"indices must be a row of numbers ≥ 0, got shape {tuple(indices.shape)}")
    keys = index_keys(config.stream_name(split), indices)
    lexicons = _as_type(draw_lexicons(config, split, keys), config.word_dtype)
    K, L = config.num_pairs, config.num_source_words
    (T_min, T_max), (a_min, a_max) = config.length_range, config.active_range
    lengths = None
    if T_min < T_max:
        lengths = T_min + draw_below(keys, PURPOSE_LENGTHS, K, T_max - T_min + 1)
    num_active = a_min
    if a_min < a_max:
        num_active = a_min + draw_below(keys, PURPOSE_NUM_ACTIVE, 1, a_max - a_min + 1)
    words = draw_below(keys, PURPOSE_WORDS, K * T_max, num_active, config.word_dtype)
    if a_min < L:
        words = take_along(_as_type(draw_permutations(keys, PURPOSE_ACTIVE, L), config.word_dtype), words)
    return Episodes(config, lexicons, words.reshape(len(words), K, T_max), lengths, keys)
