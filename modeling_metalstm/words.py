"""
Users' own words: read the examples, find the lexicon they teach, and bind words to a model's symbols.

A model knows only symbols, and it was trained on languages in which each of them meant everything: any one-to-one
binding of a user's words to symbols asks it the same question.
"""

import random
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_SENTENCE_WORDS = 1_000
MAX_EXAMPLE_WORDS = 10_000  # source words of all examples together


class TranslationError(ValueError):
    """An input that can't be translated; the message is a sentence for the person who typed it."""


class Example(NamedTuple):
    """A sentence and its translation, as words; both have the same number of them."""

    source: tuple[str, ...]
    target: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """All that one translation needs: the examples, the sentence, the lexicon and the words of both languages."""

    examples: tuple[Example, ...]
    sentence: tuple[str, ...]
    lexicon: dict[str, str]
    source_words: tuple[str, ...]
    target_words: tuple[str, ...]


def split_sentence(sentence: object, name: str = "The sentence") -> tuple[str, ...]:
    """
    The words of a sentence, split at white space.

    Raises:
        TranslationError: if it isn't text, is empty or is longer than 1,000 words; `name` is what the error calls it.
    """
    if not isinstance(sentence, str):
        raise TranslationError(f"{name} must be text, such as 'blue red', not {reprlib.repr(sentence)}.")
    words = tuple(sentence.split())
    if not words:
        raise TranslationError(f"{name} is empty; it needs at least one word.")
    if len(words) > MAX_SENTENCE_WORDS:
        raise TranslationError(f"{name} has {len(words):,} words; at most {MAX_SENTENCE_WORDS:,} are allowed.")
    return words


def parse_examples(examples: object) -> tuple[Example, ...]:
    """
    Reads pairs such as `[("red", "dax"), ("blue red", "wif dax")]`.

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
    parsed, num_words = [], 0
    for number, pair in enumerate(examples, start=1):
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise TranslationError(
                f"Example {number} must be a pair of a sentence and its translation, such as ('red', 'dax'), "
                f"not {reprlib.repr(pair)}."
            )
        source = split_sentence(pair[0], f"The source side of example {number}")
        target = split_sentence(pair[1], f"The target side of example {number}")
        if len(source) != len(target):
            raise TranslationError(
                f"Example {number} has {len(source)} source and {len(target)} target words ({quote(source)} and "
                f"{quote(target)}), but each word must have its translation at the same place."
            )
        parsed.append(Example(source, target))
        num_words += len(source)
        if num_words > MAX_EXAMPLE_WORDS:
            raise TranslationError(
                f"The examples 1 to {number:,} have {num_words:,} source words; at most {MAX_EXAMPLE_WORDS:,} are "
                "allowed in all."
            )
    return tuple(parsed)


def learn_lexicon(examples: Sequence[Example]) -> dict[str, str]:
    """
    The translation of each source word, in the order of their first use.

    Raises:
        TranslationError: if two examples contradict each other: one word with two translations, or two words with the
            same one; the error names both examples by their number.
    """
    lexicon, meaning, first_use = {}, {}, {}
    for number, example in enumerate(examples, start=1):
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
    return lexicon


def ask(examples: object, sentence: object, num_source_words: int, num_target_words: int) -> Question:
    """
    Checks examples and a sentence, for a model of `L` source and `R` target words.

    Args:
        examples: pairs of texts, see `parse_examples`.
        sentence: the text to translate.
        num_source_words (`int`): `L`, the most distinct source words, those of the sentence included.
        num_target_words (`int`): `R`, the most distinct target words.

    Raises:
        TranslationError: if an input is malformed, contradictory, or too rich for the model.
    """
    parsed = parse_examples(examples)
    lexicon = learn_lexicon(parsed)
    words = split_sentence(sentence)
    source_words = tuple(dict.fromkeys((*lexicon, *words)))
    target_words = tuple(lexicon.values())
    for kind, used, limit in (("source", source_words, num_source_words), ("target", target_words, num_target_words)):
        if len(used) > limit:
            raise TranslationError(
                f"This model takes at most {limit} distinct {kind} words, but the examples"
                f"{' and the sentence' if kind == 'source' else ''} have {len(used)}: {quote(used)}."
            )
    return Question(parsed, words, lexicon, source_words, target_words)


def draw_binding(question: Question, num_source_words: int, num_target_words: int, rng: random.Random) -> list[int]:
    """
    Binds each word of a question to a symbol of its own, drawn at random.

    Returns:
        The tokens of its source words (of `0 … L-1`) and then of its target words (of `L … L+R-1`), each in the order
        of `question.source_words` and `question.target_words`.
    """
    sources = rng.sample(range(num_source_words), len(question.source_words))
    targets = rng.sample(range(num_target_words), len(question.target_words))
    return sources + [num_source_words + target for target in targets]


def write_prompt(question: Question, binding: Sequence[int], start_of_source: int, start_of_target: int) -> list[int]:
    """
    The episode that asks a question, up to the translation: `␁ s…s ␂ t…t ␁ s…s ␂ t…t … ␁ s…s ␂`, as tokens.

    Args:
        question (`Question`): the question.
        binding (`Sequence[int]`): the tokens of its words, from `draw_binding`.
        start_of_source, start_of_target (`int`): the tokens `␁` and `␂`.
    """
    num_sources = len(question.source_words)
    source_tokens = dict(zip(question.source_words, binding[:num_sources], strict=True))
    target_tokens = dict(zip(question.target_words, binding[num_sources:], strict=True))
    prompt = []
    for example in question.examples:
        prompt += [start_of_source, *map(source_tokens.__getitem__, example.source)]
        prompt += [start_of_target, *map(target_tokens.__getitem__, example.target)]
    return [*prompt, start_of_source, *map(source_tokens.__getitem__, question.sentence), start_of_target]


def contradiction(first: int, second: int) -> str:
    """How an error about two examples begins."""
    return f"Example {first} contradicts itself" if first == second else f"Examples {first} and {second} disagree"


def quote(words: Sequence[str]) -> str:
    """Words as an error shows them, shortened if they are many or long."""
    return reprlib.repr(" ".join(words))
