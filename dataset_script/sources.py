"""Source sentences: how they are drawn in every family, and what they cost the exact predictor.

A sentence draws its length, then each of its words from the episode's a active words; it doesn't depend on
translations. A word that has occurred c times is drawn with probability (1 + r c) / (a + r n), where n is the number
of all words before and r the knob `word_repetition`: Pólya's urn, which at r = 0 is uniform. The exact predictor
doesn't know a, of which it holds a posterior. After n words, d of them distinct:

    p(a | past)         ∝ p(a) [a ≥ d] C(L − d, a − d) / C(L, a) Π_{i < n} 1 / (a + r i)
    a given seen word   (1 + r c) Σ_a p(a | past) / (a + r n)
    a given new word    Σ_a p(a | past) (a − d) / ((a + r n) (L − d)): one of the a − d active words not seen yet, each
                        of the L − d words that are new being equally probable
    end of a sentence   with lengths from m…M, after i ≥ m words: 1 / (M − i + 1)

Costs are −ln of these, in nats.
"""

from functools import lru_cache
from math import comb, log

import numpy as np

from dataset_script.arrays import Array, arange_like, as_type, full_like, take_along, where
from dataset_script.families.contract import Language
from dataset_script.streams import draw_below, draw_permutations

PURPOSE_NUM_ACTIVE, PURPOSE_ACTIVE, PURPOSE_LENGTHS, PURPOSE_WORDS = 1, 2, 3, 4


def draw_sentences(language: Language, keys: Array) -> tuple[Array, Array | None]:
    """(N,) keys → the words, (N, K, T), and the number of words of each sentence, (N, K), or None if all have T.

    Words are drawn for all T places of a sentence; those beyond its length don't count.
    """
    K, (T_min, T_max) = language.num_pairs, language.length_range
    lengths = counts = None
    if T_min < T_max:
        lengths = T_min + draw_below(keys, PURPOSE_LENGTHS, K, T_max - T_min + 1)
        if language.word_repetition:
            counts = (arange_like(keys, 0, T_max) < lengths[:, :, None]).reshape(len(keys), -1)
    active, dtype = language.active_range, language.word_dtype
    words = draw_words(keys, language.num_source_words, active, language.word_repetition, K * T_max, dtype, counts)
    return words.reshape(len(words), K, T_max), lengths


def draw_words(
    keys: Array,
    size: int,
    active_range: tuple[int, int],
    repetition: int,
    count: int,
    dtype: str,
    counts: Array | None = None,
) -> Array:
    """(N,) keys → (N, count) words of `size`: each of the episode's active words, by urns.

    Args:
        counts: (N, count) bool, the places whose words are put back into the urn, more than they were; None: all.
    """
    a_min, a_max = active_range
    num_active: int | Array = a_min
    if a_min < a_max:
        num_active = a_min + draw_below(keys, PURPOSE_NUM_ACTIVE, 1, a_max - a_min + 1)
    if repetition:
        words = as_type(_draw_from_urns(keys, num_active, repetition, count, counts), dtype)
    else:
        words = draw_below(keys, PURPOSE_WORDS, count, num_active, dtype)
    if a_min < size:  # the numbers are of active words: the first ones of a permutation of all
        words = take_along(as_type(draw_permutations(keys, PURPOSE_ACTIVE, size), dtype), words)
    return words


def _draw_from_urns(keys: Array, num_active: int | Array, repetition: int, count: int, counts: Array | None) -> Array:
    """(N, count) numbers of active words, by urns that start with one ball of each word and get `repetition` more of
    every word that is drawn at a place that counts.

    One number below the balls in the urn says all: below a it is that word, else a word that was drawn before.
    """
    numbers = draw_below(keys, PURPOSE_WORDS, count, 1 << 31)  # (N, count)
    active = full_like(numbers, (len(numbers),), num_active) if isinstance(num_active, int) else num_active[:, 0]
    rows = arange_like(numbers, 0, len(numbers))
    n = full_like(numbers, (len(numbers),), 0)  # (N,): words so far
    drawn = full_like(numbers, (len(numbers), count), 0)  # by n
    words = full_like(numbers, (len(numbers), count), 0)  # by place
    for place in range(count):
        ball = (numbers[:, place] * (active + repetition * n)) >> 31  # (N,)
        is_fresh = ball < active
        earlier = drawn[rows, where(is_fresh, 0, (ball - active) // repetition)]
        word = where(is_fresh, ball, earlier)
        words[:, place] = word
        drawn[rows, n] = word  # overwritten by the next word, if this place doesn't count
        n = n + (1 if counts is None else as_type(counts[:, place], "int64"))
    return words


@lru_cache(maxsize=32)
def source_probabilities(
    num_source_words: int, active_range: tuple[int, int], num_words: int, repetition: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities that the next source word is a given new one, and a given seen one: two (num_words, L + 1)
    tables, whose entry [n, d] is after n words, d of them distinct; 0 where that can't be. Of a seen word that
    occurred c times, the second is to be multiplied by 1 + `repetition` c.
    """
    L, (a_min, a_max) = num_source_words, active_range
    n, d = np.meshgrid(np.arange(num_words), np.arange(L + 1), indexing="ij")  # (n, d) each
    possible = (d <= n) & (d <= a_max) & ((d > 0) | (n == 0))
    log_weights = np.full((a_max - a_min + 1, num_words, L + 1), -np.inf)  # (a, n, d)
    for i, a in enumerate(range(a_min, a_max + 1)):
        log_ways = np.array([log(comb(L - k, a - k) / comb(L, a)) if k <= a else -np.inf for k in range(L + 1)])
        balls = a + repetition * np.arange(num_words)  # (n,)
        drawn = np.log(balls).cumsum() - np.log(balls)  # (n,): −ln of what n draws have in common
        log_weights[i] = log_ways[d] - drawn[n]
    highest = np.where(possible, log_weights.max(0), 0)  # (n, d), so that the product doesn't underflow
    weights = np.where(possible, np.exp(log_weights - highest), 0)  # (a, n, d)
    posterior = weights / np.where(possible, weights.sum(0), 1)  # (a, n, d)
    active = np.arange(a_min, a_max + 1)[:, None, None]  # (a, 1, 1)
    balls = active + repetition * n  # (a, n, d)
    seen = (posterior / balls).sum(0)  # (n, d)
    new = (posterior * (active - d) / (balls * np.maximum(L - d, 1))).sum(0)  # (n, d)
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
        (2, num_words, L + 1), of a word by [is new, words before, distinct words before], where a word that isn't new
        costs ln(1 + `word_repetition` × its number of occurrences) less; (M + 1,), of ending a sentence by its length;
        (M,), of going on by the number of words before.
    """
    num_words = language.num_pairs * language.length_range[1] + 1
    new, seen = source_probabilities(
        language.num_source_words, language.active_range, num_words, language.word_repetition
    )
    end, go_on = stop_nll(language.length_range)
    tables = np.stack([cost(seen), cost(new)]), end, go_on[:-1]  # a sentence of M words can't go on
    source, end, go_on = (table.astype(np.float32) for table in tables)
    return source, end, go_on
