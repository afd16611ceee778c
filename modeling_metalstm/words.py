"""
Users' own words: read the examples, find the lexicon they teach, and bind words to a model's symbols.

A model knows only symbols, and it was trained on languages in which each of them meant everything: any one-to-one
binding of a user's words to symbols asks it the same question.
"""

import random
import reprlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .configuration_metalstm import MetaLSTMConfig

MAX_SENTENCE_WORDS = 1_000
MAX_SENTENCE_CHARACTERS = 100_000
MAX_EXAMPLE_WORDS = 10_000  # source words of all examples together


class TranslationError(ValueError):
    """An input that can't be translated; the message is a sentence for the person who typed it."""


class TooManyWordsError(TranslationError):
    """
    More distinct words than the model has symbols.

    Attributes:
        number (`int`): how many there are.
    """

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.number = number


class Example(NamedTuple):
    """A sentence and its translation, as words; both have the same number of them."""

    source: tuple[str, ...]
    target: tuple[str, ...]


@dataclass(frozen=True)
class Spelling:
    """
    What the words of a text are, and which of them are the same.

    Args:
        separator (`str`, *optional*): what stands between words; by default any white space.
        exact (`bool`, defaults to `False`): whether words are the same only if they are written alike. By default case
            and the punctuation around a word don't count, nor do marks that can't be seen.
    """

    separator: str | None = None
    exact: bool = False

    def __post_init__(self):
        if self.separator is not None and not (isinstance(self.separator, str) and self.separator):
            raise TranslationError(
                f"The `separator` must be a text such as ', ', or None for white space, not "
                f"{reprlib.repr(self.separator)}."
            )
        if not isinstance(self.exact, bool):
            raise TranslationError(f"`exact` must be True or False, not {reprlib.repr(self.exact)}.")

    def split(self, text: str) -> tuple[str, ...]:
        """The words of a text, without the punctuation around them."""
        parts = text.split() if self.separator is None else text.split(self.separator.strip() or self.separator)
        parts = [" ".join(part.split()) for part in parts]
        return tuple(part if self.exact else strip_punctuation(part) for part in parts if part)

    def join(self, words: Iterable[str]) -> str:
        """A text of these words."""
        return (" " if self.separator is None else self.separator).join(words)

    def key(self, word: str) -> str:
        """Words are the same if this is."""
        word = unicodedata.normalize("NFC", word)
        if self.exact:
            return word
        visible = "".join(letter for letter in word if letter == ZERO_WIDTH_JOINER or not is_invisible(letter))
        return unicodedata.normalize("NFC", (visible or word).casefold())


ZERO_WIDTH_JOINER = "\u200d"  # which makes one emoji of several


def is_invisible(letter: str) -> bool:
    """Whether a character has no shape of its own: marks of direction and the like, and how to draw the one before."""
    return unicodedata.category(letter) == "Cf" or "\ufe00" <= letter <= "\ufe0f"


def strip_punctuation(word: str) -> str:
    """A word without the punctuation around it; one that is nothing else, as it is."""
    first, last = 0, len(word)
    while first < last and unicodedata.category(word[first]).startswith("P"):
        first += 1
    while first < last and unicodedata.category(word[last - 1]).startswith("P"):
        last -= 1
    return word[first:last] or word


@dataclass(frozen=True)
class Lesson:
    """
    What examples teach. A word is written here as it was first.

    Attributes:
        examples (tuple of `Example`): the sentences.
        lexicon (`dict[str, str]`): the translation of each source word, in the order of their first use.
        first_use (`dict[str, int]`): the example, counted from 1, that each source word is first in.
        spelling (`Spelling`): what words are.
        sources (`dict[str, str]`): the source words by their key.
        num_words (`int`): the source words of all examples, repetitions counted.
    """

    examples: tuple[Example, ...]
    lexicon: dict[str, str]
    first_use: dict[str, int]
    spelling: Spelling
    sources: dict[str, str]
    num_words: int


def split_sentence(sentence: object, name: str = "The sentence", spelling: Spelling | None = None) -> tuple[str, ...]:
    """
    The words of a sentence.

    Raises:
        TranslationError: if it isn't text, is empty or is longer than 1,000 words; `name` is what the error calls it.
    """
    if not isinstance(sentence, str):
        raise TranslationError(f"{name} must be text, such as 'blue red', not {reprlib.repr(sentence)}.")
    if len(sentence) > MAX_SENTENCE_CHARACTERS:
        raise TranslationError(
            f"{name} has {len(sentence):,} characters; at most {MAX_SENTENCE_CHARACTERS:,} are allowed."
        )
    words = (spelling or Spelling()).split(sentence)
    if not words:
        raise TranslationError(f"{name} is empty; it needs at least one word.")
    if len(words) > MAX_SENTENCE_WORDS:
        raise TranslationError(f"{name} has {len(words):,} words; at most {MAX_SENTENCE_WORDS:,} are allowed.")
    return words


