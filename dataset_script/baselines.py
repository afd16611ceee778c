"""Baselines without weights: predictors that count, copy or look up target words, and the exact Bayes predictors.

Each is a function of N episodes (numpy's). For every target word it gives the distribution over the R target words,
given the tokens before it: (N, S, R) float64, aligned with `input_ids`. Its values at other tokens have no meaning.
Where a source doesn't tell how long its translation is, there is one more column, ␁: (N, S, R + 1), and the tokens
that end translations have distributions too.
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
"""The prior probability that the enumerated predictor gives to all lexicons outside the training set together."""


def unigram(episodes: Episodes) -> np.ndarray:
    """The frequencies of target words, whatever came before: uniform, as all languages are equally probable."""
    R = episodes.config.num_target_words
    return _with_ends(episodes, np.full((*episodes.input_ids.shape, R), 1 / R))


def copy(episodes: Episodes) -> np.ndarray:
    """The previous target word again, with the probability that training episodes repeat one; the other words share
    the rest equally.
    """
    R, last = episodes.config.num_target_words, _last_target(episodes)  # (N, S)
    rate = _repetition(episodes.config)
    is_last = np.eye(R)[np.maximum(last, 0)]  # (N, S, R)
    guess = rate * is_last + (1 - rate) * (1 - is_last) / max(R - 1, 1)
    return _with_ends(episodes, np.where((last >= 0)[..., None], guess, 1 / R))


def _with_ends(episodes: Episodes, words: np.ndarray) -> np.ndarray:
    """Distributions of target words, (N, S, R), with a last column, ␁, where ends have to be predicted: always with
    the frequency that they have among the tokens of translations.
    """
    if not episodes.is_end.any():
        return words
    rate = _end_rate(episodes.config)
    return np.concatenate([words * (1 - rate), np.full((*words.shape[:2], 1), rate)], axis=-1)


@lru_cache(maxsize=32)
def _end_rate(config: Language) -> float:
    """The share of ends among the tokens of translations, in training episodes."""
    episodes = sample_episodes(config, range(4096), "train")
    ends, words = int(episodes.is_end.sum()), int(episodes.is_target.sum())
    return ends / (ends + words)


def _target_words(episodes: Episodes) -> np.ndarray:
    """(N, S) int64: target words numbered from 0; −1 at all else."""
    words = episodes.input_ids.astype(np.int64) - episodes.config.num_source_words
    return np.where(episodes.is_target, words, -1)


def _last_target(episodes: Episodes) -> np.ndarray:
    """(N, S): the target word before each token; −1 before the first."""
    words = _target_words(episodes)  # (N, S)
    # The column of the latest target word: (N, S) up to each token, then before it.
    latest = np.maximum.accumulate(np.where(words >= 0, np.arange(words.shape[1]), -1), axis=1)
    before = np.concatenate([np.full((len(words), 1), -1), latest[:, :-1]], axis=1)
    return np.where(before >= 0, np.take_along_axis(words, np.maximum(before, 0), axis=1), -1)


@lru_cache(maxsize=32)
def _repetition(config: Language) -> float:
    """The fraction of target words that repeat the previous one, in training episodes."""
    episodes = sample_episodes(config, range(4096), "train")
    last = _last_target(episodes)  # (N, S)
    counted = episodes.is_target & (last >= 0)  # (N, S)
    return float((last == _target_words(episodes))[counted].mean()) if counted.any() else 0.0


def induction(episodes: Episodes) -> np.ndarray:
    """The latest translation of this source word, for certain; uniform if the word is new."""
    L, R = episodes.config.num_source_words, episodes.config.num_target_words
    guess = np.full((*episodes.input_ids.shape, R), 1 / R)  # (N, S, R)
    rows, sources, targets, columns = _pairs_in_place(episodes)
    translation, certain = np.full((len(episodes), L), -1), np.eye(R)  # −1: not translated yet
    for row, source, target, column in zip(rows, sources, targets, columns, strict=True):
        if translation[row, source] >= 0:
            guess[row, column] = certain[translation[row, source]]
        translation[row, source] = target
    return guess


def _pairs_in_place(episodes: Episodes) -> tuple[np.ndarray, ...]:
    """Every target word, paired with the source word at the same place of its sentence.

    Returns:
        Four (M,) arrays, M being all target words, row by row and in the order of reading: their rows, the source
        words, the target words (numbered from 0), and the target words' columns.

    Raises:
        ValueError: a translation is longer or shorter than its source.
    """
    is_source = episodes.role == Role.SOURCE
    if (is_source.sum(1) != episodes.is_target.sum(1)).any():
        raise ValueError(f"the family {episodes.config.family} has translations that are longer or shorter")
    rows, columns = episodes.is_target.nonzero()
    targets = episodes.input_ids[rows, columns].astype(np.int64) - episodes.config.num_source_words
    # Sources and translations are as long as each other, so the nth source word of a row is its nth target word's.
    return rows, episodes.input_ids[is_source].astype(np.int64), targets, columns


def family(episodes: Episodes) -> np.ndarray:
    """The Bayes optimum under a uniform prior over all languages of the family: see `family_probabilities`.

    With a last column, ␁, where the source doesn't tell how long a translation is.
    """
    words = slice(episodes.config.num_source_words, episodes.config.soh + bool(episodes.is_end.any()))
    p = family_probabilities(episodes.config, episodes.input_ids)[..., words]  # (N, S, R), of what follows each token
    return np.concatenate([np.zeros_like(p[:, :1]), p[:, :-1]], axis=1)


def pool_probabilities(episodes: Episodes, lexicons: np.ndarray) -> np.ndarray:
    """The Bayes predictor that knows the set of lexicons, for families that translate word for word, in place.

    Its prior is uniform over the given lexicons; its posterior is uniform over those that agree with all translations
    so far. With all injections it is the family predictor. With the lexicons of the training set it predicts as a
    model would that has memorised them.

    Args:
        episodes: N episodes, numpy's.
        lexicons: (M, L), the target word of every source word; distinct.

    Returns:
        (N, S, R) float64: sums to 1 at target words, but to 0 where no lexicon is left, and at other tokens.
    """
    counts = _pool_counts(episodes, lexicons)  # (N, S, R)
    total = counts.sum(-1, keepdims=True)  # (N, S, 1)
    return np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)


def _pool_counts(episodes: Episodes, lexicons: np.ndarray) -> np.ndarray:
    """The number of lexicons that agree with all translations so far and translate this source word as each of the R
    target words: (N, S, R) int64.
    """
    N, R = len(episodes), episodes.config.num_target_words
    rows, sources, targets, columns = _pairs_in_place(episodes)
    counts = np.zeros((*episodes.input_ids.shape, R), dtype=np.int64)
    agrees = np.ones((N, len(lexicons)), bool)  # (N, M)
    # All rows at once: the first target word of each, then the second, …
    number = np.arange(len(rows)) - np.searchsorted(rows, rows)  # of a target word within its row
    for turn in range(number.max(initial=-1) + 1):
        now = number == turn
        row, column = rows[now], columns[now]
        translations = lexicons[:, sources[now]].T  # (rows, M)
        for word in range(R):
            counts[row, column, word] = (agrees[row] & (translations == word)).sum(-1)
        agrees[row] &= translations == targets[now, None]
    return counts


def enumerated(episodes: Episodes) -> np.ndarray:
    """The Bayes optimum for the training set's languages: 0.999 of the prior is uniform over training's lexicons, the
    rest over all lexicons.

    Raises:
        ValueError: training's lexicons are too many to be listed, or the family doesn't translate words in place.
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
    # After j distinct words a share (R − j)! / R! of all injections agrees with the translations so far; of these, the
    # family predictor says what share gives each next word.
    log_left = np.array([lgamma(R - j + 1) - lgamma(R + 1) for j in range(R + 1)])  # (R + 1,)
    others = family(episodes) * np.exp(log_left)[_num_known(episodes)][..., None]  # (N, S, R)
    weights = (1 - DOUBT) * _pool_counts(episodes, lexicons) / len(lexicons) + DOUBT * others
    total = weights.sum(-1, keepdims=True)  # (N, S, 1)
    return np.divide(weights, total, out=np.zeros(weights.shape), where=total > 0)


def _num_known(episodes: Episodes) -> np.ndarray:
    """(N, S): the number of distinct target words before each token."""
    R, words = episodes.config.num_target_words, _target_words(episodes)  # (N, S)
    num_used = np.logical_or.accumulate(words[..., None] == np.arange(R), axis=1).sum(-1)  # (N, S), up to each token
    return np.concatenate([np.zeros((len(words), 1), int), num_used[:, :-1]], axis=1)


BASELINES: dict[str, Callable[[Episodes], np.ndarray]] = {
    f.__name__: f for f in (unigram, copy, induction, enumerated, family)
}
