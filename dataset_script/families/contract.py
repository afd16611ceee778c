"""The contract of a family of languages: the knobs that all families have, and what each family implements.

A family is one file with a config class (a `Language`), which draws episodes (`sample`, which gives `Episodes`) and
predicts them exactly (`next_token_probabilities`). Training, evaluation, plots, model cards, YAML files and
`load_dataset` use nothing else of a family. docs/language-families.md walks through one.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from dataset_script.arrays import Array
from dataset_script.episodes import Episodes

GENERATOR_VERSION = 1
"""Part of the name of every stream of episodes: raise it with any change that alters an episode."""

TOKEN_DTYPE = "int16"
"""The dtype of input_ids and labels, which holds −100 and all tokens of a vocabulary of MAX_VOCAB_SIZE."""

MAX_VOCAB_SIZE = 1 << 15

MAX_EPISODE_LENGTH = 1 << 20
"""Tokens. Longer episodes are surely a mistake, and a batch of them would fit no machine's memory."""

MAX_SEED = (1 << 63) - 1

MAX_REPETITION = 100
"""By then an episode hardly leaves its first word."""

SPLITS = ("train", "validation", "test")

COMMON_KNOBS = (
    *("num_pairs", "num_source_words", "num_target_words", "sentence_length", "num_active_words"),
    *("held_out_languages", "num_training_languages", "seed"),
)
"""The knobs that `Language` had when families were introduced: see `Language.first_knobs`."""


def plain(value: Any) -> Any:
    """A knob's value with Python's own integers in place of numpy's, also in a pair: a stream is named by them."""
    if isinstance(value, list | tuple):
        return type(value)(map(plain, value))
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


def check_int(name: str, value: Any, low: int, high: int | None = None, advice: str = "") -> None:
    """Raises ValueError if a knob's value, also numpy's, is no integer in [low, high]; `advice` ends the message."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"{name} must be an integer, got {value!r}{advice}")
    if int(value) < low or (high is not None and int(value) > high):
        allowed = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(f"{name} must be {allowed}, got {value}{advice}")


def check_range(name: str, value: Any, low: int, high: int | None = None) -> int | tuple[int, int]:
    """A knob's value that is an int or a pair (min, max) of ints in [low, high]; a list becomes a tuple, (n, n) n.

    Raises:
        ValueError: it is anything else.
    """
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise ValueError(f"{name} must be an integer or a pair (min, max), got {value!r}")
        for end in value:
            check_int(name, end, low, high)
        if value[0] > value[1]:
            raise ValueError(f"{name} must have its smaller end first, got {value!r}")
        return value[0] if value[0] == value[1] else tuple(value)
    check_int(name, value, low, high, "" if isinstance(value, Integral) else " (a pair is written [min, max])")
    return value


def check_fraction(name: str, value: Any) -> float:
    """A knob's value that is a fraction in [0, 1).

    Raises:
        ValueError: it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"{name} must be a fraction in [0, 1), got {value!r}")
    return float(value)


def check_names(name: str, value: Any, known: Collection[str], may_be_one: bool = False) -> tuple[str, ...]:
    """A knob's value that is a list of different names; a tuple of them.

    Args:
        known: the names that are possible.
        may_be_one: whether a single name, in no list, is a value too.

    Raises:
        ValueError: it is anything else.
    """
    names = (value,) if may_be_one and isinstance(value, str) else value
    names = tuple(names) if isinstance(names, list | tuple) else ()
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        raise ValueError(f"{name} must be a list of different names of {', '.join(known)}, got {value!r}")
    return names


@dataclass(frozen=True)
class ExpectedNll:
    """What an episode costs the exact predictor on average, in nats."""

    source: float
    """All source words of an episode together."""
    target: float
    """All target words of an episode together."""
    delimiter: float
    """All ␁ and ␂ of an episode together; 0 unless lengths are drawn."""
    go_on: float
    """The part of `source` that is the cost of knowing that a word comes, and not ␂; 0 unless lengths are drawn."""
    num_predicted: float
    """The number of predicted tokens of an episode, all but the first."""
    target_by_shot: np.ndarray
    """(K,): the cost of a target word, by shot."""

    @property
    def episode(self) -> float:
        """All tokens of an episode together."""
        return self.source + self.target + self.delimiter

    @property
    def per_token(self) -> float:
        """The mean over predicted tokens."""
        return self.episode / self.num_predicted


