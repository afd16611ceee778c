"""Languages that spell: a word is a string of one to several symbols, and a language puts blanks between words or not.

    ␁ s4 s0 s4 ␂ t1 t5 _ t3 _ t1 t5      with blanks: t1 t5 = s4, t3 = s0
    ␁ s4 s0 s4 ␂ t1 t5 t3 t1 t5          without: where a word ends, only further sentences tell

A language is a lexicon, which gives every source word a string of symbols, all different, and whether there are
blanks. How many symbols a string has, is drawn for every word by itself, uniformly. The last of the target words is
the blank.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataset_script import splits
from dataset_script.arrays import Array, as_type, look_up, where
from dataset_script.families.contract import COMMON_KNOBS, Language, check_int, check_names
from dataset_script.families.planned import PlannedLanguage, Said, Setting, all_strings, forms_of_one_class
from dataset_script.lexicons import PURPOSE_TRY
from dataset_script.streams import draw_below, draw_permutations

BLANKS = ("between", "none")

MAX_STRINGS = 1 << 20
"""All strings are listed in a table."""

PURPOSE_SIZES, PURPOSE_SYMBOLS = 8, 9  # of draws, beside those that families share and those of `planned`


@dataclass(frozen=True)
class SpellingConfig(PlannedLanguage):
    """The languages of the family `spelling`: besides the knobs of `Language`, theirs are

    Args:
        num_target_words: R, the symbols and the blank; more than `num_source_words`.
        longest_word: F ≥ 2, symbols of the longest word.
        blanks: what a language may put between words: "between", a blank; "none", nothing.
    """

    num_target_words: int = 13
    sentence_length: int | tuple[int, int] = (1, 4)
    blank: bool = True
    longest_word: int = 3
    blanks: tuple[str, ...] = BLANKS

    family: ClassVar[str] = "spelling"
    first_knobs: ClassVar[tuple[str, ...]] = (*COMMON_KNOBS, "word_repetition", "longest_word", "blanks")
    run_knobs: ClassVar[frozenset[str]] = Language.run_knobs | {"longest_word", "blanks"}
    phenomena: ClassVar[tuple[str, ...]] = ("word", "blank")
    needs_blank: ClassVar[bool] = True
    translates: ClassVar[str] = (
        "A word's translation is a string of symbols and stands at its place, with blanks between words or without"
    )
    limits: ClassVar[str] = (
        "Longer strings, another word order, one word with two translations: it knows one-to-one lexicons only."
    )

    def __post_init__(self) -> None:
        check_int("longest_word", self.longest_word, 2)
        object.__setattr__(self, "blanks", check_names("blanks", self.blanks, BLANKS, may_be_one=True))
        super().__post_init__()
        if self.num_symbols**self.longest_word > MAX_STRINGS:
            raise ValueError(
                f"(num_target_words − 1) to the power of longest_word must be at most {MAX_STRINGS}, got "
                f"{self.num_symbols**self.longest_word}"
            )

    @property
    def class_sizes(self) -> tuple[int, ...]:
        return (self.num_source_words,)

    @property
    def switches(self) -> dict[str, tuple[str, ...]]:
        return {"blanks": self.blanks}

    @property
    def longest_unit(self) -> int:
        return self.longest_word

    @property
    def max_target_length(self) -> int:
        T = self.length_range[1]
        return T * self.longest_word + (T - 1 if "between" in self.blanks else 0)

    @property
    def num_lexicons(self) -> int:
        return len(all_strings(self.num_symbols, self.longest_word)) ** self.num_source_words  # at most

    def all_forms(self) -> Sequence[tuple[int, ...]]:
        return forms_of_one_class(self.length_range)

    def plan(self, form: tuple[int, ...], setting: Setting) -> Sequence[Said]:
        words = [Said("word", place) for place in range(len(form))]
        if setting["blanks"] == "none":
            return words
        return [item for word in words for item in (word, Said("blank"))][:-1]

    def draw_lexicons(self, keys: Array, split: str) -> Array:
        """As of every planned family; which lexicons are held out, a hash of all strings' numbers says."""
        sizes = draw_below(keys, PURPOSE_SIZES, self.num_source_words, self.longest_word) + 1  # (N, U)
        letters = draw_permutations(keys, PURPOSE_SYMBOLS, self.num_symbols)[:, : self.num_source_words]
        counts = self.num_symbols ** np.arange(self.longest_word + 1)  # strings by their length
        first = np.cumsum(counts) - counts - 1  # the number of the first string of each length

        def attempt(keys: Array, sizes: Array, letters: Array, number: int) -> Array:
            draws = draw_below(keys, PURPOSE_TRY + number, self.num_source_words, 1 << 31)
            longer = look_up(first, sizes) + ((draws * look_up(counts, sizes)) >> 31)
            return where(sizes == 1, letters, longer)

        lexicons = attempt(keys, sizes, letters, 0)
        rejected = _indices(~self._is_possible(lexicons, split))
        for number in itertools.count(1):
            if len(rejected) == 0:
                return lexicons
            again = attempt(keys[rejected], sizes[rejected], letters[rejected], number)
            accepted = self._is_possible(again, split)
            lexicons[rejected[accepted]] = again[accepted]
            rejected = rejected[~accepted]
        raise AssertionError("unreachable")

    def _is_possible(self, lexicons: Array, split: str) -> Array:
        """(N, U) → (N,) bool: are all strings different, and is the lexicon of the split?"""
        ordered = np.sort(lexicons, -1) if isinstance(lexicons, np.ndarray) else lexicons.sort(-1).values
        different = (ordered[:, 1:] != ordered[:, :-1]).all(-1)
        hashes = splits.latent_hash(f"strings of {lexicons.shape[1]} words", as_type(lexicons, "int64"))
        return different & splits.in_split(self.held_out_languages, split, hashes)


def _indices(mask: Array) -> Array:
    """Where it is True."""
    return mask.nonzero()[0] if isinstance(mask, np.ndarray) else mask.nonzero()[:, 0]
