"""What is said to a person whose input can't be translated."""

import reprlib
from collections.abc import Sequence


class TranslationError(ValueError):
    """An input that can't be translated; the message is a sentence for the person who typed it."""


class TooManyWordsError(TranslationError):
    """
    More distinct words than the model has symbols.

    Attributes:
        number (`int`): how many there are.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def quote(words: Sequence[str]) -> str:
    """Words as an error shows them, shortened if they are many or long."""
    return reprlib.repr(" ".join(words))
