"""The exact Bayes-optimal predictor of the post's family: the floor under every model's loss.

The *family predictor* knows the config and holds a uniform prior over all injections of L words into R; it knows
neither the language, nor the active words, nor which lexicons are held out. In nats (a word is *new* until it has
occurred, d is the number of distinct words so far, n the number of all words so far):

    target word     new: ln(R − d)          else 0
    source word     −ln of Σ_a p(a | past) · (a − d) / (a (L − d)) if new, of Σ_a p(a | past) / a else, where
                    p(a | past) ∝ p(a) [a ≥ d] C(L − d, a − d) / C(L, a) a⁻ⁿ over the number a of active words
    sentence end    with lengths drawn from m…M, after i ≥ m words: stops with probability 1 / (M − i + 1)
    all else        0

Three views of it, held equal by the tests: `bayes_nll` reads costs off what the sampler drew (fast),
`family_probabilities` reads raw tokens and gives whole distributions, `expected_nll` is the closed-form average.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import comb, log

import numpy as np

from dataset_script.episodes import Episodes
from dataset_script.languages import LanguageConfig
from dataset_script.streams import in_blocks, table_like


@lru_cache(maxsize=32)
def _source_probabilities(
    num_source_words: int, active_range: tuple[int, int], num_words: int
) -> tuple[np.ndarray, np.ndarray]:
    """P(the next source word is a given new one), and (a given seen one): two (num_words, L + 1) tables.

    Entry [n, d]: after n words, d of them distinct. Impossible pairs hold 0.
    """
    L, (a_min, a_max) = num_source_words, active_range
    n, d = np.meshgrid(np.arange(num_words), np.arange(L + 1), indexing="ij")
    possible = (d <= n) & (d <= a_max) & ((d > 0) | (n == 0))
    log_weights = np.full((a_max - a_min + 1, num_words, L + 1), -np.inf)
    for i, a in enumerate(range(a_min, a_max + 1)):
        log_ways = np.array([log(comb(L - k, a - k) / comb(L, a)) if k <= a else -np.inf for k in range(L + 1)])
        log_weights[i] = log_ways[d] - n * log(a)
    highest = np.where(possible, log_weights.max(0), 0)
    weights = np.where(possible, np.exp(log_weights - highest), 0)
    posterior = weights / np.where(possible, weights.sum(0), 1)
    a = np.arange(a_min, a_max + 1)[:, None, None]
    seen = (posterior / a).sum(0)
    new = (posterior * (a - d) / (a * np.maximum(L - d, 1))).sum(0)
    return np.where(new > 0, new, 0), seen


def _nll(probabilities: np.ndarray) -> np.ndarray:
    return -np.log(probabilities, out=np.full_like(probabilities, -np.inf), where=probabilities > 0)


@lru_cache(maxsize=32)
def _stop_nll(length_range: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cost after i = 0…M words of a source sentence, of ending it and of going on: two (M + 1,) arrays."""
    m, M = length_range
    i = np.arange(M + 1)
    stop = np.where(i < m, 0.0, 1 / (M - i + 1))
    return _nll(stop), _nll(1 - stop)


def bayes_nll(episodes: Episodes):
    """The family predictor's cost of every token, in nats: (N, S) float32, aligned with `input_ids`.

    0 at the first position, which nothing predicts, and on padding.
    """
    config, words = episodes.config, episodes.words
    num_known = episodes.num_known
    target_table, source_table, end_nll, go_on_nll = _nll_tables(config)
    target = _look_up(target_table, episodes.is_new, num_known)
    if episodes.lengths is None and config.active_range[0] == config.num_source_words:
        source, stx = log(config.num_source_words), 0.0
    else:
        source = _look_up(source_table, episodes.is_new, episodes.num_words_before, num_known)
        stx = 0.0
    if episodes.lengths is not None:
        source = source + table_like(words, go_on_nll)
        stx = _look_up(end_nll, episodes.lengths)
    return episodes.lay_out(0.0, source, stx, target, end=0.0, pad=0.0, dtype="float32")


@lru_cache(maxsize=32)
def _nll_tables(config: LanguageConfig) -> tuple[np.ndarray, ...]:
    """Costs of target words [is new, num known], of source words [is new, num before, num known], of ending a sentence
    [length] and of going on [length]; float32.
    """
    target = np.stack([np.zeros(config.num_source_words + 1), _target_nll(config)])
    num_words = config.num_pairs * config.length_range[1] + 1
    new, seen = _source_probabilities(config.num_source_words, config.active_range, num_words)
    end, go_on = _stop_nll(config.length_range)
    tables = target, np.stack([_nll(seen), _nll(new)]), end, go_on[:-1]
    return tuple(table.astype(np.float32) for table in tables)


