"""Predictors that learn nothing: what a target word is worth to who only counts, copies or looks up, and to Bayes.

Each is a function of N episodes (numpy's) that gives, for every token, the distribution of target words at its place
before it comes: (N, S, R) float64, aligned with `input_ids`. At tokens that are no target words it is whatever it is.
"""

from collections.abc import Callable
from functools import lru_cache
from math import lgamma

import numpy as np

from dataset_script.episodes import Episodes, Role, sample_episodes
from dataset_script.families.contract import Language
from dataset_script.lexicons import split_lexicons
from dataset_script.predictor import family_probabilities

DOUBT = 1e-3
"""What the enumerated predictor leaves to lexicons that training doesn't have."""


def unigram(episodes: Episodes) -> np.ndarray:
    """How often each word comes, whatever came before: all alike, as languages go."""
    return np.full((*episodes.input_ids.shape, episodes.config.num_target_words), 1 / episodes.config.num_target_words)


def copy(episodes: Episodes) -> np.ndarray:
    """The last target word again, as often as that comes true in training's episodes; else any of the others."""
    R, last = episodes.config.num_target_words, _last_target(episodes)
    rate = _repetition(episodes.config)
    guess = np.eye(R)[np.maximum(last, 0)]  # (N, S, R)
    guess = rate * guess + (1 - rate) * (1 - guess) / max(R - 1, 1)
    return np.where((last >= 0)[..., None], guess, 1 / R)


def _target_words(episodes: Episodes) -> np.ndarray:
    """(N, S) int64: target words numbered from 0; −1 at all else."""
    words = episodes.input_ids.astype(np.int64) - episodes.config.num_source_words
    return np.where(episodes.is_target, words, -1)


def _last_target(episodes: Episodes) -> np.ndarray:
    """(N, S): the target word before each token; −1 before the first."""
    words = _target_words(episodes)
    places = np.maximum.accumulate(np.where(words >= 0, np.arange(words.shape[1]), -1), axis=1)
    before = np.concatenate([np.full((len(words), 1), -1), places[:, :-1]], axis=1)
    return np.where(before >= 0, np.take_along_axis(words, np.maximum(before, 0), axis=1), -1)


@lru_cache(maxsize=32)
def _repetition(config: Language) -> float:
    """How often a target word is the one before it."""
    episodes = sample_episodes(config, range(4096), "train")
    last = _last_target(episodes)
    counted = episodes.is_target & (last >= 0)
    return float((last == _target_words(episodes))[counted].mean()) if counted.any() else 0.0


def induction(episodes: Episodes) -> np.ndarray:
    """What stood in this word's place when it was translated last; of a new word, anything."""
    L, R = episodes.config.num_source_words, episodes.config.num_target_words
    guess = np.full((*episodes.input_ids.shape, R), 1 / R)
    rows, sources, targets, places = _pairs_in_place(episodes)
    translation, certain = np.full((len(episodes), L), -1), np.eye(R)
    for row, source, target, place in zip(rows, sources, targets, places, strict=True):
        if translation[row, source] >= 0:
            guess[row, place] = certain[translation[row, source]]
        translation[row, source] = target
    return guess


def _pairs_in_place(episodes: Episodes) -> tuple[np.ndarray, ...]:
    """Every target word with the source word at its place of the sentence, in the order of reading: their rows, source
    words, target words (from 0) and the target words' columns, (M,) each.
    """
    is_source = episodes.role == Role.SOURCE
    if (is_source.sum(1) != episodes.is_target.sum(1)).any():
        raise ValueError(f"the family {episodes.config.family} has translations that are longer or shorter")
    rows, places = episodes.is_target.nonzero()
    targets = episodes.input_ids[rows, places].astype(np.int64) - episodes.config.num_source_words
    return rows, episodes.input_ids[is_source].astype(np.int64), targets, places


def family(episodes: Episodes) -> np.ndarray:
    """The exact optimum of who doesn't know which lexicons there are: `family_probabilities`, of target words."""
    words = slice(episodes.config.num_source_words, episodes.config.soh)
    p = family_probabilities(episodes.config, episodes.input_ids)[..., words]  # of what follows each token
    return np.concatenate([np.zeros_like(p[:, :1]), p[:, :-1]], axis=1)


def pool_probabilities(episodes: Episodes, lexicons: np.ndarray) -> np.ndarray:
    """The predictor that knows which lexicons there are, in a family of words in place.

    A uniform prior over the given lexicons, of which those stay that agree with all translations so far. With all
    injections it is the family predictor; with a training set's, a model that learned them by heart.

    Args:
        episodes: N episodes, numpy's.
        lexicons: (M, L), the target word of every source word; distinct.

    Returns:
        (N, S, R) float64: sums to 1 at target words; to 0 where no lexicon agrees any more, and at all else.
    """
    counts = _pool_counts(episodes, lexicons)
    total = counts.sum(-1, keepdims=True)
    return np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)


def _pool_counts(episodes: Episodes, lexicons: np.ndarray) -> np.ndarray:
    """How many of the lexicons agree with all translations so far and give the next word that target: (N, S, R)."""
    N, R = len(episodes), episodes.config.num_target_words
    rows, sources, targets, places = _pairs_in_place(episodes)
    counts = np.zeros((*episodes.input_ids.shape, R), dtype=np.int64)
    agrees = np.ones((N, len(lexicons)), bool)
    # Side by side in all rows: the first target word of each, the second, …
    number = np.arange(len(rows)) - np.searchsorted(rows, rows)
    for turn in range(number.max(initial=-1) + 1):
        now = number == turn
        row, column = rows[now], places[now]
        translations = lexicons[:, sources[now]].T  # (rows, M)
        for word in range(R):
            counts[row, column, word] = (agrees[row] & (translations == word)).sum(-1)
        agrees[row] &= translations == targets[now, None]
    return counts


def enumerated(episodes: Episodes) -> np.ndarray:
    """The exact optimum of who knows training's lexicons by heart, and believes in others by a thousandth.

    Raises:
        ValueError: they are too many to be listed, or words don't stand in place.
    """
    config = episodes.config
    if config.family != "lexicon":
        raise ValueError(f"the enumerated predictor is of words in place, and the family is {config.family}")
    lexicons = split_lexicons(config, "train")
    if lexicons is None:
        raise ValueError(
            f"the lexicons of {config.num_source_words} words into {config.num_target_words} are too many to list"
        )
    R = config.num_target_words
    # Of all injections, what is left of after j translations is (R − j)! / R!, and the family's word of that.
    log_left = np.array([lgamma(R - j + 1) - lgamma(R + 1) for j in range(R + 1)])
    others = family(episodes) * np.exp(log_left)[_num_known(episodes)][..., None]
    weights = (1 - DOUBT) * _pool_counts(episodes, lexicons) / len(lexicons) + DOUBT * others
    total = weights.sum(-1, keepdims=True)
    return np.divide(weights, total, out=np.zeros(weights.shape), where=total > 0)


def _num_known(episodes: Episodes) -> np.ndarray:
    """(N, S): distinct target words before each token."""
    R, words = episodes.config.num_target_words, _target_words(episodes)
    came = np.logical_or.accumulate(words[..., None] == np.arange(R), axis=1).sum(-1)
    return np.concatenate([np.zeros((len(words), 1), int), came[:, :-1]], axis=1)


BASELINES: dict[str, Callable[[Episodes], np.ndarray]] = {
    f.__name__: f for f in (unigram, copy, induction, enumerated, family)
}
