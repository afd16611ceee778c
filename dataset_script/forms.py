"""Source sentences whose words are of several classes: their forms, how they are drawn, and what they cost.

The source alphabet is divided into blocks, the classes. A sentence's *form* is the sequence of its words' classes:

    form  (ARTICLE, NOUN, VERB, ADJECTIVE, NOUN)      words  the dog see red cat

A sentence draws its length, then its form, uniformly among those of that length, then a word of each class, as
`sources` says: every class has an urn of its own. The exact predictor knows which forms there are. It weighs those
that begin as the sentence does, and of the word's class it holds the posterior of `sources`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dataset_script.arrays import (
    Array,
    as_type,
    count_before,
    full_like,
    look_up,
    table_like,
    take_along,
    where,
)
from dataset_script.sources import PURPOSE_LENGTHS, draw_words, source_probabilities
from dataset_script.streams import draw_below, index_keys

NONE = -1
"""The class of a place beyond its sentence's end, and the form that a sentence of no form has."""

PURPOSE_FORMS = 7  # of draws, beside those of `lexicons`, `sources` and `text`, and of a family's own


@dataclass(frozen=True, eq=False)
class Forms:
    """The forms of a family's sentences, as tables.

    Attributes:
        sizes: words of each class, in the order of their blocks.
        classes: (F, T) int64, the class of each place of each form; NONE beyond its end. Shorter forms come first.
        lengths: (F,) int64.
        first, count: (T + 1,) int64 each, by length: the first form of that length, and how many there are.
        following: (nodes, C) int64: after the classes that a node stands for, the node of those and one more; NONE
            where no form goes on so. Node 0 is the beginning of a sentence.
        probabilities: (nodes, C + 1): of the next class, and at last of the end.
        form_at: (nodes,) int64: the form that ends here, or NONE.
    """

    sizes: tuple[int, ...]
    classes: np.ndarray
    lengths: np.ndarray
    first: np.ndarray
    count: np.ndarray
    following: np.ndarray
    probabilities: np.ndarray
    form_at: np.ndarray

    @property
    def offsets(self) -> np.ndarray:
        """(C,): the first word of each class."""
        return np.cumsum([0, *self.sizes[:-1]])

    @property
    def class_of_word(self) -> np.ndarray:
        """(L,): the class of each source word."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @property
    def nodes(self) -> np.ndarray:
        """(F, T + 1): the node before each place of each form, and at its end; NONE beyond."""
        F, T = self.classes.shape
        nodes = np.full((F, T + 1), NONE)
        nodes[:, 0] = 0
        for place in range(T):
            goes_on = self.classes[:, place] != NONE
            nodes[goes_on, place + 1] = self.following[nodes[goes_on, place], self.classes[goes_on, place]]
        return nodes

    def most_words(self, of_class: int, num_pairs: int) -> int:
        """The most words of a class that an episode can have."""
        return num_pairs * int((self.classes == of_class).sum(1).max(initial=0))


def make_forms(sizes: Sequence[int], forms: Sequence[Sequence[int]], length_range: tuple[int, int]) -> Forms:
    """The tables of those forms whose lengths are in the range.

    Args:
        sizes: words of each class. forms: the classes of their places.

    Raises:
        ValueError: there is a length that no form has.
    """
    m, M = length_range
    kept = sorted((form for form in forms if m <= len(form) <= M), key=len)
    lengths = np.array([len(form) for form in kept], dtype=np.int64)
    count = np.bincount(lengths, minlength=M + 1) if len(kept) else np.zeros(M + 1, dtype=np.int64)
    missing = [length for length in range(m, M + 1) if count[length] == 0]
    if missing:
        possible = sorted({len(form) for form in forms})
        if not possible:
            raise ValueError("a family has to have a form that its sentences may have, and all_forms gives none")
        raise ValueError(
            f"sentence_length must be within {possible[0]}…{possible[-1]}: there is no sentence of {missing[0]} words"
        )
    classes = np.full((len(kept), M), NONE, dtype=np.int64)
    for number, form in enumerate(kept):
        classes[number, : len(form)] = form
    following, weights, form_at = [[NONE] * len(sizes)], [[0.0] * (len(sizes) + 1)], [NONE]
    for number, form in enumerate(kept):
        node, weight = 0, 1 / ((M - m + 1) * int(count[len(form)]))
        for of_class in form:
            weights[node][of_class] += weight
            if following[node][of_class] == NONE:
                following[node][of_class] = len(following)
                following.append([NONE] * len(sizes))
                weights.append([0.0] * (len(sizes) + 1))
                form_at.append(NONE)
            node = following[node][of_class]
        weights[node][-1] += weight
        form_at[node] = number
    table = np.array(weights)
    return Forms(
        sizes=tuple(sizes),
        classes=classes,
        lengths=lengths,
        first=np.cumsum(count) - count,
        count=count,
        following=np.array(following),
        probabilities=table / table.sum(1, keepdims=True),
        form_at=np.array(form_at),
    )


def draw_forms(forms: Forms, keys: Array, num_pairs: int, length_range: tuple[int, int]) -> Array:
    """(N,) keys → (N, K) int64 forms."""
    m, M = length_range
    lengths = m + draw_below(keys, PURPOSE_LENGTHS, num_pairs, M - m + 1)
    number = draw_below(keys, PURPOSE_FORMS, num_pairs, 1 << 31)
    return look_up(forms.first, lengths) + ((number * look_up(forms.count, lengths)) >> 31)


def draw_words_of(
    forms: Forms, keys: Array, form: Array, active_range: tuple[int, int], repetition: int, dtype: str
) -> Array:
    """(N,) keys and (N, K) forms → (N, K, T) words; 0 beyond a sentence's end.

    Args:
        active_range: (min, max) active words of each class; a class that has fewer has as many as it has.
    """
    (N, K), T = form.shape, forms.classes.shape[1]
    classes = table_like(keys, forms.classes)[form].reshape(N, K * T)
    words = full_like(keys, tuple(classes.shape), 0, dtype)
    for of_class, (size, offset) in enumerate(zip(forms.sizes, forms.offsets.tolist(), strict=True)):
        most = forms.most_words(of_class, K)
        if most == 0:
            continue
        is_of_class = classes == of_class
        if size == 1:
            words = where(is_of_class, as_type(full_like(keys, (1,), offset), dtype), words)
            continue
        active = _active_of(size, active_range)
        drawn = draw_words(index_keys(f"words of class {of_class}", keys), size, active, repetition, most, dtype)
        number = as_type(count_before(is_of_class), "int64")  # which word of the class it is
        words = where(is_of_class, take_along(drawn, where(is_of_class, number, 0)) + offset, words)
    return words.reshape(N, K, T)


def _active_of(size: int, active_range: tuple[int, int]) -> tuple[int, int]:
    """(min, max) active words of a class of this size, which can't have more than there are."""
    return min(active_range[0], size), min(active_range[1], size)


