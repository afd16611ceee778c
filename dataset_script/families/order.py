"""Languages with a word order of their own: every word has one translation, and the order says where it stands.

    ␁ s4 s0 s2 ␂ t3 t5 t1   ␁ s2 s4 ␂ t1 t3 …        reversed: t1 = s4, t5 = s0, t3 = s2

A language is a lexicon and an order, a permutation of the places that is defined for every length (`ORDERS`). Each
source word is translated exactly once.

The exact predictor's prior is uniform over orders and injections: `hypotheses` has it. Costs are computed faster from
what was drawn, and a test holds both equal. An order is *alive* as long as some injection agrees with all translations
so far under it; that is so if two target words are equal exactly where their source words are. All orders that are
alive have the same posterior probability, as under each of them the same number of new words was guessed. Under one
order the next target word is certain if its source word was translated before, and else uniform over the R − d target
words not used yet. The prediction is the mean over the orders that are alive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

import numpy as np

from dataset_script.arrays import (
    Array,
    arange_like,
    as_type,
    count_before,
    first_positions,
    full_like,
    look_up,
    table_like,
    take_along,
    where,
)
from dataset_script.costs import CostedSentences, OneClassSentences
from dataset_script.families.contract import COMMON_KNOBS, Language, check_names
from dataset_script.families.planned import PlannedLanguage, Said, Setting, forms_of_one_class
from dataset_script.lexicons import draw_lexicons
from dataset_script.sources import draw_sentences

ORDERS: dict[str, Callable[[int], list[int]]] = {
    "straight": lambda n: list(range(n)),
    "reversed": lambda n: list(range(n))[::-1],
    "last_first": lambda n: [n - 1, *range(n - 1)],
    "first_last": lambda n: [*range(1, n), 0],
    "pairs_swapped": lambda n: [min(i ^ 1, n - 1) if i % 2 == 0 else i - 1 for i in range(n)],
    "ends_swapped": lambda n: [n - 1, *range(1, n - 1), 0][-n:],
}
"""By name: for a sentence of n words, the source place of the first target word, of the second, …"""


@dataclass(frozen=True)
class OrderConfig(PlannedLanguage):
    """The languages of the family `order`: besides the knobs of `Language`, theirs is

    Args:
        orders: names of the orders that a language may have, of straight, reversed, last_first, first_last,
            pairs_swapped and ends_swapped.
    """

    orders: tuple[str, ...] = tuple(ORDERS)

    family: ClassVar[str] = "order"
    first_knobs: ClassVar[tuple[str, ...]] = (*COMMON_KNOBS, "orders")
    run_knobs: ClassVar[frozenset[str]] = Language.run_knobs | {"orders"}
    phenomena: ClassVar[tuple[str, ...]] = ("order",)
    order_switches: ClassVar[tuple[str, ...]] = ("order",)
    translates: ClassVar[str] = (
        "Every word has one translation, and a language says them in one order: straight, reversed, last word first, "
        "first word last, pairs of neighbours swapped, or ends swapped"
    )
    limits: ClassVar[str] = (
        "Words of several tokens, one word with two translations, an order that depends on the words: it knows "
        "one-to-one lexicons and a few orders."
    )
    is_capturable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "orders", check_names("orders", self.orders, ORDERS))
        super().__post_init__()

    @property
    def class_sizes(self) -> tuple[int, ...]:
        return (self.num_source_words,)

    @property
    def switches(self) -> dict[str, tuple[str, ...]]:
        return {"order": self.orders}

    def all_forms(self) -> Sequence[tuple[int, ...]]:
        return forms_of_one_class(self.length_range)

    def plan(self, form: tuple[int, ...], setting: Setting) -> Sequence[Said]:
        return [Said("order", place) for place in ORDERS[setting["order"]](len(form))]

    @property
    def max_target_length(self) -> int:
        return self.length_range[1]

    def sample(self, keys: Array, split: str) -> CostedSentences:
        if self.changes:
            return super().sample(keys, split)
        lexicons = as_type(draw_lexicons(self, split, keys), self.word_dtype)
        return OrderEpisodes(self, keys, *draw_sentences(self, keys), lexicons, self.draw_settings(keys, split))


# Below, O is the number of orders, and "said" means in the order of the translation.


@lru_cache(maxsize=32)
def _places(config: OrderConfig) -> np.ndarray:
    """(O, T + 1, T): the source place by order, sentence length and target place; beyond the length, that place."""
    T = config.length_range[1]
    table = np.tile(np.arange(T), (len(config.orders), T + 1, 1))
    for order, name in enumerate(config.orders):
        for length in range(1, T + 1):
            table[order, length, :length] = ORDERS[name](length)
    return table


def _as_said(words: Array, places: Array) -> Array:
    """(N, K, T) words and (N, K, T) places → (N, K, T): the words at these places of their sentences."""
    N, K, T = words.shape
    return take_along(words.reshape(N * K, T), places.reshape(N * K, T)).reshape(N, K, T)


@dataclass
class OrderEpisodes(OneClassSentences):
    """Episodes of this family, with the variables that were drawn.

    Attributes:
        lexicons: (N, L), the target word of every source word.
        order: (N,), the number of each language's order among the config's.
    """

    lexicons: Array
    order: Array

    @property
    def latents(self) -> dict[str, Array]:
        return {"lexicon": self.lexicons, "order": self.order}

    @cached_property
    def said(self) -> Array:
        """(N, K, T) source words in the order of their translations."""
        places = table_like(self.words, _places(self.config))[self.order[:, None], self.every_length]
        return _as_said(self.words, places)

    @cached_property
    def targets(self) -> Array:
        N, K, T = self.words.shape
        return take_along(self.lexicons, self.said.reshape(N, K * T)).reshape(N, K, T)

    def _flat(self, symbols: Array, other: int) -> Array:
        """(N, K, T) → (N, K·T), with the symbol `other` at places beyond their sentence."""
        symbols = symbols if self.lengths is None else where(self.in_sentence, symbols, other)
        return symbols.reshape(len(self), self.words.shape[1] * self.words.shape[2])

    @cached_property
    def _hypotheses(self) -> tuple[Array, Array, Array, Array]:
        """Four (N, K, T) int64 counts for every target word: the orders alive before it that predict it for certain,
        those alive for which it is one of the unused words, all that are alive, and the distinct target words before.
        """
        L, R = self.config.num_source_words, self.config.num_target_words
        first_target = first_positions(R + 1, self._flat(self.targets, R))  # (N, K·T), as all that follows
        positions = arange_like(self.words, 0, first_target.shape[1])
        real = self.in_sentence.reshape(first_target.shape)
        certain, guessed, alive = (full_like(self.words, tuple(real.shape), 0) for _ in range(3))
        for places in table_like(self.words, _places(self.config)):  # (T + 1, T), of one order
            first_word = first_positions(L + 1, self._flat(_as_said(self.words, places[self.every_length]), L))
            # Words are equal where their translations are, as far as this place.
            agrees = (first_word == first_target) | ~real
            is_alive = count_before(~agrees) == 0
            is_new = first_word == positions
            alive = alive + is_alive
            certain = certain + (is_alive & agrees & ~is_new)
            guessed = guessed + (is_alive & agrees & is_new)
        known = count_before((first_target == positions) & real)
        return tuple(counts.reshape(self.words.shape) for counts in (certain, guessed, alive, known))

    @property
    def said_units(self) -> Array:
        return self.said

    @cached_property
    def heard(self) -> Array:
        words = self._flat(self.said, self.config.num_source_words)  # (N, K·T)
        first = first_positions(self.config.num_source_words + 1, words)
        return (first != arange_like(self.words, 0, words.shape[1])).reshape(self.words.shape)

    @cached_property
    def bayes_nll(self) -> Array:
        source, turn = self.source_nll
        target = look_up(_target_nll(self.config), *self._hypotheses)  # (N, K, T)
        return self.lay_out(0.0, source, turn, target, end=0.0, pad=0.0, dtype="float32")


@lru_cache(maxsize=32)
def _target_nll(config: OrderConfig) -> np.ndarray:
    """(O + 1, O + 1, O + 1, R + 1) float32: the cost of a target word, by the four counts of `_hypotheses`."""
    counts = np.arange(len(config.orders) + 1)
    left = np.maximum(config.num_target_words - np.arange(config.num_target_words + 1), 1)  # unused words
    certain, guessed, alive = counts[:, None, None, None], counts[:, None, None], counts[:, None]
    with np.errstate(divide="ignore"):  # combinations that can't be have probability 0
        return -np.log((certain + guessed / left) / np.maximum(alive, 1)).astype(np.float32)
