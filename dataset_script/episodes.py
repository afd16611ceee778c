"""Episodes: sequences of tokens, with annotations of each token.

Episode i is a pure function of (generator version, seed, config, split, i). One sampler feeds the `datasets` builder
and the training batches; for training on a GPU, batches are made on the GPU.

    tokens    ␁      s       s       ␂      t       t       ␁      s   …   ␁      pad
    role      START  SOURCE  SOURCE  TURN   TARGET  TARGET  START  …       START  PADDING
    shot      0      0       0       0      0       0       1              −1     −1
    labels, loss_on="all"      each token itself; −100 on padding
    labels, loss_on="targets"  the same, but −100 on SOURCE too
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from dataset_script.arrays import Array, full_like, like, on_host, where
from dataset_script.streams import index_keys

if TYPE_CHECKING:
    from dataset_script.families.contract import Language

IGNORE = -100
"""The label that transformers' losses leave out."""


class Role(IntEnum):
    """The part that a token plays in its episode."""

    PADDING = 0
    START = 1
    """␁, which opens a source sentence, or closes the episode."""
    SOURCE = 2
    TURN = 3
    """␂, between a source sentence and its translation."""
    TARGET = 4


LEFT_OUT: dict[str, tuple[Role, ...]] = {"all": (), "targets": (Role.SOURCE,)}
"""The values of `loss_on`, and the roles whose tokens each of them leaves out of the loss."""

LOSS_ON = tuple(LEFT_OUT)


def is_scored(role: Role, loss_on: str) -> bool:
    """Do tokens of this role count in the loss?"""
    return role != Role.PADDING and role not in LEFT_OUT[loss_on]