def _look_up(table: np.ndarray, *indices):
    """table[indices] for index arrays of one shape, as an array of their kind."""

    def entries(*indices):
        places = indices[0] * 1
        for size, index in zip(table.shape[1:], indices[1:], strict=True):
            places = places * size + index
        return table.reshape(-1).take(places)

    if isinstance(indices[0], np.ndarray):
        return in_blocks(entries, *indices)
    return table_like(indices[0], table)[tuple(index.long() for index in indices)]


def _target_nll(config: LanguageConfig) -> np.ndarray:
    """(L + 1,) cost of the translation of a new word, by the number of distinct words known before it."""
    left = config.num_target_words - np.arange(config.num_source_words + 1)
    return np.log(np.maximum(left, 1))


def family_probabilities(config: LanguageConfig, input_ids: np.ndarray) -> np.ndarray:
    """The family predictor itself: what follows each prefix.

    Args:
        input_ids: (N, S) integer tokens, each row an episode or the beginning of one, right-padded.

    Returns:
        (N, S, V) float64; [n, t] is the distribution of token t + 1 given tokens 0…t and sums to 1. After a closing
        ␁ it is that of one more sentence. Padding is followed by padding.

    Raises:
        ValueError: a row that this family can't produce; the message names the row and the token.
    """
    tokens = np.asarray(input_ids)
    if tokens.ndim != 2 or tokens.dtype.kind not in "iu" or (tokens < 0).any() or (tokens >= config.vocab_size).any():
        raise ValueError(f"input_ids must be an (N, S) array of tokens 0…{config.vocab_size - 1}")
    N, S = tokens.shape
    L, R, V = config.num_source_words, config.num_target_words, config.vocab_size
    m, M = config.length_range
    new, seen = _source_probabilities(L, config.active_range, S + 1)
    rows = np.arange(N)
    translation = np.full((N, L), -1)
    used = np.zeros((N, R), bool)
    word_seen = np.zeros((N, L), bool)
    num_words = np.zeros(N, int)
    sentence = np.zeros((N, M), int)
    length, place = np.zeros(N, int), np.zeros(N, int)  # words of the source sentence, words of it translated
    reading = np.zeros(N, bool)  # within a source sentence, rather than its translation
    probabilities = np.zeros((N, S, V))
    expected = np.zeros((N, V))
    expected[:, config.soh] = 1
    for t in range(S):
        token = tokens[:, t]
        real = token != config.pad
        wrong = real & (expected[rows, token] == 0)
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"row {row} is no episode of this family: token {token[row]} can't stand at position {t}")
        # Take the token in.
        opens, turns = token == config.soh, token == config.stx
        reading = np.where(opens, True, np.where(turns, False, reading))
        length, place = np.where(opens, 0, length), np.where(opens | turns, 0, place)
        is_source = token < L
        sentence[rows[is_source], length[is_source]] = token[is_source]
        word_seen[rows[is_source], token[is_source]] = True
        length, num_words = length + is_source, num_words + is_source
        is_target = (token >= L) & (token < L + R)
        translated = sentence[rows, np.minimum(place, M - 1)]
        translation[rows[is_target], translated[is_target]] = token[is_target] - L
        used[rows[is_target], token[is_target] - L] = True
        place = place + is_target
        # What comes next?
        expected = np.zeros((N, V))
        expected[~real, config.pad] = 1
        source_next = real & reading & (length < M)
        stop = np.where(length < m, 0.0, 1 / (M - np.minimum(length, M) + 1))
        num_seen = word_seen.sum(-1)
        word = np.where(word_seen, seen[num_words, num_seen][:, None], new[num_words, num_seen][:, None])
        expected[source_next, :L] = (word * (1 - stop[:, None]))[source_next]
        expected[real & reading, config.stx] = stop[real & reading]
        target_next = real & ~reading & (place < length)
        source_word = sentence[rows, np.minimum(place, M - 1)]
        known = translation[rows, source_word]
        guess = ~used / np.maximum(R - used.sum(-1), 1)[:, None]
        certain = np.eye(R)[np.maximum(known, 0)]
        expected[target_next, L : L + R] = np.where((known >= 0)[:, None], certain, guess)[target_next]
        expected[real & ~reading & (place == length), config.soh] = 1
        probabilities[:, t] = expected
    return probabilities


