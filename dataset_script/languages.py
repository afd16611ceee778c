"""What a made-up language is: the knobs of the post's family, checked.

A *language* is a lexicon: an injection of L source words into R target words. An *episode* shows K sentences in the
source words, each followed by its word-by-word translation:

    ␁ s s s ␂ t t t   ␁ s s s ␂ t t t   …   ␁

Source: the generator of "Meta Sequence Transducer" by Volodymyr Kyrylov, 12 October 2023 ("the post"),
https://proger.github.io/posts/meta/transducer.html
"""

import math
from dataclasses import dataclass, fields

GENERATOR_VERSION = 1
"""Part of every stream's key: a change that alters any episode raises it."""

TOKEN_DTYPE = "int16"
"""Of input_ids and labels: it holds −100 and every vocabulary up to MAX_VOCAB_SIZE."""

MAX_VOCAB_SIZE = 1 << 15

MAX_EPISODE_LENGTH = 1 << 20
"""Tokens; an episode of so many is more than anything can be learned from, and a batch of them more than a memory."""

MAX_SEED = (1 << 63) - 1

SPLITS = ("train", "validation", "test")

FIRST_KNOBS = (
    *("num_pairs", "num_source_words", "num_target_words", "sentence_length", "num_active_words"),
    *("held_out_languages", "num_training_languages", "seed"),
)
"""The knobs that every stream's name has. One that is added later is named where it isn't at its default alone, so
that adding it moves no episode and strands no checkpoint."""


def check_int(name: str, value, low: int, high: int | None = None, advice: str = "") -> None:
    """Raises ValueError if a knob's value is no integer in [low, high]; `advice` ends the message."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be an integer, got {value!r}{advice}")
    if value < low or (high is not None and value > high):
        allowed = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(f"{name} must be {allowed}, got {value}{advice}")


def _check_range(name: str, value, low: int, high: int | None = None) -> int | tuple[int, int]:
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
class LanguageConfig:
    """The distribution that episodes are drawn from.

    Args:
        num_pairs: K, sentence pairs an episode.
        num_source_words: L, words in the source alphabet.
        num_target_words: R ≥ L, words in the target alphabet.
        sentence_length: T, words a sentence; with (min, max) every sentence draws its own, uniformly.
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

    def __post_init__(self):
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
        lengths = _check_range("sentence_length", self.sentence_length, 1)
        object.__setattr__(self, "sentence_length", lengths)
        if self.max_episode_length > MAX_EPISODE_LENGTH:
            raise ValueError(
                f"num_pairs and sentence_length make episodes of up to {self.max_episode_length} tokens; at most "
                f"{MAX_EPISODE_LENGTH} are possible"
            )
        if self.num_active_words is not None:
            active = _check_range("num_active_words", self.num_active_words, 1, self.num_source_words)
            object.__setattr__(self, "num_active_words", None if active == self.num_source_words else active)
        if isinstance(self.held_out_languages, bool) or not isinstance(self.held_out_languages, int | float):
            raise ValueError(f"held_out_languages must be a fraction in [0, 1), got {self.held_out_languages!r}")
        if not 0 <= self.held_out_languages < 1:
            raise ValueError(f"held_out_languages must be a fraction in [0, 1), got {self.held_out_languages}")
        object.__setattr__(self, "held_out_languages", float(self.held_out_languages))
        if self.num_training_languages is not None:
            check_int("num_training_languages", self.num_training_languages, 1)
        check_int("seed", self.seed, 0, MAX_SEED)

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
        """(min, max) words a sentence."""
        return self.sentence_length if isinstance(self.sentence_length, tuple) else (self.sentence_length,) * 2

    @property
    def active_range(self) -> tuple[int, int]:
        """(min, max) active words an episode."""
        active = self.num_source_words if self.num_active_words is None else self.num_active_words
        return active if isinstance(active, tuple) else (active, active)

    @property
    def max_episode_length(self) -> int:
        """S, tokens in the longest episode: K(2T + 2) + 1."""
        return self.num_pairs * (2 * self.length_range[1] + 2) + 1

    @property
    def num_lexicons(self) -> int:
        """R! / (R − L)!, the number of possible languages."""
        return math.perm(self.num_target_words, self.num_source_words)

    def stream_name(self, split: str) -> str:
        """What, besides the index, an episode is a function of: generator version, seed, config and split."""
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
        named = [f for f in fields(self) if f.name in FIRST_KNOBS or getattr(self, f.name) != f.default]
        knobs = ",".join(f"{field.name}={getattr(self, field.name)}" for field in named)
        return f"metatrans {GENERATOR_VERSION} {split} {knobs}"