@dataclass(frozen=True)
class Language(ABC):
    """The distribution that episodes are drawn from: a family, and its knobs.

    A *language* is a lexicon, an injection of L source words into R target words, and what else the family lets vary.
    An *episode* shows K sentences in the source words, each followed by its translation.

    Args:
        num_pairs: K, sentence pairs an episode.
        num_source_words: L, words in the source alphabet.
        num_target_words: R ≥ L, words in the target alphabet.
        sentence_length: T, words a source sentence; with (min, max) every sentence draws its own, uniformly.
        num_active_words: how many of the L words an episode's sentences use; with (min, max) every episode draws its
            own number, uniformly; None: all L.
        word_repetition: how unevenly words occur. The next word is one of the active ones in proportion to 1 plus this
            for each time that it has occurred: at 0 all are alike, at 1 their frequencies are uniform over all that
            are possible (a flat Dirichlet distribution), above it few are frequent and many rare.
        held_out_languages: fraction of all lexicons kept from training. Half of them serve validation, half test;
            which, is decided by a hash of the lexicon alone. At 0 every split draws from all lexicons.
        num_training_languages: None, or the size of the fixed pool of lexicons that training draws from (pools are
            nested: the pool of 8 lies within the pool of 32).
        seed: selects the stream of episodes.

    Raises:
        ValueError: an impossible value; the message says what is allowed.
    """

    num_pairs: int = 10
    num_source_words: int = 6
    num_target_words: int = 6
    sentence_length: int | tuple[int, int] = 3
    num_active_words: int | tuple[int, int] | None = None
    held_out_languages: float = 0.0
    num_training_languages: int | None = None
    seed: int = 0
    word_repetition: int = 0

    family: ClassVar[str]
    """The family's name in the registry."""
    first_knobs: ClassVar[tuple[str, ...]] = COMMON_KNOBS
    """The knobs that the family had in its first version, in their order: see `stream_name`."""
    run_knobs: ClassVar[frozenset[str]] = frozenset(
        {"num_source_words", "num_target_words", "held_out_languages", "num_training_languages"}
    )
    """Knobs that no stage of a curriculum may change: they say what a token is, or which languages are trained on."""
    translates: ClassVar[str]
    limits: ClassVar[str]
    """For model cards: how a sentence is translated, a clause, and what a model can't do, a sentence."""
    possible_lengths: ClassVar[tuple[int, int | None]] = (1, None)
    """(min, max) words that a source sentence of the family can have; None: any number."""
    is_in_place: ClassVar[bool] = False  # does a word stand at its translation's place, so that people can ask?
    is_capturable: ClassVar[bool] = False  # does the host never wait for a GPU, so that steps can be CUDA graphs?

    def __post_init__(self) -> None:
        for name, value in self.knobs().items():
            object.__setattr__(self, name, plain(value))
        check_int("num_pairs", self.num_pairs, 1)
        check_int("num_source_words", self.num_source_words, 1)
        check_int("num_target_words", self.num_target_words, 1)
        if self.num_target_words < self.num_source_words:
            raise ValueError(
                f"num_target_words must be at least num_source_words ({self.num_source_words}), so that every source "
                f"word has a translation of its own, got {self.num_target_words}"
            )
        if self.vocab_size > MAX_VOCAB_SIZE:
            raise ValueError(
                f"num_source_words + num_target_words must be at most {MAX_VOCAB_SIZE - 3}, got {self.soh}"
            )
        lengths = check_range("sentence_length", self.sentence_length, 1)
        object.__setattr__(self, "sentence_length", lengths)
        if self.max_episode_length > MAX_EPISODE_LENGTH:
            raise ValueError(
                f"num_pairs and sentence_length make episodes of up to {self.max_episode_length} tokens; at most "
                f"{MAX_EPISODE_LENGTH} are possible"
            )
        if self.num_active_words is not None:
            active = check_range("num_active_words", self.num_active_words, 1, self.num_source_words)
            object.__setattr__(self, "num_active_words", None if active == self.num_source_words else active)
        check_int("word_repetition", self.word_repetition, 0, MAX_REPETITION)
        held_out = check_fraction("held_out_languages", self.held_out_languages)
        object.__setattr__(self, "held_out_languages", held_out)
        if self.num_training_languages is not None:
            check_int("num_training_languages", self.num_training_languages, 1)
        check_int("seed", self.seed, 0, MAX_SEED)

    @classmethod
    def complete(cls, knobs: dict[str, Any]) -> dict[str, Any]:
        """These knobs, and those that weren't given but follow from them."""
        return knobs

    # What a family implements.

    @abstractmethod
    def sample(self, keys: Array, split: str) -> Episodes:
        """The episodes of (N,) int64 keys. All randomness comes from the keys, by `streams.draw` and its relatives."""

    @abstractmethod
    def next_token_probabilities(self, input_ids: np.ndarray) -> np.ndarray:
        """The exact predictor: (N, S) tokens → (N, S, V) float64; see `predictor.family_probabilities`."""

    def expected_nll(self) -> ExpectedNll | None:
        """The exact predictor's average costs in closed form; None if there is no closed form."""
        return None

    def partial_target_nll(self, num_episodes: int) -> dict[str, float]:
        """What the translations of an episode cost predictors that know some of a language but not all, in nats,
        averaged over so many episodes; by name, from the least that is known to the most, and at last "Bayes", the
        exact predictor, over the same episodes. Nothing where there is nothing between.
        """
        return {}

    # What follows from the knobs. Tokens: source words 0…L − 1, target words L…L + R − 1, ␁, ␂, padding.

    @property
    def soh(self) -> int:
        """␁, the token that opens a source sentence and closes the episode."""
        return self.num_source_words + self.num_target_words

    @property
    def stx(self) -> int:
        """␂, the token between a source sentence and its translation."""
        return self.soh + 1

    @property
    def pad(self) -> int:
        """The padding token."""
        return self.soh + 2

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens: words, ␁, ␂ and padding."""
        return self.soh + 3

    @property
    def word_dtype(self) -> str:
        """The dtype in which words are drawn: the smallest that holds every token, as smaller arrays are faster."""
        return "int8" if self.pad < 1 << 7 else TOKEN_DTYPE

    @property
    def length_range(self) -> tuple[int, int]:
        """(min, max) words a source sentence."""
        return self.sentence_length if isinstance(self.sentence_length, tuple) else (self.sentence_length,) * 2

    @property
    def num_units(self) -> int:
        """U, the units that a lexicon has translations of: the source words, unless the family says otherwise."""
        return self.num_source_words

    @property
    def num_symbols(self) -> int:
        """A, the target words that units are translated by: all, unless the family says otherwise."""
        return self.num_target_words

    @property
    def max_target_length(self) -> int:
        """P, tokens of the longest translation."""
        return self.length_range[1]

    @property
    def active_range(self) -> tuple[int, int]:
        """(min, max) active words an episode."""
        active = self.num_source_words if self.num_active_words is None else self.num_active_words
        return active if isinstance(active, tuple) else (active, active)

    @property
    def max_episode_length(self) -> int:
        """S, tokens in the longest episode: K(T + T′ + 2) + 1 with a translation's T′ tokens."""
        return self.num_pairs * (self.length_range[1] + self.max_target_length + 2) + 1

    @property
    def is_even(self) -> bool:
        """Have all episodes the same number of tokens?"""
        m, M = self.length_range
        return m == M

    @property
    def num_lexicons(self) -> int:
        """A! / (A − U)!, the number of possible lexicons."""
        return math.perm(self.num_symbols, self.num_units)

    def knobs(self) -> dict[str, object]:
        """Every knob and its value."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def stream_name(self, split: str) -> str:
        """The name of a split's stream of episodes: an episode is a function of this name and its index alone.

        It consists of the generator version, the split, the family and the knobs. A knob that was added to the family
        later is named only if it isn't at its default: adding one changes no existing episode, and strands no
        checkpoint.
        """
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
        later = [f.name for f in fields(self) if f.name not in self.first_knobs and getattr(self, f.name) != f.default]
        named = ",".join(f"{name}={getattr(self, name)}" for name in (*self.first_knobs, *later))
        return f"metatrans {GENERATOR_VERSION} {split} {self._stream_family()}{named}"

    def _stream_family(self) -> str:
        """How the family is named in `stream_name`."""
        return f"family={self.family},"
