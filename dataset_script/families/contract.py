"""What a family of languages is: the knobs that all have, and what each has to say for itself.

A family is one file. It names its config class (a `Language`), draws episodes (`sample`, which gives `Episodes`), and
tells what follows any prefix of one (`next_token_probabilities`). Training, evaluation, pictures, cards, YAML files
and `load_dataset` know families by nothing else. docs/language-families.md walks through one.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from dataset_script.arrays import Array
from dataset_script.episodes import Episodes

GENERATOR_VERSION = 1
"""Part of every stream's key: a change that alters any episode raises it."""

TOKEN_DTYPE = "int16"
"""Of input_ids and labels: it holds −100 and every vocabulary up to MAX_VOCAB_SIZE."""

MAX_VOCAB_SIZE = 1 << 15

MAX_EPISODE_LENGTH = 1 << 20
"""Tokens; an episode of so many is more than anything can be learned from, and a batch of them more than a memory."""

MAX_SEED = (1 << 63) - 1

SPLITS = ("train", "validation", "test")

COMMON_KNOBS = (
    *("num_pairs", "num_source_words", "num_target_words", "sentence_length", "num_active_words"),
    *("held_out_languages", "num_training_languages", "seed"),
)
"""Those of `Language` itself when families came to be."""


def check_int(name: str, value: object, low: int, high: int | None = None, advice: str = "") -> None:
    """Raises ValueError if a knob's value is no integer in [low, high]; `advice` ends the message."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be an integer, got {value!r}{advice}")
    if value < low or (high is not None and value > high):
        allowed = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(f"{name} must be {allowed}, got {value}{advice}")


def check_range(name: str, value: object, low: int, high: int | None = None) -> int | tuple[int, int]:
    """An int, or a pair (min, max) of ints, inside [low, high]; a list becomes a tuple, (n, n) becomes n."""
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise ValueError(f"{name} must be an integer or a pair (min, max), got {value!r}")
        for end in value:
            check_int(name, end, low, high)
        if value[0] > value[1]:
            raise ValueError(f"{name} must have its smaller end first, got {value!r}")
        return value[0] if value[0] == value[1] else tuple(value)
    check_int(name, value, low, high, "" if isinstance(value, int) else " (a pair is written [min, max])")
    return value


@dataclass(frozen=True)
class ExpectedNll:
    """What an episode costs the exact predictor on average, in nats."""

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

    family: ClassVar[str]
    """The name in the registry."""
    first_knobs: ClassVar[tuple[str, ...]] = COMMON_KNOBS
    """The knobs that the family had when it was born, in their order: see `stream_name`."""
    run_knobs: ClassVar[frozenset[str]] = frozenset(
        {"num_source_words", "num_target_words", "held_out_languages", "num_training_languages"}
    )
    """What is a whole run's: were a stage to change it, a token would be another word, or held-out languages would be
    trained on."""
    limits: ClassVar[str]
    """What a model of these languages can't do, as its card says it."""

    def __post_init__(self) -> None:
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
        if isinstance(self.held_out_languages, bool) or not isinstance(self.held_out_languages, int | float):
            raise ValueError(f"held_out_languages must be a fraction in [0, 1), got {self.held_out_languages!r}")
        if not 0 <= self.held_out_languages < 1:
            raise ValueError(f"held_out_languages must be a fraction in [0, 1), got {self.held_out_languages}")
        object.__setattr__(self, "held_out_languages", float(self.held_out_languages))
        if self.num_training_languages is not None:
            check_int("num_training_languages", self.num_training_languages, 1)
        check_int("seed", self.seed, 0, MAX_SEED)

    # What a family says.

    @abstractmethod
    def sample(self, keys: Array, split: str) -> Episodes:
        """The episodes of N keys, (N,) int64, which every draw comes from, by counter; see `streams.draw`."""

    @abstractmethod
    def next_token_probabilities(self, input_ids: np.ndarray) -> np.ndarray:
        """The exact predictor: (N, S) tokens → (N, S, V) float64; see `predictor.family_probabilities`."""

    def expected_nll(self) -> ExpectedNll | None:
        """What an episode costs the exact predictor on average, in closed form; None: there is none."""
        return None

    # What follows from the knobs.

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
        return self.soh + 2

    @property
    def vocab_size(self) -> int:
        return self.soh + 3

    @property
    def word_dtype(self) -> str:
        """What words are drawn in: the smallest signed integers that hold every token. Small arrays are fast ones."""
        return "int8" if self.pad < 1 << 7 else TOKEN_DTYPE

    @property
    def length_range(self) -> tuple[int, int]:
        """(min, max) words a source sentence."""
        return self.sentence_length if isinstance(self.sentence_length, tuple) else (self.sentence_length,) * 2

    @property
    def max_target_length(self) -> int:
        """Tokens of the longest translation."""
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
    def num_lexicons(self) -> int:
        """R! / (R − L)!, the number of possible lexicons."""
        return math.perm(self.num_target_words, self.num_source_words)

    def knobs(self) -> dict[str, object]:
        """Every knob and its value."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def stream_name(self, split: str) -> str:
        """What, besides the index, an episode is a function of: generator version, family, split and knobs.

        Of knobs that the family got later, those at their default go unnamed, so that adding one moves no episode and
        strands no checkpoint.
        """
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
        later = [f.name for f in fields(self) if f.name not in self.first_knobs and getattr(self, f.name) != f.default]
        named = ",".join(f"{name}={getattr(self, name)}" for name in (*self.first_knobs, *later))
        return f"metatrans {GENERATOR_VERSION} {split} {self._stream_family()}{named}"

    def _stream_family(self) -> str:
        return f"family={self.family},"