def pool_probabilities(episodes: Episodes, lexicons: np.ndarray) -> np.ndarray:
    """The predictor that knows which lexicons there are: what it gives each target word before it comes.

    A uniform prior over the given lexicons, of which those stay that agree with all translations so far. With all
    injections it is the family predictor; with a training set's, a model that learned them by heart.

    Args:
        episodes: N episodes, numpy's.
        lexicons: (M, L), the target word of every source word; distinct.

    Returns:
        (N, K, T, R) float64: sums to 1; to 0 where no lexicon agrees any more, and beyond a sentence's length.
    """
    counts = pool_counts(episodes, lexicons)
    total = counts.sum(-1, keepdims=True)
    return np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)


def pool_counts(episodes: Episodes, lexicons: np.ndarray) -> np.ndarray:
    """How many of the lexicons agree with all translations so far and give the next word that target: (N, K, T, R)."""
    N, K, T = episodes.words.shape
    R = episodes.config.num_target_words
    agrees = np.ones((N, len(lexicons)), bool)
    counts = np.zeros((N, K, T, R), dtype=np.int64)
    for shot in range(K):
        for place in range(T):
            there = episodes.in_sentence[:, shot, place]
            translations = lexicons[:, episodes.words[:, shot, place]].T  # (N, M)
            for word in range(R):
                counts[:, shot, place, word] = (agrees & (translations == word)).sum(-1) * there
            agrees &= (translations == episodes.targets[:, shot, place, None]) | ~there[:, None]
    return counts


@dataclass(frozen=True)
class ExpectedNll:
    """Averages over the family, in nats. See `expected_nll`."""

    source: float
    """All source words of an episode."""
    target: float
    """All target words of an episode."""
    delimiter: float
    """All delimiters of an episode; 0 unless lengths are drawn."""
    go_on: float
    """Of the source words' costs, what it costs that a sentence goes on with one more; 0 unless lengths are drawn."""
    num_predicted: float
    """Predicted tokens an episode: all but the first."""
    target_by_shot: np.ndarray
    """(K,), per target token."""

    @property
    def episode(self) -> float:
        return self.source + self.target + self.delimiter

    @property
    def per_token(self) -> float:
        return self.episode / self.num_predicted


def expected_nll(config: LanguageConfig) -> ExpectedNll:
    """The family predictor's expected costs in closed form, averaged over the numbers of active words and lengths.

    The number of distinct words d grows by a Markov chain: d → d + 1 with probability (a − d) / a for each word.
    """
    L, K = config.num_source_words, config.num_pairs
    (m, M), (a_min, a_max) = config.length_range, config.active_range
    num_words = K * M + 1
    target_cost, source_cost = np.zeros(num_words), np.zeros(num_words)  # of word n, counted from 0
    new, seen = _source_probabilities(L, config.active_range, num_words)
    source_new, source_seen = _nll(new), _nll(seen)
    target_new = _target_nll(config)
    d = np.arange(L + 1)
    for a in range(a_min, a_max + 1):
        distinct = np.zeros(L + 1)
        distinct[0] = 1
        p_new = np.clip((a - d) / a, 0, 1)
        for n in range(num_words):
            grows, stays = distinct * p_new, distinct * (1 - p_new)
            target_cost[n] += grows @ target_new / (a_max - a_min + 1)
            source_cost[n] += np.sum(grows[grows > 0] * source_new[n][grows > 0]) / (a_max - a_min + 1)
            source_cost[n] += np.sum(stays[stays > 0] * source_seen[n][stays > 0]) / (a_max - a_min + 1)
            distinct = stays
            distinct[1:] += grows[:-1]
    end_nll, go_on_nll = _stop_nll((m, M))
    lengths = np.zeros(M + 1)
    lengths[m:] = 1 / (M - m + 1)
    longer = 1 - np.cumsum(lengths)  # [i]: the sentence has more than i words
    delimiter = K * np.sum(lengths[m:] * end_nll[m:])
    go_on = K * np.sum(longer[:M] * go_on_nll[:M])
    before = np.zeros(num_words)  # how many words the earlier sentences had
    before[0] = 1
    target_by_shot, source = np.zeros(K), go_on
    for shot in range(K):
        for i in range(M):
            reached = longer[i] * before[: num_words - i]
            target_by_shot[shot] += reached @ target_cost[i:]
            source += reached @ source_cost[i:]
        before = np.convolve(before, lengths)[:num_words]
    mean_length = (m + M) / 2
    return ExpectedNll(
        source=float(source),
        target=float(target_by_shot.sum()),
        delimiter=float(delimiter),
        go_on=float(go_on),
        num_predicted=K * (2 * mean_length + 2),
        target_by_shot=target_by_shot / mean_length,
    )
