"""Rows of tokens, read back as sentence pairs: what a predictor is given whose translations are as long as sources."""

from collections.abc import Callable

import numpy as np

from dataset_script.families.contract import Language
from dataset_script.families.lexicon import next_token_probabilities

TargetProbabilities = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Words (N, K, T), lengths (N, K) and target words (N, K, T), numbered from 0 and R where there is none yet → the
distribution of each target word before it comes, (N, K·T, R) float64."""


def sentence_probabilities(config: Language, tokens: np.ndarray, of_targets: TargetProbabilities) -> np.ndarray:
    """A family's predictor, from what it gives target words: see `predictor.family_probabilities`.

    Source words and the ends of sentences are predicted by the family `lexicon`, whose predictor gets the same rows
    with other target words: the ith one where the ith source word stands at the same place.
    """
    L, R = config.num_source_words, config.num_target_words
    words, lengths, targets, is_target, shot, place = read_sentences(config, tokens)
    N, _, T = words.shape
    at = shot * T + np.clip(place, 0, T - 1)  # (N, S): each token's place among all K·T
    in_place = L + np.take_along_axis(words.reshape(N, -1), at, axis=1)  # (N, S)
    is_within = is_target & (place < np.take_along_axis(lengths, shot, axis=1))  # (N, S), not beyond the source's end
    probabilities = next_token_probabilities(config, np.where(is_within, in_place, tokens))  # (N, S, V)

    expected = of_targets(words, lengths, targets)  # (N, K·T, R)
    target = np.where(is_target, tokens - L, 0)  # (N, S)
    possible = expected[np.arange(N)[:, None], at, target] > 0  # (N, S)
    wrong = is_target & ~possible
    if wrong.any():
        row = int(wrong.any(1).argmax())
        t = int(wrong[row].argmax())
        raise ValueError(f"row {row} is no episode of this family: token {tokens[row, t]} can't stand at position {t}")
    # After ␂ or a target word comes the next target word, if the source sentence has more words.
    after = np.where(is_target, place + 1, 0)
    is_followed = (is_target | (tokens == config.stx)) & (after < np.take_along_axis(lengths, shot, axis=1))
    rows, columns = is_followed.nonzero()
    probabilities[rows, columns, L : L + R] = expected[rows, shot[is_followed] * T + after[is_followed]]
    return probabilities


def read_sentences(config: Language, tokens: np.ndarray) -> tuple[np.ndarray, ...]:
    """(N, S) tokens as sentences, whether or not the rows are episodes.

    Returns:
        words (N, K, T); lengths (N, K); targets (N, K, T), R where there is none yet; and three (N, S) arrays of the
        tokens: is it a target word, the number of its sentence, and its place in the sentence or the translation.
    """
    L, R, T = config.num_source_words, config.num_target_words, config.length_range[1]
    columns = np.arange(tokens.shape[1])
    opens, turns = tokens == config.soh, tokens == config.stx
    is_source, is_target = tokens < L, (tokens >= L) & (tokens < L + R)
    shot = np.maximum(opens.cumsum(1) - 1, 0)  # (N, S)
    # (N, S): the column of the last ␁ or ␂.
    opened = np.maximum.accumulate(np.where(opens | turns, columns, 0), axis=1)
    place = columns - opened - 1  # (N, S)
    at = np.clip(place, 0, T - 1)  # too many words are found wrong later
    K = int(shot.max(initial=0)) + 1
    words, targets = np.zeros((len(tokens), K, T), int), np.full((len(tokens), K, T), R)
    lengths = np.zeros((len(tokens), K), int)
    rows = np.broadcast_to(np.arange(len(tokens))[:, None], tokens.shape)
    words[rows[is_source], shot[is_source], at[is_source]] = tokens[is_source]
    targets[rows[is_target], shot[is_target], at[is_target]] = tokens[is_target] - L
    np.add.at(lengths, (rows[is_source], shot[is_source]), 1)
    return words, np.minimum(lengths, T), targets, is_target, shot, place