@lru_cache(maxsize=64)
def _word_tables(
    size: int, active_range: tuple[int, int], num_words: int, repetition: int
) -> tuple[np.ndarray, np.ndarray]:
    """`source_probabilities` of a class, of which there may be fewer words than are active, or none."""
    size = max(size, 1)
    return source_probabilities(size, _active_of(size, active_range), num_words + 1, repetition)


def next_source_probabilities(
    forms: Forms, tokens: np.ndarray, opens: np.ndarray, active_range: tuple[int, int], repetition: int
) -> tuple[np.ndarray, np.ndarray]:
    """After every prefix of a row, the probabilities of each source word next, (N, S, L), and of the sentence's end,
    (N, S); meant for prefixes that end within a source sentence. All are 0 where no form begins as the sentence does.

    Args:
        tokens: (N, S) source words, NONE at tokens that aren't source words.
        opens: (N, S) bool, the tokens that open a sentence.
    """
    N, S = tokens.shape
    L = sum(forms.sizes)
    is_word = tokens != NONE
    occurred = ((tokens[..., None] == np.arange(L)) & is_word[..., None]).cumsum(1, dtype=np.int16)  # (N, S, L)
    nodes, node = np.zeros((N, S), int), np.zeros(N, int)
    class_of_word = forms.class_of_word[np.where(is_word, tokens, 0)]  # (N, S)
    for t in range(S):
        node = np.where(opens[:, t], 0, node)
        goes_on = is_word[:, t] & (node != NONE)
        node = np.where(goes_on, forms.following[node, class_of_word[:, t]], node)
        nodes[:, t] = node
    following = np.where((nodes != NONE)[..., None], forms.probabilities[nodes], 0)  # (N, S, C + 1)
    words = np.zeros((N, S, L))
    most = max(1, int(is_word.sum(1).max(initial=0)))
    for number, (offset, size) in enumerate(zip(forms.offsets, forms.sizes, strict=True)):
        of_class = slice(offset, offset + size)
        times = occurred[..., of_class]
        n, d = times.sum(-1, dtype=int), (times > 0).sum(-1)  # (N, S) each
        new, seen = (table[n, d][..., None] for table in _word_tables(size, active_range, most, repetition))
        words[..., of_class] = np.where(times > 0, (1 + repetition * times) * seen, new) * following[..., [number]]
    return words, following[..., -1]


def read_forms(forms: Forms, words: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(N, K, T) words and (N, K) lengths → (N, K) forms; NONE where a sentence has none."""
    node = np.zeros(lengths.shape, int)
    for place in range(words.shape[2]):
        on = (place < lengths) & (node != NONE)
        node[on] = forms.following[node[on], forms.class_of_word[words[..., place][on]]]
    return np.where(node == NONE, NONE, forms.form_at[node])