def as_first_written(words: Iterable[str], known: dict[str, str], spelling: Spelling) -> tuple[str, ...]:
    """Words as they were written first; new ones join the `known`."""
    return tuple(known.setdefault(spelling.key(word), word) for word in words)


def parse_examples(examples: object, spelling: Spelling | None = None) -> tuple[Example, ...]:
    """
    Reads pairs such as `[("red", "dax"), ("blue red", "wif dax")]`; a word is written as it was first.

    Raises:
        TranslationError: if there are none, if one isn't a pair of texts of equally many words, or if they have more
            than 10,000 source words in all.
    """
    if not isinstance(examples, Sequence) or isinstance(examples, str):
        raise TranslationError(
            f"The examples must be a list of pairs, such as [('red', 'dax')], not {reprlib.repr(examples)}."
        )
    if not examples:
        raise TranslationError("There are no examples; give at least one pair, such as ('red', 'dax').")
    parsed, num_words, sources, targets = [], 0, {}, {}
    for number, pair in enumerate(examples, start=1):
        parsed.append(parse_pair(pair, number, spelling or Spelling(), sources, targets))
        num_words += len(parsed[-1].source)
        check_total(num_words, number)
    return tuple(parsed)


def parse_pair(
    pair: object, number: int, spelling: Spelling, sources: dict[str, str], targets: dict[str, str]
) -> Example:
    """One of the examples, by its number; its words join the known `sources` and `targets`."""
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
        raise TranslationError(
            f"Example {number} must be a pair of a sentence and its translation, such as ('red', 'dax'), "
            f"not {reprlib.repr(pair)}."
        )
    source = split_sentence(pair[0], f"The source side of example {number}", spelling)
    target = split_sentence(pair[1], f"The target side of example {number}", spelling)
    if len(source) != len(target):
        raise TranslationError(
            f"Example {number} has {len(source)} source and {len(target)} target words ({quote(source)} and "
            f"{quote(target)}), but each word must have its translation at the same place."
        )
    return Example(as_first_written(source, sources, spelling), as_first_written(target, targets, spelling))


def check_total(num_words: int, number: int) -> None:
    """Raises `TranslationError` if the examples up to a number have too many words together."""
    if num_words > MAX_EXAMPLE_WORDS:
        raise TranslationError(
            f"The examples 1 to {number:,} have {num_words:,} source words; at most {MAX_EXAMPLE_WORDS:,} are "
            "allowed in all."
        )


def learn_lexicon(examples: Sequence[Example]) -> tuple[dict[str, str], dict[str, int]]:
    """
    The translation of each source word, in the order of their first use, and the number of the example of that.

    Raises:
        TranslationError: if two examples contradict each other: one word with two translations, or two words with the
            same one; the error names both examples by their number.
    """
    lexicon, meaning, first_use = {}, {}, {}
    for number, example in enumerate(examples, start=1):
        learn_example(example, number, lexicon, meaning, first_use)
    return lexicon, first_use


def learn_example(
    example: Example, number: int, lexicon: dict[str, str], meaning: dict[str, str], first_use: dict[str, int]
) -> None:
    """What one more example says joins what is known: the translations, what they mean, and where each was first."""
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
                f"{quote([known_source])} and {quote([source])}, but different words have different translations."
            )
        first_use.setdefault(source, number)


def learn(examples: object, num_source_words: int, num_target_words: int, spelling: Spelling | None = None) -> Lesson:
    """
    Checks examples, for a model of `L` source and `R` target words.

    Args:
        examples: pairs of texts, see `parse_examples`.
        num_source_words (`int`): `L`, the most distinct source words.
        num_target_words (`int`): `R`, the most distinct target words.
        spelling (`Spelling`, *optional*): what words are.

    Raises:
        TranslationError: if they are malformed, contradictory, or too rich for the model.
    """
    spelling = spelling or Spelling()
    parsed = parse_examples(examples, spelling)
    lexicon, first_use = learn_lexicon(parsed)
    num_words = sum(len(example.source) for example in parsed)
    return make_lesson(parsed, lexicon, first_use, spelling, num_words, num_source_words, num_target_words)


