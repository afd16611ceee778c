"""The post's family: every word has one translation, at the same place.

    ␁ s4 s0 s4 ␂ t1 t5 t1   ␁ s2 s4 s1 ␂ t3 t1 t0   …   ␁

A language is a lexicon and nothing else. Source: the generator of "Meta Sequence Transducer" by Volodymyr Kyrylov,
12 October 2023 ("the post"), https://proger.github.io/posts/meta/transducer.html

The exact predictor's prior is uniform over all injections of L words into R. It knows neither the language, nor the
active words, nor which lexicons are held out. A source word is *new* until it has occurred. After d distinct words the
translation of a new word costs ln(R − d) nats, that of any other 0. Source sentences cost what `sources` says; ␁ and
the ␂ after a sentence of fixed length cost nothing.

The predictor is implemented three times, and tests hold the three equal: `LexiconEpisodes.bayes_nll` computes costs
from what was drawn (fast), `next_token_probabilities` reads raw tokens and gives whole distributions, and
`expected_nll` is the average in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

import numpy as np

from dataset_script.arrays import (
    Array,
    arange_like,
    as_type,
    concatenate,
    full_like,
    look_up,
    take_along,
    where,
)
from dataset_script.costs import OneClassSentences
from dataset_script.families.contract import ExpectedNll, Language
from dataset_script.lexicons import draw_lexicons
from dataset_script.sources import cost, draw_sentences, source_probabilities, stop_nll


@dataclass(frozen=True)
class LexiconConfig(Language):
    __doc__ = Language.__doc__

    family: ClassVar[str] = "lexicon"
    translates: ClassVar[str] = "A word stands at the same place as its translation"
    limits: ClassVar[str] = (
        "Words of several tokens, another word order, one word with two translations: it knows languages of one "
        "family only, one-to-one lexicons."
    )
    is_in_place: ClassVar[bool] = True
    is_capturable: ClassVar[bool] = True

    def _stream_family(self) -> str:
        return ""  # streams of this family were named before there were others

    def sample(self, keys: Array, split: str) -> LexiconEpisodes:
        lexicons = as_type(draw_lexicons(self, split, keys), self.word_dtype)
        return LexiconEpisodes(self, keys, *draw_sentences(self, keys), lexicons)

    def next_token_probabilities(self, input_ids: np.ndarray) -> np.ndarray:
        return next_token_probabilities(self, input_ids)

    def expected_nll(self) -> ExpectedNll:
        return expected_nll(self)


@dataclass
class LexiconEpisodes(OneClassSentences):
    """Episodes of the post's family, with the variables that were drawn.

    Attributes:
        lexicons: (N, L), the target word of every source word.
    """

    lexicons: Array

    @property
    def latents(self) -> dict[str, Array]:
        return {"lexicon": self.lexicons}

    @cached_property
    def targets(self) -> Array:
        N, K, T = self.words.shape
        return take_along(self.lexicons, self.words.reshape(N, K * T)).reshape(N, K, T)

    @property
    def heard(self) -> Array:
        return ~self.is_new

    @property
    def said_units(self) -> Array:
        return self.words

    @cached_property
    def determined(self) -> Array:
        return self.lay_out_targets(self.heard & self.in_sentence)

    @cached_property
    def eliminated(self) -> Array:
        last_left = self.num_known == self.config.num_target_words - 1
        return self.lay_out_targets(self.is_new & last_left)

    @cached_property
    def target_probabilities(self) -> Array:
        N, K, T = self.words.shape
        words, real = self.targets.reshape(N, K * T, 1), self.in_sentence.reshape(N, K * T, 1)
        said = (words == arange_like(words, 0, self.config.num_target_words)) & real  # (N, K·T, R)
        unused = as_type(said, "int16").cumsum(1) - as_type(said, "int16") == 0
        left = self.config.num_target_words - self.num_known.reshape(N, K * T, 1)
        guess = unused / (left + (left == 0))  # where none is left, no word is new
        p = where(self.is_new.reshape(N, K * T, 1), guess, as_type(said, "float32"))
        number = arange_like(words, 0, N * K * T).reshape(N, K, T)
        number = self.lay_out(-1, -1, -1, number, end=-1, pad=-1, dtype="int64")  # (N, S): of the target word
        p = as_type(p, "float32").reshape(N * K * T, -1)[where(number < 0, 0, number)]  # (N, S, R)
        p = p * (number >= 0)[..., None]
        return concatenate([p, full_like(p, (*p.shape[:2], 1), 0.0, "float32")])  # no ␁ ever ends one too early

    @cached_property
    def bayes_nll(self) -> Array:
        source, turn = self.source_nll
        target = look_up(_target_nll_table(self.config), self.is_new, self.num_known)  # (N, K, T)
        return self.lay_out(0.0, source, turn, target, end=0.0, pad=0.0, dtype="float32")


@lru_cache(maxsize=32)
def _target_nll_table(config: LexiconConfig) -> np.ndarray:
    """(2, L + 1) float32: the cost of a target word, by whether its source word is new and by the number of distinct
    source words before.
    """
    return np.stack([np.zeros(config.num_source_words + 1), _new_target_nll(config)]).astype(np.float32)


def _new_target_nll(config: LexiconConfig) -> np.ndarray:
    """(L + 1,): the cost of a new word's translation, by the number of distinct source words before."""
    left = config.num_target_words - np.arange(config.num_source_words + 1)
    return np.log(np.maximum(left, 1))  # at d = L there is no new word


