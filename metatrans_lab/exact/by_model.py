"""What a model of the family mixed says of a person's sentence: it reads their examples in symbols of its alphabet.

Which class a word is of, such a model knows by its symbol. So words are bound to symbols of the classes that the exact
belief gives them; where several are possible, the more probable ones have more bindings. All bindings are averaged,
word by word, and the most probable word is said, until the end is.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel

from dataset_script.families.grammar import PLURAL, VERB, GrammarConfig
from dataset_script.families.mixed import MixedConfig
from metatrans_lab.exact.answers import given, to_rounding, translations
from metatrans_lab.exact.classes import Sentence
from metatrans_lab.exact.posterior import Belief
from metatrans_lab.exact.translator import ExactTranslator
from modeling_metalstm.capabilities_metalstm import frozen_weights
from modeling_metalstm.errors_metalstm import TooManyWordsError, TranslationError
from modeling_metalstm.reading_metalstm import Reading
from modeling_metalstm.rules_metalstm import UNKNOWN_WORD

MAX_CLASSES = 4
"""Ways to give words their classes, of which the most probable are read."""

MAX_HYPOTHESES = 50
"""The most probable ones, whose classes are thought of."""

MANY_BINDINGS = 2
"""Times as many bindings are averaged as of a model that reads words in place: the order of examples is too."""

LONGEST = 24
"""Words of a translation; by then the model has lost its thread."""


@dataclass(frozen=True)
class Classes:
    """One way to give words their classes.

    Attributes:
        family: whose classes they are. of_word: the number of each word's.
    """

    family: str
    of_word: Mapping[str, int]


@dataclass(frozen=True)
class _Question:
    """Examples and a question in a model's symbols, a row for each binding.

    Attributes:
        targets: the examples' target words. rows: the examples' tokens. asked: the question's.
        symbols: of each row, those of the target words.
    """

    targets: list[str]
    rows: list[list[int]]
    asked: list[list[int]]
    symbols: list[list[int]]


class MixedReader:
    """Asks a model that was trained on the family mixed.

    Args:
        model: a causal LM. language: what it was trained on.
        num_bindings: how many random bindings of words to symbols are averaged. seed: of them.
    """

    def __init__(self, model: PreTrainedModel, language: MixedConfig, num_bindings: int = 8, seed: int = 0) -> None:
        self.model, self.language, self.num_bindings, self.seed = model, language, num_bindings, seed
        self._read: tuple[list[list[int]], Reading] | None = None  # the examples of the last question
        self.class_sizes = class_sizes(language)

    def __call__(self, translator: ExactTranslator, sentence: str) -> dict[str, Any]:
        """The model's translation.

        Returns:
            translation_text, "?" for a word that no example has; its probability; words: each target word and its
            probability.

        Raises:
            TranslationError: it can't be translated, or the model hasn't as many words.
        """
        question = self._bound(translator, sentence)
        said, probabilities, _ = self._decode(question)
        spoken = [UNKNOWN_WORD if number is None else question.targets[number] for number in said]
        return {
            "translation_text": translator.write(sentence, spoken),
            "probability": math.prod(probabilities),
            "words": [{"target": word, "probability": p} for word, p in zip(spoken, probabilities, strict=False)],
        }

    def probability(self, translator: ExactTranslator, sentence: str, translation: str) -> float:
        """Of a translation all of whose words the examples have.

        Raises:
            TranslationError: as a call; or a word of the translation is in no example.
        """
        return math.prod(self._read_translation(translator, sentence, translation)[1])

    def right_words(self, translator: ExactTranslator, sentence: str, translation: str) -> list[bool]:
        """Of each word of a translation, whether it is what the model holds most probable after those before it.

        Raises:
            TranslationError: as `probability`.
        """
        *words, _ = self._read_translation(translator, sentence, translation)[2]  # without the end
        return words

    def _read_translation(
        self, translator: ExactTranslator, sentence: str, translation: str
    ) -> tuple[list[int | None], list[float], list[bool]]:
        """As `_decode`, of a translation that is said."""
        question = self._bound(translator, sentence)
        words, _ = translator.sides.target.read_question(translation)
        missing = [word for word in words if word not in question.targets]
        if missing:
            raise TranslationError(f"No example has the word {missing[0]!r}.")
        return self._decode(question, [question.targets.index(word) for word in words])

    def _bound(self, translator: ExactTranslator, sentence: str) -> _Question:
        """A question and the examples, in symbols of the model: in each row with words bound to others at random, and
        the examples in another order, on which nothing hangs.
        """
        if translator.is_turned:
            raise TranslationError("It reads sentences on the left alone, with their translations on the right.")
        words, _ = translator.sides.source.read_question(sentence)
        targets = list(dict.fromkeys(w for example in translator.sides.examples for w in example.target))
        if len(targets) > self.language.num_symbols:
            raise TooManyWordsError(
                f"This model takes at most {self.language.num_symbols} distinct target words, but the examples have "
                f"{len(targets)}.",
                len(targets),
            )
        rng = random.Random(self.seed)
        understanding = translator.understanding
        classes = likely_classes(understanding.belief, words, self.num_bindings, self._has_room)
        left_out = set(translator.left_out)
        examples = [example for n, example in enumerate(translator.sides.examples) if n not in left_out]
        rows, asked, symbols = [], [], []
        for one in classes:
            source, own = self._bind(one, rng), rng.sample(range(self.language.num_symbols), len(targets))
            shuffled = rng.sample(examples, len(examples))
            written = (
                self._write(_unmarked(example.source, one), example.target, source, targets, own)
                for example in shuffled
            )
            rows.append(list(itertools.chain(*written)))
            asked.append(self._write(_unmarked(words, one), None, source, targets, own))
            symbols.append(own)
        # Where an -s may mark a verb or a noun, what is read has two lengths, and the model reads those of one.
        sizes = [(len(row), len(one)) for row, one in zip(rows, asked, strict=True)]
        size = Counter(sizes).most_common(1)[0][0]
        rows, asked, symbols = (
            [one for one, of_one in zip(ones, sizes, strict=True) if of_one == size] for ones in (rows, asked, symbols)
        )
        return _Question(targets, rows, asked, symbols)

    def _sizes(self, family: str) -> tuple[int, ...]:
        return self.class_sizes.get(family, (self.language.num_source_words,))

    def _has_room(self, family: str, of_word: Mapping[str, int]) -> bool:
        """Has the alphabet a symbol for each word of each class?"""
        numbers = Counter(of_word.values())
        return all(numbers[of_class] <= size for of_class, size in enumerate(self._sizes(family)))

    def _bind(self, classes: Classes, rng: random.Random) -> dict[str, int]:
        """A symbol of each word's class."""
        sizes = self._sizes(classes.family)
        bound: dict[str, int] = {}
        for of_class, size in enumerate(sizes):
            words = [word for word, c in classes.of_word.items() if c == of_class]
            first = sum(sizes[:of_class])
            bound |= zip(words, rng.sample(range(first, first + size), len(words)), strict=True)
        return bound

    def _write(
        self,
        source: Sentence,
        target: Sentence | None,
        bound: Mapping[str, int],
        targets: Sequence[str],
        symbols: Sequence[int],
    ) -> list[int]:
        """␁ s…s ␂ t…t, or ␁ s…s ␂ of a question."""
        config = self.language
        missing = [word for word in source if word not in bound]
        if missing:
            raise TranslationError(f"The examples leave open too much of {missing[0]!r} for this model to read it.")
        said = [] if target is None else [config.num_source_words + symbols[targets.index(word)] for word in target]
        return [config.soh, *(bound[word] for word in source), config.stx, *said]

    @torch.no_grad()
    def _reading(self, rows: list[list[int]]) -> Reading:
        """What goes on from examples; they are read once for all questions with such words."""
        if self._read is None or self._read[0] != rows:
            reading = Reading(self.model)
            if rows[0]:
                with frozen_weights(self.model):
                    reading.read(torch.tensor(rows, device=next(self.model.parameters()).device))
            self._read = rows, reading
        return self._read[1].copy()

    @torch.no_grad()
    def _decode(
        self, question: _Question, spoken: Sequence[int] | None = None
    ) -> tuple[list[int | None], list[float], list[bool]]:
        """The numbers of the target words that are said, None for one that no example has; of each and of the end, the
        probability, and whether nothing is more probable.

        Args:
            spoken: what is said, if that isn't to be what is most probable.
        """
        config, device, reading = self.language, next(self.model.parameters()).device, self._reading(question.rows)
        tokens = torch.tensor(question.asked, device=device)
        own = torch.tensor(question.symbols, device=device)  # (rows, words)
        num_rows, num_words = own.shape
        is_free = torch.ones(num_rows, config.num_symbols, dtype=torch.bool, device=device)
        is_free.scatter_(1, own, False)
        said: list[int | None] = []
        probabilities: list[float] = []
        are_best: list[bool] = []
        with frozen_weights(self.model):
            while len(said) < LONGEST:
                logits = reading.read(tokens)[:, -1].float()
                first = config.num_source_words
                of_symbols = torch.cat(
                    [logits[:, first : first + config.num_symbols], logits[:, config.soh : config.soh + 1]], 1
                ).softmax(1)  # (rows, A + 1)
                ends, of_symbols = of_symbols[:, -1], of_symbols[:, :-1]
                free = (of_symbols * is_free).sum(1)
                options = torch.cat([of_symbols.gather(1, own), free[:, None], ends[:, None]], 1).mean(0)
                best = number = int(options.argmax())
                if spoken is not None:
                    number = spoken[len(said)] if len(said) < len(spoken) else num_words + 1
                probabilities.append(float(options[number]))
                are_best.append(number == best)
                if number == num_words + 1:
                    break
                said.append(number if number < num_words else None)
                # A word that no example has is said by the most probable symbol that no word has.
                chosen = own[:, number] if number < num_words else (of_symbols * is_free).argmax(1)
                tokens = (first + chosen)[:, None]
        return said, probabilities, are_best


