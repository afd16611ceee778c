"""The exact predictor of families of plans, on rows of tokens that are of one family, or of any of several.

Rows are read as sentence pairs. `hypotheses` predicts translations, `forms` source sentences; which family an episode
is of, both tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dataset_script.arrays import Array
from dataset_script.forms import NONE, next_source_probabilities
from dataset_script.hypotheses import Heard, Predictions, predict

if TYPE_CHECKING:
    from dataset_script.families.contract import Language
    from dataset_script.families.planned import PlannedLanguage

IMPOSSIBLE = -1e4
"""In nats: the logarithm of a probability of 0, so that sums of them have differences."""


@dataclass(frozen=True)
class TokenPlaces:
    """Where tokens stand in their pairs: (N, S) each.

    Attributes:
        is_target, turns, closes: is it a target word, does it end a source sentence, does it end a translation?
        pair: the number of its pair; of a token that ends a translation, that translation's.
        place: in the source sentence or in the translation.
    """

    is_target: np.ndarray
    turns: np.ndarray
    closes: np.ndarray
    pair: np.ndarray
    place: np.ndarray


def read_pairs(components: Sequence[PlannedLanguage], tokens: np.ndarray) -> tuple[Heard, TokenPlaces]:
    """(N, S) tokens as sentence pairs, whether or not the rows are episodes; the components' alphabet is the same."""
    N, S = tokens.shape
    config = components[0]
    L, R = config.num_source_words, config.num_target_words
    T, P = (
        max(lengths) for lengths in zip(*((c.length_range[1], c.max_target_length) for c in components), strict=True)
    )
    opens, turns = tokens == config.soh, tokens == config.stx
    is_source, is_target = tokens < L, (tokens >= L) & (tokens < L + R)
    pair = np.maximum(opens.cumsum(1) - 1, 0)  # (N, S)
    columns = np.arange(S)
    opened = np.maximum.accumulate(np.where(opens | turns, columns, 0), axis=1)  # the column of the last ␁ or ␂
    place = columns - opened - 1
    K = int(pair.max(initial=0)) + 1
    rows = np.broadcast_to(np.arange(N)[:, None], tokens.shape)
    words, targets = np.zeros((N, K, T), int), np.full((N, K, P), -1)
    said, translated = is_source & (place < T), is_target & (place < P)  # too many words are found wrong later
    words[rows[said], pair[said], place[said]] = tokens[said]
    targets[rows[translated], pair[translated], place[translated]] = tokens[translated] - L
    lengths = np.zeros((N, K), int)
    np.add.at(lengths, (rows[said], pair[said]), 1)
    turned, closed = np.zeros((N, K), bool), np.zeros((N, K), bool)
    turned[rows[turns], pair[turns]] = True
    closes = opens & (opens.cumsum(1) > 1)
    closed[rows[closes], pair[closes] - 1] = True
    pair = np.where(closes, pair - 1, pair)
    place = np.where(closes, (targets >= 0).sum(2)[rows, pair], place)
    return Heard(words, lengths, turned, targets, closed), TokenPlaces(is_target, turns, closes, pair, place)


def _costs_of_tokens(came: np.ndarray, of_token: TokenPlaces) -> np.ndarray:
    """(N, K, P + 1) probabilities of what came → (N, S) float32: the costs of target words and translations' ends."""
    counted = of_token.is_target | of_token.closes
    rows, columns = counted.nonzero()
    nll = np.zeros(counted.shape, np.float32)
    with np.errstate(divide="ignore"):
        nll[rows, columns] = -np.log(came[rows, of_token.pair[rows, columns], of_token.place[rows, columns]])
    return nll


def mixture_probabilities(components: Sequence[PlannedLanguage], tokens: np.ndarray) -> np.ndarray:
    """`predictor.family_probabilities` where an episode is of one of several families, all equally probable:
    (N, S) → (N, S, V).

    Args:
        components: the families' configs, of the same alphabet.
    """
    config = components[0]
    L, R = config.num_source_words, config.num_target_words
    predicted, sources, of_token = _predict(components, tokens, whole=True)
    words, ends = sources.mixture(predicted.components)
    p = np.zeros((*tokens.shape, config.vocab_size))
    p[..., :L], p[..., config.stx] = words, ends
    rows, columns = (of_token.is_target | of_token.turns).nonzero()
    after = np.where(of_token.is_target, of_token.place + 1, 0)[rows, columns]
    symbols: Array = predicted.symbols
    P = symbols.shape[2] - 1
    ahead = symbols[rows, of_token.pair[rows, columns], np.minimum(after, P)] * (after <= P)[:, None]
    p[rows, columns, L : L + R] = ahead[:, :R]
    p[rows, columns, config.soh] = ahead[:, -1]
    p[tokens == config.pad, config.pad] = 1
    _refuse_impossible(config, tokens, p)
    return p


def mixture_costs(components: Sequence[PlannedLanguage], tokens: np.ndarray) -> np.ndarray:
    """What each token costs the predictor of `mixture_probabilities`: (N, S) float32, in nats; 0 at the first one."""
    predicted, sources, of_token = _predict(components, tokens, whole=False)
    nll = _costs_of_tokens(predicted.came, of_token)
    counted = (tokens < components[0].num_source_words) | of_token.turns
    with np.errstate(divide="ignore"):
        nll[counted] = -np.log(sources.came(predicted.components)[counted])
    return nll + 0  # −0 is 0


def hypotheses_alive(components: Sequence[PlannedLanguage], tokens: np.ndarray) -> np.ndarray:
    """(N, K): the hypotheses that the predictor of `mixture_probabilities` holds before each pair's translation."""
    return _predict(components, tokens, whole=False)[0].alive