def next_token_probabilities(config: Language, tokens: np.ndarray) -> np.ndarray:
    """`predictor.family_probabilities`, token by token, for all rows side by side: (N, S) → (N, S, V)."""
    N, S = tokens.shape
    L, R, V = config.num_source_words, config.num_target_words, config.vocab_size
    m, M = config.length_range
    r = config.word_repetition
    new, seen = source_probabilities(L, config.active_range, S + 1, r)  # (words before, distinct words before) each
    rows = np.arange(N)
    # What each row has told so far.
    translation = np.full((N, L), -1)  # −1: not translated yet
    used = np.zeros((N, R), bool)  # is it the translation of some word?
    occurred = np.zeros((N, L), int)  # how often each word did
    num_words = np.zeros(N, int)
    sentence = np.zeros((N, M), int)  # the source sentence at hand
    length, place = np.zeros(N, int), np.zeros(N, int)  # its words so far, and how many of them are translated
    reading = np.zeros(N, bool)  # is the row within a source sentence, rather than in its translation?
    probabilities = np.zeros((N, S, V))
    expected = np.zeros((N, V))  # of the next token
    expected[:, config.soh] = 1
    for t in range(S):
        token = tokens[:, t]  # (N,), as most that follows
        real = token != config.pad
        wrong = real & (expected[rows, token] == 0)
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"row {row} is no episode of this family: token {token[row]} can't stand at position {t}")
        # Update the state by the token.
        opens, turns = token == config.soh, token == config.stx
        reading = np.where(opens, True, np.where(turns, False, reading))
        length, place = np.where(opens, 0, length), np.where(opens | turns, 0, place)
        is_source = token < L
        sentence[rows[is_source], length[is_source]] = token[is_source]
        occurred[rows[is_source], token[is_source]] += 1
        length, num_words = length + is_source, num_words + is_source
        is_target = (token >= L) & (token < L + R)
        translated = sentence[rows, np.minimum(place, M - 1)]
        translation[rows[is_target], translated[is_target]] = token[is_target] - L
        used[rows[is_target], token[is_target] - L] = True
        place = place + is_target
        # Predict the next token.
        expected = np.zeros((N, V))
        expected[~real, config.pad] = 1
        source_next = real & reading & (length < M)
        stop = np.where(length < m, 0.0, 1 / (M - np.minimum(length, M) + 1))  # P(the source sentence ends here)
        num_seen = (occurred > 0).sum(-1)
        of_seen, of_new = seen[num_words, num_seen][:, None], new[num_words, num_seen][:, None]  # (N, 1) each
        word = np.where(occurred > 0, (1 + r * occurred) * of_seen, of_new)  # (N, L)
        expected[source_next, :L] = (word * (1 - stop[:, None]))[source_next]
        expected[real & reading, config.stx] = stop[real & reading]
        target_next = real & ~reading & (place < length)
        source_word = sentence[rows, np.minimum(place, M - 1)]
        known = translation[rows, source_word]
        guess = ~used / np.maximum(R - used.sum(-1), 1)[:, None]  # (N, R), for a new word
        certain = np.eye(R)[np.maximum(known, 0)]  # (N, R), for a word that was translated before
        expected[target_next, L : L + R] = np.where((known >= 0)[:, None], certain, guess)[target_next]
        expected[real & ~reading & (place == length), config.soh] = 1
        probabilities[:, t] = expected
    return probabilities


