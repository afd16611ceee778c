"""
A model's symbols: which they are, how sentences are written in them, and how a person's words are bound to them.

A model knows only symbols, and it was trained on languages in which each of them meant everything: any one-to-one
binding of a person's words to symbols asks it the same question.
"""

import random
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from transformers import PreTrainedConfig

from .lesson_metalstm import Example


class Alphabet(NamedTuple):
    """
    The symbols of a model, in the order of its vocabulary: source words `0 … L-1`, target words `L … L+R-1`, `␁` at
    `L+R`, `␂` at `L+R+1`.

    Args:
        num_source_words (`int`): `L`.
        num_target_words (`int`): `R`.
    """

    num_source_words: int
    num_target_words: int

    @classmethod
    def of(cls, config: PreTrainedConfig) -> "Alphabet | None":
        """
        The alphabet of a model that metatrans trained, whatever its type; None of a model whose tokens are others, as
        a language model's are.
        """
        sizes: list[Any] = [getattr(config, name, None) for name in ("num_source_words", "num_target_words")]
        return cls(*sizes) if all(isinstance(size, int) and size > 0 for size in sizes) else None

    @property
    def start_of_source(self) -> int:
        """The token `␁`, which opens every example."""
        return self.num_source_words + self.num_target_words

    @property
    def start_of_target(self) -> int:
        """The token `␂`, between a source sentence and its translation."""
        return self.num_source_words + self.num_target_words + 1

    @property
    def targets(self) -> slice:
        """The target words, among all tokens."""
        return slice(self.num_source_words, self.start_of_source)

    def draw_binding(self, rng: random.Random) -> list[int]:
        """
        Binds every word that there can be to a symbol of its own, drawn at random.

        Returns:
            The tokens of the first, second, … source word (of `0 … L-1`), then of the target words (of `L … L+R-1`),
            then `␁` and `␂` themselves: a permutation of the tokens, from those of `write_example` to a model's.
        """
        sources = rng.sample(range(self.num_source_words), self.num_source_words)
        targets = rng.sample(range(self.num_source_words, self.start_of_source), self.num_target_words)
        return [*sources, *targets, self.start_of_source, self.start_of_target]

    def write_question(self, words: Sequence[str], lexicon: dict[str, str]) -> list[int]:
        """
        `␁ s…s ␂`, the question for a translation, in tokens before any binding: the first distinct source word of the
        examples is 0, the next 1, …, and words that are new here follow.

        Args:
            words (sequence of `str`): the sentence, of `Lesson.ask`.
            lexicon (`dict[str, str]`): what the examples teach, of a `Lesson`.
        """
        numbers = {word: number for number, word in enumerate(dict.fromkeys((*lexicon, *words)))}
        return [self.start_of_source, *map(numbers.__getitem__, words), self.start_of_target]

    def write_examples(self, examples: Iterable[Example], lexicon: dict[str, str]) -> list[int]:
        """
        `␁ s…s ␂ t…t` of each example, in tokens before any binding: source words as in `write_question`, and the
        translation of word `i` is `L + i`.
        """
        tokens = []
        for example in examples:
            question = self.write_question(example.source, lexicon)
            tokens += question + [self.num_source_words + number for number in question[1:-1]]
        return tokens
