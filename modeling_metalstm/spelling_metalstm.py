"""What the words of a text are, and which of them are the same, however they are written."""

import reprlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from .errors_metalstm import TranslationError

MAX_SENTENCE_WORDS = 1_000
MAX_SENTENCE_CHARACTERS = 100_000

ZERO_WIDTH_JOINER = "\u200d"  # which makes one emoji of several

OPENING = '"“”„«»‹›([{¿¡-–—…'
CLOSING = '"“”„«»‹›)]}.,;:!?-–—…。、，！？；：।؟،؛'
"""The punctuation that stands before and after words, and is none of their letters."""

QUOTES = {"'": "'", "‘": "’", "‚": "‘’", "’": "’", "`": "`'"}
"""Marks that may be letters too, with those that then close a quotation."""

APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼ′＇"), "'")


@dataclass(frozen=True)
class Spelling:
    """
    What the words of a text are, and which of them are the same.

    Args:
        separator (`str`, *optional*): what stands between words; by default any white space. With `""` each letter is
            a word, as in scripts without blanks.
        exact (`bool`, defaults to `False`): whether words are the same only if they are written alike. By default case
            and the punctuation around a word don't count, nor do marks that can't be seen, nor which apostrophe it is.

    Raises:
        TranslationError: if they can't be what they are, in a sentence that says what is allowed.
    """

    separator: str | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        if self.separator is not None and not isinstance(self.separator, str):
            raise TranslationError(
                f"The `separator` must be a text such as ', ', '' for words of one letter, or None for white space, "
                f"not {reprlib.repr(self.separator)}."
            )
        if not isinstance(self.exact, bool):
            raise TranslationError(f"`exact` must be True or False, not {reprlib.repr(self.exact)}.")

    def split(self, text: str) -> tuple[str, ...]:
        """The words of a text, without the punctuation around them."""
        if self.separator is None:
            parts = text.split()
        elif self.separator == "":
            parts = letters(text)
        else:
            parts = text.split(self.separator.strip() or self.separator)
        parts = [" ".join(part.split()) for part in parts]
        return tuple(part if self.exact else strip_punctuation(part) for part in parts if part)

    def split_sentence(self, sentence: object, name: str = "The sentence") -> tuple[str, ...]:
        """
        The words of what somebody gave as a sentence.

        Raises:
            TranslationError: if it isn't text, is empty or is longer than 1,000 words; `name` is what the error calls
                it.
        """
        if not isinstance(sentence, str):
            raise TranslationError(f"{name} must be text, such as 'blue red', not {reprlib.repr(sentence)}.")
        if len(sentence) > MAX_SENTENCE_CHARACTERS:
            raise TranslationError(
                f"{name} has {len(sentence):,} characters; at most {MAX_SENTENCE_CHARACTERS:,} are allowed."
            )
        words = self.split(sentence)
        if not words:
            raise TranslationError(f"{name} is empty; it needs at least one word.")
        if len(words) > MAX_SENTENCE_WORDS:
            raise TranslationError(f"{name} has {len(words):,} words; at most {MAX_SENTENCE_WORDS:,} are allowed.")
        return words

    def join(self, words: Iterable[str]) -> str:
        """A text of these words."""
        return (" " if self.separator is None else self.separator).join(words)

    def key(self, word: str) -> str:
        """Words are the same if this is."""
        return unicodedata.normalize("NFC", word) if self.exact else loose_key(word)


@lru_cache(maxsize=1 << 14)  # the same words are read again with every way to divide them
def loose_key(word: str) -> str:
    """A word without what doesn't count: case, marks that can't be seen, and which apostrophe it is."""
    word = unicodedata.normalize("NFC", word)
    visible = "".join(letter for letter in word if letter == ZERO_WIDTH_JOINER or not is_invisible(letter))
    return unicodedata.normalize("NFC", (visible or word).translate(APOSTROPHES).casefold())


def is_invisible(letter: str) -> bool:
    """Whether a character has no shape of its own: marks of direction and the like, and how to draw the one before."""
    return unicodedata.category(letter) == "Cf" or "\ufe00" <= letter <= "\ufe0f"


def strip_punctuation(word: str) -> str:
    """
    A word without the punctuation of its sentence; one that is nothing else, as it is. What people write within words
    stays, also at their ends: apostrophes, unless two of them quote the word, asterisks, and what else isn't one of
    the marks above.
    """
    bare = word.lstrip(OPENING).rstrip(CLOSING)
    first, last = bare[:1], bare[-1:]
    if len(bare) > 2 and first in QUOTES and last in QUOTES[first]:
        bare = bare[1:-1].rstrip(CLOSING)
    return bare or word


def letters(text: str) -> list[str]:
    """A text's letters, each with the marks that belong to it; an emoji of several is one."""
    found: list[str] = []
    for letter in text:
        joins = found and (found[-1].endswith(ZERO_WIDTH_JOINER) or letter == ZERO_WIDTH_JOINER)
        if found and (joins or is_invisible(letter) or unicodedata.category(letter).startswith("M")):
            found[-1] += letter
        elif not letter.isspace():
            found.append(letter)
    return found