def learn_more(lesson: Lesson, pair: object, num_source_words: int, num_target_words: int) -> Lesson:
    """
    What a lesson and one more example teach, as `learn` would from all of them; the lesson stays as it is.

    Raises:
        TranslationError: as `learn` does.
    """
    sources, number = dict(lesson.sources), len(lesson.examples) + 1
    targets = {lesson.spelling.key(word): word for word in lesson.lexicon.values()}
    example = parse_pair(pair, number, lesson.spelling, sources, targets)
    num_words = lesson.num_words + len(example.source)
    check_total(num_words, number)
    lexicon, first_use = dict(lesson.lexicon), dict(lesson.first_use)
    learn_example(example, number, lexicon, {target: source for source, target in lexicon.items()}, first_use)
    examples = (*lesson.examples, example)
    return make_lesson(examples, lexicon, first_use, lesson.spelling, num_words, num_source_words, num_target_words)


def make_lesson(
    examples: tuple[Example, ...],
    lexicon: dict[str, str],
    first_use: dict[str, int],
    spelling: Spelling,
    num_words: int,
    num_source_words: int,
    num_target_words: int,
) -> Lesson:
    """A lesson whose words a model of `L` source and `R` target words has room for; else a `TooManyWordsError`."""
    check_number("source", tuple(lexicon), num_source_words, "examples")
    check_number("target", tuple(lexicon.values()), num_target_words, "examples")
    sources = {spelling.key(word): word for word in lexicon}
    return Lesson(examples, lexicon, first_use, spelling, sources, num_words)


def ask(lesson: Lesson, sentence: object, num_source_words: int) -> tuple[str, ...]:
    """
    The words of a sentence to translate by a lesson, as they were first written, for a model of `L` source words.

    Raises:
        TranslationError: if it isn't a sentence, or if the examples and it have more than `L` distinct words.
    """
    words = split_sentence(sentence, spelling=lesson.spelling)
    words = as_first_written(words, dict(lesson.sources), lesson.spelling)
    check_number(
        "source", tuple(dict.fromkeys((*lesson.lexicon, *words))), num_source_words, "examples and the sentence"
    )
    return words


def check_number(kind: str, words: tuple[str, ...], limit: int, where: str) -> None:
    """Raises `TooManyWordsError` if there are more distinct words than the model has symbols."""
    if len(words) > limit:
        raise TooManyWordsError(
            f"This model takes at most {limit} distinct {kind} words, but the {where} have {len(words)}: "
            f"{quote(words)}.",
            len(words),
        )


def draw_binding(num_source_words: int, num_target_words: int, rng: random.Random) -> list[int]:
    """
    Binds every word that there can be to a symbol of its own, drawn at random.

    Returns:
        The tokens of the first, second, … source word (of `0 … L-1`), then of the target words (of `L … L+R-1`), then
        `␁` and `␂` themselves: a permutation of the tokens, from those of `write_example` to a model's.
    """
    sources = rng.sample(range(num_source_words), num_source_words)
    targets = rng.sample(range(num_source_words, num_source_words + num_target_words), num_target_words)
    return [*sources, *targets, num_source_words + num_target_words, num_source_words + num_target_words + 1]


def write_question(words: Sequence[str], lexicon: dict[str, str], config: MetaLSTMConfig) -> list[int]:
    """
    `␁ s…s ␂`, the question for a translation, in tokens before any binding: the first distinct source word of the
    examples is 0, the next 1, …, and words that are new here follow.
    """
    numbers = {word: number for number, word in enumerate(dict.fromkeys((*lexicon, *words)))}
    return [config.start_of_source_id, *map(numbers.__getitem__, words), config.start_of_target_id]


def write_example(example: Example, lexicon: dict[str, str], config: MetaLSTMConfig) -> list[int]:
    """
    `␁ s…s ␂ t…t`, in tokens before any binding: source words as in `write_question`, and the translation of word `i`
    is `L + i`.

    Args:
        example (`Example`): the sentences.
        lexicon (`dict[str, str]`): what its words mean, from `learn`.
        config (`MetaLSTMConfig`): has `num_source_words` and the tokens `␁` and `␂`.
    """
    question = write_question(example.source, lexicon, config)
    return question + [config.num_source_words + number for number in question[1:-1]]


def contradiction(first: int, second: int) -> str:
    """How an error about two examples begins."""
    return f"Example {first} contradicts itself" if first == second else f"Examples {first} and {second} disagree"


def quote(words: Sequence[str]) -> str:
    """Words as an error shows them, shortened if they are many or long."""
    return reprlib.repr(" ".join(words))
