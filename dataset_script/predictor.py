"""The exact Bayes predictor of every family, whose loss no model can go below on average.

It knows the config, and its prior is uniform over all languages of the family. It doesn't know the language at hand,
nor the active words, nor which lexicons are held out. Each family's file implements its own; these functions ask it.
"""

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np

from dataset_script.arrays import Array
from dataset_script.episodes import Episodes, Role, is_scored, sample_episodes
from dataset_script.families.contract import ExpectedNll, Language


def bayes_nll(episodes: Episodes) -> Array:
    """The negative log-likelihood of every token under the exact predictor, in nats: (N, S) float32, aligned with
    `input_ids`; 0 at the first token, which nothing predicts, and on padding.
    """
    return episodes.bayes_nll


def family_probabilities(config: Language, input_ids: np.ndarray) -> np.ndarray:
    """The exact predictor's distribution of the next token after every prefix.

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
    return config.next_token_probabilities(tokens)


def expected_nll(config: Language) -> ExpectedNll:
    """What an episode costs the exact predictor on average, in closed form, in nats.

    Raises:
        ValueError: a family that has no closed form.
    """
    expected = config.expected_nll()
    if expected is None:
        raise ValueError(f"the family {config.family} has no closed form of its costs; average over sampled episodes")
    return expected


LEVEL_EPISODES = 2048
"""The episodes that a level is averaged over where there is no closed form; the average is good to two decimals."""


def levels(config: Language, loss_on: str) -> dict[str, float]:
    """The losses of predictors that know more and more of the family; training's loss curve has plateaus near them.

    - uniform: nothing is known, every token is equally probable.
    - unigram: the frequency of each token.
    - format only: which role comes next, but not which word.
    - sentence alone: the exact predictor if it forgets all earlier sentences.
    - words alone, words and order: who knows of earlier sentences what their words mean, or that and the order of
      words, but nothing else; of families that have switches.
    - Bayes: the exact predictor.

    Returns:
        Mean nats a scored token, by name; in closed form if the family has one, else averaged over episodes.
    """
    expected, of_one_pair = config.expected_nll(), replace(config, num_pairs=1).expected_nll()
    if expected is None or of_one_pair is None:
        return dict(_sampled_levels(config, loss_on))  # what is cached stays as it is
    K, L, R = config.num_pairs, config.num_source_words, config.num_target_words
    words = K * sum(config.length_range) / 2  # source words an episode; as many target words
    is_source_scored = float(is_scored(Role.SOURCE, loss_on))
    source, source_nll = is_source_scored * words, is_source_scored * expected.source
    # A predictor that isn't scored on source words may always say ␂ there: see `Episodes.floor`.
    delimiter_nll = is_source_scored * expected.delimiter
    length_nll = delimiter_nll + is_source_scored * expected.go_on
    predicted = source + words + 2 * K  # scored tokens an episode
    # Of ␁ and ␂, of source words and of target words: the frequency of each, and how many of them there are.
    shares = [(K / predicted, 2), (source / predicted / L, L), (words / predicted / R, R)]
    return {
        "uniform": math.log(config.vocab_size),
        "unigram": -sum(number * share * math.log(share) for share, number in shares if share > 0),
        "format only": (source * math.log(L) + words * math.log(R) + length_nll) / predicted,
        "sentence alone": (source_nll + K * of_one_pair.target + delimiter_nll) / predicted,
        "Bayes": (source_nll + expected.target + delimiter_nll) / predicted,
    }


PARTIAL_EPISODES = 256
"""The same for predictors that know a part of the language; what they cost beyond the exact one is as good."""


@lru_cache(maxsize=8)  # it takes seconds, and is asked for whenever a picture is drawn
def _sampled_levels(config: Language, loss_on: str) -> dict[str, float]:
    """`levels`, averaged over episodes."""
    episodes = sample_episodes(config, range(LEVEL_EPISODES), "validation")
    # (N, S − 1) each: of all tokens but the first, which nothing predicts.
    scored, role, is_end = episodes.scored(loss_on)[:, 1:], episodes.role[:, 1:], episodes.is_end[:, 1:]
    frequencies = np.bincount(episodes.input_ids[:, 1:][scored], minlength=config.vocab_size) / scored.sum()  # (V,)
    shares = frequencies[frequencies > 0]
    words = np.where(role == Role.SOURCE, math.log(config.num_source_words), 0.0)  # nats of a word, its role known
    following = config.num_target_words + bool(is_end.any())  # what may come in a translation: words, and its end
    words += np.where((role == Role.TARGET) | is_end, math.log(following), 0.0)
    alone = sample_episodes(replace(config, num_pairs=1), range(LEVEL_EPISODES), "validation")
    floor = float(episodes.floor(loss_on)[:, 1:][scored].mean())
    partial = config.partial_target_nll(PARTIAL_EPISODES)
    exact = partial.pop("Bayes", 0.0)
    return {
        "uniform": math.log(config.vocab_size),
        "unigram": float(-(shares * np.log(shares)).sum()),
        "format only": float(words[scored].mean()),
        "sentence alone": float(alone.floor(loss_on)[:, 1:][alone.scored(loss_on)[:, 1:]].mean()),
        **{name: floor + (nats - exact) / (float(scored.sum()) / LEVEL_EPISODES) for name, nats in partial.items()},
        "Bayes": floor,
    }