def expected_nll(config: LexiconConfig) -> ExpectedNll:
    """The exact predictor's expected costs in closed form, averaged over the numbers of active words and lengths.

    The number d of distinct words is a Markov chain: with a active words and repetition r, the next word after n takes
    d to d + 1 with probability (a − d) / (a + r n). So is the number c of times that a given active word has occurred,
    which takes a step with probability (1 + r c) / (a + r n), and says what repeated words cost less.
    """
    L, K, r = config.num_source_words, config.num_pairs, config.word_repetition
    (m, M), (a_min, a_max) = config.length_range, config.active_range
    num_words = K * M + 1
    # By n, the number of words before: the expected cost of a source word, and of its translation.
    target_cost, source_cost = np.zeros(num_words), np.zeros(num_words)
    new, seen = source_probabilities(L, config.active_range, num_words, r)  # (n, d) each
    source_new, source_seen = cost(new), cost(seen)  # (n, d) each
    target_new = _new_target_nll(config)  # (d,)
    d, c = np.arange(L + 1), np.arange(num_words + 1)
    for a in range(a_min, a_max + 1):
        distinct = np.zeros(L + 1)  # (d,): P(d distinct words so far)
        distinct[0] = 1
        times = np.zeros(num_words + 1)  # (c,): P(a given active word occurred c times so far)
        times[0] = 1
        for n in range(num_words):
            p_new = np.clip((a - d) / (a + r * n), 0, 1)  # (d,)
            again = times * (1 + r * c) / (a + r * n)  # (c,): P(so often, and it is the next word)
            source_cost[n] -= a * (again @ np.log1p(r * c)) / (a_max - a_min + 1)
            times = times - again
            times[1:] += again[:-1]
            grows, stays = distinct * p_new, distinct * (1 - p_new)  # (d,) each: the next word is new, or is not
            target_cost[n] += grows @ target_new / (a_max - a_min + 1)
            source_cost[n] += np.sum(grows[grows > 0] * source_new[n][grows > 0]) / (a_max - a_min + 1)
            source_cost[n] += np.sum(stays[stays > 0] * source_seen[n][stays > 0]) / (a_max - a_min + 1)
            distinct = stays
            distinct[1:] += grows[:-1]
    end_nll, go_on_nll = stop_nll((m, M))  # (M + 1,) each, as the next two
    lengths = np.zeros(M + 1)  # P(a sentence has i words)
    lengths[m:] = 1 / (M - m + 1)
    longer = 1 - np.cumsum(lengths)  # P(it has more than i words)
    delimiter = K * np.sum(lengths[m:] * end_nll[m:])
    go_on = K * np.sum(longer[:M] * go_on_nll[:M])
    before = np.zeros(num_words)  # (n,): P(the earlier sentences have n words together)
    before[0] = 1
    target_by_shot, source = np.zeros(K), go_on
    for shot in range(K):
        for i in range(M):
            reached = longer[i] * before[: num_words - i]  # P(there is a word at place i, with n + i words before it)
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