@dataclass
class Episodes(ABC):
    """N episodes of one family. All arrays are numpy's or torch's, whichever the indices were; S tokens a row at most.

    A family gives the tokens and their annotations, the abstract properties. Which tokens count in the loss, and what
    they cost the optimum, follows from these, and is decided here and nowhere else.

    Attributes:
        config: the languages they were drawn from.
        keys: (N,) int64, where each episode's draws come from; None if it wasn't drawn.
    """

    config: Language
    keys: Array | None

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def input_ids(self) -> Array:
        """(N, S) int16 tokens, right-padded with `config.pad`."""

    @property
    @abstractmethod
    def token_counts(self) -> Array:
        """(N,) int64, tokens an episode, padding not counted."""

    @property
    @abstractmethod
    def role(self) -> Array:
        """(N, S) int8, of `Role`."""

    @property
    @abstractmethod
    def shot(self) -> Array:
        """(N, S) int16: number of the sentence pair that a token belongs to, from 0; −1 at the end and on padding."""

    @property
    @abstractmethod
    def determined(self) -> Array:
        """(N, S) bool: a target token of which the exact predictor is certain, and whose source word (in general: the
        unit that it translates) was translated earlier in the episode.
        """

    @property
    @abstractmethod
    def eliminated(self) -> Array:
        """(N, S) bool: a target token of which the exact predictor is certain though its source word is new, as when
        only one target word is left for it.
        """

    @property
    @abstractmethod
    def bayes_nll(self) -> Array:
        """(N, S) float32: the negative log-likelihood of each token under the exact predictor, in nats; 0 at the first
        token, which nothing predicts, and on padding.
        """

    @property
    @abstractmethod
    def latents(self) -> dict[str, Array]:
        """The latent variables of each episode, by name, such as its lexicon: (N,) or (N, M) integers."""

    @cached_property
    def counterparts(self) -> Array:
        """(N, S) int16: of each source and target word, the word of the other language that says the same unit, as far
        as it was heard before (of several symbols, the first); −100 elsewhere, where languages may change, and in
        families that name no units.
        """
        return full_like(self.input_ids, tuple(self.input_ids.shape), IGNORE, "int16")

    @cached_property
    def is_target(self) -> Array:
        """(N, S) bool: is this token part of a translation?"""
        return self.role == Role.TARGET

    @cached_property
    def is_end(self) -> Array:
        """(N, S) bool: does this ␁ end a translation whose source doesn't tell how long it is?"""
        return self.is_target & False

    @cached_property
    def is_blank(self) -> Array:
        """(N, S) bool: is this target word a blank?"""
        return self.is_target & False

    @property
    def groups(self) -> dict[str, Array]:
        """What tokens of translations can be told apart by, such as the phenomenon that they hang on: by name (N, S)
        bool each, which may overlap. None where a family has nothing to tell apart.
        """
        return {}

    @cached_property
    def probabilities(self) -> np.ndarray:
        """(N, S, V) float64: the exact predictor's distribution of what follows each token."""
        return self.config.next_token_probabilities(on_host(self.input_ids).astype(np.int64))

    @property
    def nll_by_probabilities(self) -> Array:
        """(N, S) float32: what each token costs by `probabilities`; 0 at the first one and on padding."""
        tokens, real = on_host(self.input_ids).astype(np.int64)[:, 1:], on_host(self.role)[:, 1:] != Role.PADDING
        came = np.take_along_axis(self.probabilities[:, :-1], tokens[..., None], -1)[..., 0]  # (N, S − 1)
        nll = np.where(real, -np.log(np.where(real, came, 1.0)), 0.0)
        return like(self.input_ids, np.pad(nll, ((0, 0), (1, 0))).astype(np.float32))

    @cached_property
    def target_probabilities(self) -> Array:
        """(N, S, R + 1) float32: the exact predictor's distribution, over target words and ␁, of each token that is a
        target word, or ends a translation whose length isn't known; 0 elsewhere.
        """
        first, is_counted = self.config.num_source_words, on_host(self.is_target | self.is_end)
        p = self.probabilities[..., first : self.config.soh + 1]
        p = np.pad(p[:, :-1], ((0, 0), (1, 0), (0, 0))) * is_counted[..., None]  # by the token that is predicted
        return like(self.input_ids, p.astype(np.float32))

    def scored(self, loss_on: str) -> Array:
        """(N, S) bool: which tokens count in the loss. (The first one, which nothing predicts, is left out by models,
        which compare each prediction with the next token.)
        """
        scored = self.role != Role.PADDING
        for role in LEFT_OUT[loss_on]:
            scored = scored & (self.role != role)
        return scored

    def labels(self, loss_on: str = "all") -> Array:
        """(N, S) int16, aligned with `input_ids`, unshifted: the scored tokens, and −100 elsewhere."""
        return where(self.scored(loss_on), self.input_ids, IGNORE)

    def floor(self, loss_on: str) -> Array:
        """(N, S) float32, nats: the cost of the scored tokens under the best predictor of these alone; 0 elsewhere."""
        if is_scored(Role.SOURCE, loss_on):
            return self.bayes_nll
        # A predictor that is scored on ␂ but on no source word may always say ␂ within a source sentence: where it is
        # wrong, a source word follows, which doesn't count.
        return self.bayes_nll * ((self.role == Role.TARGET) | (self.role == Role.START))


def sample_episodes(
    config: Language, indices: Array | range, split: str = "train", device: torch.device | str | None = None
) -> Episodes:
    """The episodes with the given indices.

    Args:
        indices: (N,) episode numbers ≥ 0: a range, a numpy array (numpy in, numpy out) or a torch tensor (torch out,
            on its device).
        split: "train", "validation" or "test": disjoint streams, and with `held_out_languages` disjoint lexicons.
        device: makes torch tensors on that device, whatever the indices are.

    Raises:
        ValueError: indices that are no row of integers ≥ 0; a split that has no lexicon.

    Example:
        >>> sample_episodes(make_language(num_pairs=2), range(3)).input_ids.shape
        (3, 17)
    """
    if not isinstance(indices, torch.Tensor):
        indices = np.asarray(indices)
        if indices.dtype.kind not in "iu" and indices.size:
            raise ValueError(f"indices must be integers, got {indices.dtype}")
        indices = indices.astype(np.int64)
    indices = torch.as_tensor(indices, device=device).long() if device is not None else indices
    indices = indices.long() if isinstance(indices, torch.Tensor) else indices
    on_host = isinstance(indices, np.ndarray) or indices.device.type == "cpu"  # to check a GPU's, the host would wait
    if indices.ndim != 1 or (on_host and len(indices) and int(indices.min()) < 0):
        raise ValueError(f"indices must be a row of numbers ≥ 0, got shape {tuple(indices.shape)}")
    return config.sample(index_keys(config.stream_name(split), indices), split)