def _predict(
    components: Sequence[PlannedLanguage], tokens: np.ndarray, whole: bool
) -> tuple[Predictions, _Sources, TokenPlaces]:
    """What `hypotheses.predict` says of the pairs that the tokens are, and what was read of them."""
    heard, of_token = read_pairs(components, tokens)
    sources = _Sources(components, tokens)
    plans = [component.plans for component in components]
    return predict(plans, heard, sources.likelihood(heard.turned), whole), sources, of_token


class _Sources:
    """What each component's source sentences are like. Rows are read without their translations here: as Q tokens, the
    most that a row has, each a ␁, a source word or a ␂; and a row's tokens are followed by ␁, which change nothing.

    Args:
        components: C configs. tokens: (N, S).

    Attributes:
        rows, columns: (M,) each, where these tokens stand in the rows given.
        places: (M,), where they stand among the Q.
        words, ends: (C, N, Q, L) and (C, N, Q), the probabilities of the next word and of the sentence's end.
        came_by_component: (C, N, Q), the probability of each source word or end before it came; 1 of other tokens.
    """

    def __init__(self, components: Sequence[PlannedLanguage], tokens: np.ndarray) -> None:
        config = components[0]
        L = config.num_source_words
        is_read = (tokens < L) | (tokens == config.soh) | (tokens == config.stx)
        self.shape = tokens.shape
        self.rows, self.columns = is_read.nonzero()
        self.places = (is_read.cumsum(1) - 1)[self.rows, self.columns]
        read = np.full((len(tokens), int(is_read.sum(1).max(initial=1))), config.soh)  # (N, Q)
        read[self.rows, self.places] = tokens[self.rows, self.columns]
        self.opens, self.is_source, self.turns = read == config.soh, read < L, read == config.stx
        self.sentence = np.maximum(self.opens.cumsum(1) - 1, 0)  # (N, Q): the number of the pair at hand
        words = np.where(self.is_source, read, NONE)
        each = [
            next_source_probabilities(c.forms, words, self.opens, c.active_range, c.word_repetition)
            for c in components
        ]
        self.words, self.ends = (np.stack(parts) for parts in zip(*each, strict=True))
        before = np.take_along_axis(self.words[:, :, :-1], np.maximum(words, 0)[None, :, 1:, None], -1)[..., 0]
        came = np.where(self.is_source[:, 1:], before, np.where(self.turns[:, 1:], self.ends[:, :, :-1], 1))
        self.came_by_component = np.concatenate([np.ones((*came.shape[:2], 1)), came], 2)

    def likelihood(self, turned: np.ndarray) -> np.ndarray:
        """(C, N, K): the probability of each source sentence and its end, given those before; 1 until it ends."""
        C, N, _ = self.came_by_component.shape
        total = np.ones((C, N, turned.shape[1]))
        rows, places = (self.is_source | self.turns).nonzero()
        for c in range(C):
            np.multiply.at(total[c], (rows, self.sentence[rows, places]), self.came_by_component[c, rows, places])
        return np.where(turned, total, 1)

    def _weights(self, posterior: np.ndarray) -> np.ndarray:
        """(C, N, Q): the posterior of each component after each token of a source sentence.

        Args:
            posterior: (N, K, C), before each pair.
        """
        with np.errstate(divide="ignore"):
            log_came = np.log(self.came_by_component)
        log_came = np.maximum(log_came, IMPOSSIBLE)
        so_far = log_came.cumsum(2)
        places = np.arange(self.opens.shape[1])
        opened = np.maximum.accumulate(np.where(self.opens, places, 0), axis=1)  # (N, Q): the place of the last ␁
        within = so_far - np.take_along_axis(so_far, np.broadcast_to(opened, so_far.shape), 2)
        rows = np.arange(len(self.opens))[:, None]
        sentence = np.minimum(self.sentence, posterior.shape[1] - 1)  # of what fills a row up
        weights = posterior[rows, sentence].transpose(2, 0, 1) * np.exp(within)
        return weights / np.maximum(weights.sum(0), 1e-300)

    def mixture(self, posterior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """After each token of a source sentence, the probabilities of the next word, (N, S, L), and of the sentence's
        end, (N, S); 0 after other tokens.
        """
        weights = self._weights(posterior) * (self.is_source | self.opens)
        return (
            self._in_rows(np.einsum("cnq,cnql->nql", weights, self.words)),
            self._in_rows((weights * self.ends).sum(0)),
        )

    def came(self, posterior: np.ndarray) -> np.ndarray:
        """(N, S): the probability of each source word, and of the end of the sentence, before it came; 0 of others."""
        weights = self._weights(posterior)[:, :, :-1]
        came = np.pad((weights * self.came_by_component[:, :, 1:]).sum(0), ((0, 0), (1, 0)))
        return self._in_rows(came * (self.is_source | self.turns))

    def _in_rows(self, x: np.ndarray) -> np.ndarray:
        """(N, Q, …) → (N, S, …), 0 where rows have other tokens."""
        spread = np.zeros((*self.shape, *x.shape[2:]))
        spread[self.rows, self.columns] = x[self.rows, self.places]
        return spread


def _refuse_impossible(config: Language, tokens: np.ndarray, p: np.ndarray) -> None:
    """Raises ValueError if a row holds a token of probability 0; the message names the first."""
    first = np.zeros((len(tokens), 1, config.vocab_size))
    first[:, :, config.soh] = 1
    came = np.take_along_axis(np.concatenate([first, p[:, :-1]], 1), tokens[..., None], -1)[..., 0]
    wrong = (came == 0) & (tokens != config.pad)
    if wrong.any():
        row = int(wrong.any(1).argmax())
        t = int(wrong[row].argmax())
        raise ValueError(f"row {row} is no episode of this family: token {tokens[row, t]} can't stand at position {t}")
