"""Source sentences: how they are drawn in every family, and what they cost the exact predictor.

A sentence draws its length, then each of its words, uniformly from the episode's a active words; it doesn't depend on
translations. The exact predictor doesn't know a, of which it holds a posterior. After n words, d of them distinct:

    p(a | past)         ∝ p(a) [a ≥ d] C(L − d, a − d) / C(L, a) a⁻ⁿ
    a given seen word   Σ_a p(a | past) / a
    a given new word    Σ_a p(a | past) (a − d) / (a (L − d)): one of the a − d active words not seen yet, each of the
                        L − d words that are new being equally probable
    end of a sentence   with lengths from m…M, after i ≥ m words: 1 / (M − i + 1)

Costs are −ln of these, in nats.
"""

from functools import lru_cache
from math import comb, log

import numpy as np

from dataset_script.arrays import Array, as_type, take_along
from dataset_script.families.contract import Language
from dataset_script.streams import draw_below, draw_permutations

PURPOSE_NUM_ACTIVE, PURPOSE_ACTIVE, PURPOSE_LENGTHS, PURPOSE_WORDS = 1, 2, 3, 4


def draw_sentences(language: Language, keys: Array) -> tuple[Array, Array | None]:
    """(N,) keys → the words, (N, K, T), and the number of words of each sentence, (N, K), or None if all have T.

    Words are drawn for all T places of a sentence; those beyond its length don't count.
    """
    K, L = language.num_pairs, language.num_source_words
    (T_min, T_max), (a_min, a_max) = language.length_range, language.active_range
    lengths = None
    if T_min < T_max:
        lengths = T_min + draw_below(keys, PURPOSE_LENGTHS, K, T_max - T_min + 1)
    num_active = a_min
    if a_min < a_max:
        num_active = a_min + draw_below(keys, PURPOSE_NUM_ACTIVE, 1, a_max - a_min + 1)
    words = draw_below(keys, PURPOSE_WORDS, K * T_max, num_active, language.word_dtype)  # (N, K·T)
    if a_min < L:  # the numbers are of active words: the first ones of a permutation of all
        words = take_along(as_type(draw_permutations(keys, PURPOSE_ACTIVE, L), language.word_dtype), words)
    return words.reshape(len(words), K, T_max), lengths


@lru_cache(maxsize=32)
def source_probabilities(
    num_source_words: int, active_range: tuple[int, int], num_words: int
) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities that the next source word is a given new one, and a given seen one: two (num_words, L + 1)
    tables, whose entry [n, d] is after n words, d of them distinct; 0 where that can't be.
    """
    L, (a_min, a_max) = num_source_words, active_range
    n, d = np.meshgrid(np.arange(num_words), np.arange(L + 1), indexing="ij")  # (n, d) each
    possible = (d <= n) & (d <= a_max) & ((d > 0) | (n == 0))
    log_weights = np.full((a_max - a_min + 1, num_words, L + 1), -np.inf)  # (a, n, d)
    for i, a in enumerate(range(a_min, a_max + 1)):
        log_ways = np.array([log(comb(L - k, a - k) / comb(L, a)) if k <= a else -np.inf for k in range(L + 1)])
        log_weights[i] = log_ways[d] - n * log(a)
    highest = np.where(possible, log_weights.max(0), 0)  # (n, d), so that a⁻ⁿ doesn't underflow
    weights = np.where(possible, np.exp(log_weights - highest), 0)  # (a, n, d)
    posterior = weights / np.where(possible, weights.sum(0), 1)  # (a, n, d)
    active = np.arange(a_min, a_max + 1)[:, None, None]  # (a, 1, 1)
    seen = (posterior / active).sum(0)  # (n, d)
    new = (posterior * (active - d) / (active * np.maximum(L - d, 1))).sum(0)  # (n, d)
    return np.where(new > 0, new, 0), seen


def cost(probabilities: np.ndarray) -> np.ndarray:
    """−ln p; ∞ where p is 0."""
    return -np.log(probabilities, out=np.full_like(probabilities, -np.inf), where=probabilities > 0)


@lru_cache(maxsize=32)
def stop_nll(length_range: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The costs of ending a source sentence after i = 0…M words, and of going on: two (M + 1,) arrays."""
    m, M = length_range
    i = np.arange(M + 1)
    stop = np.where(i < m, 0.0, 1 / (M - i + 1))
    return cost(stop), cost(1 - stop)


@lru_cache(maxsize=32)
def source_nll_tables(language: Language) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The costs of source words as float32 tables.

    Returns:
        (2, num_words, L + 1), of a word by [is new, words before, distinct words before]; (M + 1,), of ending a
        sentence by its length; (M,), of going on by the number of words before.
    """
    num_words = language.num_pairs * language.length_range[1] + 1
    new, seen = source_probabilities(language.num_source_words, language.active_range, num_words)
    end, go_on = stop_nll(language.length_range)
    tables = np.stack([cost(seen), cost(new)]), end, go_on[:-1]  # a sentence of M words can't go on
    source, end, go_on = (table.astype(np.float32) for table in tables)
    return source, end, go_on