def class_sizes(language: MixedConfig) -> dict[str, tuple[int, ...]]:
    """By the name of a family, how many symbols each of its classes has."""
    components = zip(language.families, language.components, strict=True)
    return {family: component.class_sizes for family, component in components}


def _unmarked(sentence: Sentence, classes: Classes) -> Sentence:
    """A sentence without the marks of its verb, which the family's grammars haven't."""
    if classes.family != GrammarConfig.family:
        return sentence
    of_word = [classes.of_word.get(word) for word in sentence]
    return tuple(
        word
        for number, word in enumerate(sentence)
        if not (number and of_word[number] == PLURAL and of_word[number - 1] == VERB)
    )


def likely_classes(
    belief: Belief, sentence: Sentence, number: int, has_room: Callable[[str, Mapping[str, int]], bool]
) -> list[Classes]:
    """So many ways to give words their classes, the more of one the more probable it is.

    Args:
        has_room: whether a model has symbols for a family's classes of words.

    Raises:
        TranslationError: the sentence can be none of the language; a `TooManyWordsError`, if there is room for none.
    """
    weights: dict[tuple[str, tuple[tuple[str, int], ...]], float] = {}
    likeliest = sorted(belief.weighted(), key=lambda one: -to_rounding(one[0]))[:MAX_HYPOTHESES]
    for weight, posterior, h in likeliest:
        name = posterior.components[h.component].name
        for possible in translations(posterior, h, sentence):
            left = given(posterior, h, sentence, {possible.form: possible.settings})
            # The probable ways come first.
            for share, one in itertools.islice(left.in_full(), MAX_CLASSES):
                key = name, tuple(sorted(one.decided.items()))
                weights[key] = weights.get(key, 0.0) + weight * possible.probability * share
    if not weights:
        raise TranslationError("The sentence can be none of the language that the examples are of.")
    there_is_room = [(key, weight) for key, weight in weights.items() if has_room(key[0], dict(key[1]))]
    if not there_is_room:
        most = max(len(of_word) for _, of_word in weights)
        raise TooManyWordsError(f"This model has no room for {most} source words of such classes.", most)
    best = sorted(there_is_room, key=lambda item: (-to_rounding(item[1]), item[0]))[:MAX_CLASSES]
    total = sum(weight for _, weight in best)
    chosen: list[Classes] = []
    left_over = 0.0
    for (family, of_word), weight in best:
        left_over += number * weight / total
        times = round(to_rounding(left_over))
        left_over -= times
        chosen += [Classes(family, dict(of_word))] * times
    return chosen or [Classes(best[0][0][0], dict(best[0][0][1]))]
