"""Predictors that learn nothing: what a target word is worth to who only counts, copies or looks up, and to Bayes.

Each is a function of N episodes (numpy's) that gives every target word's distribution before it comes, (N, K, T, R)
float64. Beyond a sentence's length it is whatever it is.
"""

from functools import lru_cache
from math import lgamma

import numpy as np

from dataset_script.bayes import pool_counts
from dataset_script.episodes import Episodes, sample_episodes
from dataset_script.languages import LanguageConfig
from dataset_script.lexicons import split_lexicons

DOUBT = 1e-3
"""What the enumerated predictor leaves to lexicons that training doesn't have."""


def unigram(episodes: Episodes) -> np.ndarray:
    """How often each word comes, whatever came before: all alike, as languages go."""
    return np.full((*episodes.words.shape, episodes.config.num_target_words), 1 / episodes.config.num_target_words)


def copy(episodes: Episodes) -> np.ndarray:
    """The last target word again, as often as that comes true in training's episodes; else any of the others."""
    return _copied(episodes, _repetition(episodes.config))


def _copied(episodes: Episodes, rate: float) -> np.ndarray:
    R, last = episodes.config.num_target_words, _last_target(episodes)
    guess = np.eye(R)[np.maximum(last, 0)]
    guess = rate * guess + (1 - rate) * (1 - guess) / max(R - 1, 1)
    return np.where((last >= 0)[..., None], guess, 1 / R)


def _last_target(episodes: Episodes) -> np.ndarray:
    """(N, K, T): the target word before each; −1 before the first."""
    N, K, T = episodes.words.shape
    real = episodes.in_sentence.reshape(N, K * T)
    places = np.maximum.accumulate(np.where(real, np.arange(K * T), -1), axis=1)
    before = np.concatenate([np.full((N, 1), -1), places[:, :-1]], axis=1)
    words = np.take_along_axis(episodes.targets.reshape(N, K * T).astype(np.int64), np.maximum(before, 0), axis=1)
    return np.where(before >= 0, words, -1).reshape(N, K, T)


@lru_cache(maxsize=32)
def _repetition(config: LanguageConfig) -> float:
    """How often a target word is the one before it."""
    episodes = sample_episodes(config, range(4096), "train")
    last = _last_target(episodes)
    counted = episodes.in_sentence & (last >= 0)
    return float((last == episodes.targets)[counted].mean()) if counted.any() else 0.0


def induction(episodes: Episodes) -> np.ndarray:
    """What stood in this word's place when it was translated last; of a new word, anything."""
    R = episodes.config.num_target_words
    return np.where(episodes.is_new[..., None], 1 / R, np.eye(R)[episodes.targets])


def family(episodes: Episodes) -> np.ndarray:
    """The exact optimum of who doesn't know which lexicons there are: `family_probabilities`, of target words."""
    R = episodes.config.num_target_words
    N, K, T = episodes.words.shape
    came = (np.eye(R, dtype=bool)[episodes.targets] & episodes.in_sentence[..., None]).reshape(N, K * T, R)
    used = np.logical_or.accumulate(came, axis=1)
    used = np.concatenate([np.zeros((N, 1, R), bool), used[:, :-1]], axis=1).reshape(N, K, T, R)
    guess = ~used / np.maximum((~used).sum(-1, keepdims=True), 1)
    return np.where(episodes.is_new[..., None], guess, np.eye(R)[episodes.targets])


def enumerated(episodes: Episodes) -> np.ndarray:
    """The exact optimum of who knows training's lexicons by heart, and believes in others by a thousandth.

    Raises:
        ValueError: they are too many to be listed.
    """
    config = episodes.config
    lexicons = split_lexicons(config, "train")
    if lexicons is None:
        raise ValueError(
            f"the lexicons of {config.num_source_words} words into {config.num_target_words} are too many to list"
        )
    R = config.num_target_words
    # Of all injections, what is left of after j translations is (R − j)! / R!, and the family's word of that.
    log_left = np.array([lgamma(R - j + 1) - lgamma(R + 1) for j in range(config.num_source_words + 1)])
    others = family(episodes) * np.exp(log_left)[episodes.num_known][..., None]
    weights = (1 - DOUBT) * pool_counts(episodes, lexicons) / len(lexicons) + DOUBT * others
    return weights / weights.sum(-1, keepdims=True)


BASELINES = {f.__name__: f for f in (unigram, copy, induction, enumerated, family)}
