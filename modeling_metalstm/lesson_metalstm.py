"""
What examples teach: the lexicon that stands in a person's own sentences and translations.

```python
>>> lesson = Lesson.from_examples([("red", "dax"), ("blue red", "wif dax")], num_source_words=6, num_target_words=6)
>>> lesson.lexicon
{"red": "dax", "blue": "wif"}
>>> lesson.add(("green", "lug")).ask("Green, RED!")
("green", "red")
```
"""

import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .errors_metalstm import TooManyWordsError, TranslationError, quote
from .rules_metalstm import read_examples
from .spelling_metalstm import Spelling

MAX_EXAMPLE_WORDS = 10_000  # source words of all examples together


class Example(NamedTuple):
    """A sentence and its translation, as words; both have the same number of them."""

    source: tuple[str, ...]
    target: tuple[str, ...]


@dataclass(frozen=True)
class Lesson:
    """
    What examples teach a model of `L` source and `R` target words. A lesson never changes: `add` gives another one.
    A word is written here as it was first.

    Attributes:
        num_source_words (`int`): `L`, the most distinct source words.
        num_target_words (`int`): `R`, the most distinct target words.
        spelling (`Spelling`): what words are.
        examples (tuple of `Example`): the sentences.
        lexicon (`dict[str, str]`): the translation of each source word, in the order of their first use.
        first_use (`dict[str, int]`): the example, counted from 1, that each source word is first in.
        num_words (`int`): the source words of all examples, repetitions counted.
    """

    num_source_words: int
    num_target_words: int
    spelling: Spelling
    examples: tuple[Example, ...]
    lexicon: dict[str, str]
    first_use: dict[str, int]
    num_words: int

    @classmethod
    def from_examples(
        cls, examples: object, num_source_words: int, num_target_words: int, spelling: Spelling | None = None
    ) -> "Lesson":
        """
        What pairs such as `[("red", "dax"), ("blue red", "wif dax")]` teach, or the same in another form that
        `read_examples` reads.

        Raises:
            TranslationError: if there are none, if one isn't a pair of texts of equally many words, if they have more
                than 10,000 source words in all, or if two contradict each other: one word with two translations, or
                two words with the same one. A `TooManyWordsError` if the model has no room for their words.
        """
        pairs = read_examples(examples)
        if not pairs:
            raise TranslationError("There are no examples; give at least one pair, such as ('red', 'dax').")
        return cls(num_source_words, num_target_words, spelling or Spelling(), (), {}, {}, 0)._with(pairs)

    def add(self, pair: object) -> "Lesson":
        """
        What this lesson and one more example teach, as `from_examples` would from all of them.

        Raises:
            TranslationError: as `from_examples` does.
        """
        return self._with([pair])

    def ask(self, sentence: object) -> tuple[str, ...]:
        """
        The words of a sentence to translate, as they were first written.

        Raises:
            TranslationError: if it isn't a sentence, or if the examples and it have more than `L` distinct words.
        """
        words = Words(self.spelling, self.lexicon).as_first_written(self.spelling.split_sentence(sentence))
        distinct = tuple(dict.fromkeys((*self.lexicon, *words)))
        check_number("source", distinct, self.num_source_words, "examples and the sentence")
        return words

    def _with(self, pairs: Sequence) -> "Lesson":
        """This lesson and more examples: all are read first, then compared with what is known, then counted."""
        examples = self._read(pairs)
        lexicon, first_use = self._learn(examples)
        check_number("source", tuple(lexicon), self.num_source_words, "examples")
        check_number("target", tuple(lexicon.values()), self.num_target_words, "examples")
        return replace(
            self,
            examples=(*self.examples, *examples),
            lexicon=lexicon,
            first_use=first_use,
            num_words=self.num_words + sum(len(example.source) for example in examples),
        )

    def _read(self, pairs: Sequence) -> list[Example]:
        """Pairs as examples, their words written as they were first, in this lesson or in them."""
        sources, targets = Words(self.spelling, self.lexicon), Words(self.spelling, self.lexicon.values())
        examples, num_words = [], self.num_words
        for number, pair in enumerate(pairs, start=len(self.examples) + 1):
            source, target = split_pair(pair, number, self.spelling)
            examples.append(Example(sources.as_first_written(source), targets.as_first_written(target)))
            num_words += len(source)
            if num_words > MAX_EXAMPLE_WORDS:
                raise TranslationError(
                    f"The examples 1 to {number:,} have {num_words:,} source words; at most {MAX_EXAMPLE_WORDS:,} are "
                    "allowed in all."
                )
        return examples

    def _learn(self, examples: Sequence[Example]) -> tuple[dict[str, str], dict[str, int]]:
        """The lexicon with what more examples say, and the example that each of its words is first in."""
        lexicon, first_use = dict(self.lexicon), dict(self.first_use)
        meaning = {target: source for source, target in lexicon.items()}
        for number, example in enumerate(examples, start=len(self.examples) + 1):
            for source, target in zip(example.source, example.target, strict=True):
                known_target, known_source = lexicon.setdefault(source, target), meaning.setdefault(target, source)
                if known_target != target:
                    raise TranslationError(
                        f"{contradiction(first_use[source], number)}: {quote([source])} is translated as "
                        f"{quote([known_target])} and as {quote([target])}, but a word has one translation."
                    )
                if known_source != source:
                    raise TranslationError(
                        f"{contradiction(first_use[known_source], number)}: {quote([target])} translates both "
                        f"{quote([known_source])} and {quote([source])}, but different words have different "
                        "translations."
                    )
                first_use.setdefault(source, number)
        return lexicon, first_use


class Words:
    """The words of one side of a lesson, by what makes them the same; new ones join it as they are asked for."""

    def __init__(self, spelling: Spelling, words: Iterable[str]) -> None:
        self.spelling = spelling
        self.first_written = {spelling.key(word): word for word in words}

    def as_first_written(self, words: Iterable[str]) -> tuple[str, ...]:
        """Words as they were written first."""
        return tuple(self.first_written.setdefault(self.spelling.key(word), word) for word in words)


def split_pair(pair: object, number: int, spelling: Spelling) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of both sides of an example, which an error calls by its number."""
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
        raise TranslationError(
            f"Example {number} must be a pair of a sentence and its translation, such as ('red', 'dax'), "
            f"not {reprlib.repr(pair)}."
        )
    source = spelling.split_sentence(pair[0], f"The source side of example {number}")
    target = spelling.split_sentence(pair[1], f"The target side of example {number}")
    if len(source) != len(target):
        raise TranslationError(
            f"Example {number} has {len(source)} source and {len(target)} target words ({quote(source)} and "
            f"{quote(target)}), but each word must have its translation at the same place."
        )
    return source, target


def check_number(kind: str, words: tuple[str, ...], limit: int, where: str) -> None:
    """Raises `TooManyWordsError` if there are more distinct words than the model has symbols."""
    if len(words) > limit:
        raise TooManyWordsError(
            f"This model takes at most {limit} distinct {kind} words, but the {where} have {len(words)}: "
            f"{quote(words)}.",
            len(words),
        )


def contradiction(first: int, second: int) -> str:
    """How an error about two examples begins."""
    return f"Example {first} contradicts itself" if first == second else f"Examples {first} and {second} disagree"
