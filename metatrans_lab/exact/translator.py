"""Translating by a person's examples, exactly: what can be known of a sentence's translation, and how well.

```python
>>> translator = ExactTranslator([("red house", "casa roja"), ("red car", "coche roja")])
>>> translator("car").text
"coche"
```
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from metatrans_lab.exact.answers import CERTAIN, Answer, answers
from metatrans_lab.exact.backwards import origins
from metatrans_lab.exact.classes import Sentence
from metatrans_lab.exact.division import Divisions, affixes, best_division
from metatrans_lab.exact.posterior import Example, Unit, in_good_order
from metatrans_lab.exact.readings import (
    CLASS_NAMES,
    NUM_SYMBOLS,
    READINGS,
    ConflictError,
    Reading,
    Understanding,
    posterior_of,
    readings,
    understand,
    worth_of,
)
from metatrans_lab.exact.telling import most_telling
from metatrans_lab.exact.words import Division, Side, stems
from modeling_metalstm.errors_metalstm import TranslationError
from modeling_metalstm.rules_metalstm import UNKNOWN_WORD
from modeling_metalstm.spelling_metalstm import Spelling

MAX_COMPARED = 500
"""Hypotheses of each way to divide words."""

ROUNDED = 9
"""Digits of what these are worth."""

UNREAD = 0.001
"""The probability that an example fits no language, where words are divided: it is what divisions are for."""

LEAST_POSSIBLE, MOST_PROBABLY = 0.1, 0.5
"""The probability that the language has a sentence at all: with less than the first it is taken to have none such,
with less than the second its translation isn't settled.
"""

LONGEST_WORD = 8
"""In letters, where each letter of the translations is read as one of their words."""


class Word(NamedTuple):
    """A unit of a sentence, or of its translation.

    Attributes:
        source: a word of the sentence that was asked for; "" of a particle, which no word says.
        target: what it is in the translation, which may be nothing; `UNKNOWN_WORD`, if no example tells; None where
            that isn't told word by word, as of a sentence that is translated back.
        example: the number, from 0, of the first example with the word; None: there is none.
    """

    source: str
    target: str | None
    example: int | None


@dataclass(frozen=True)
class Translation:
    """What the examples say of a sentence.

    Attributes:
        text: its most probable translation; `UNKNOWN_WORD` for what no example tells.
        probability: of it; 0.0 where the sentence can be none of the language, and `text` is its words one by one.
        others: the other translations that are possible, with their probabilities, the most probable first.
        words: the units of the translation; of a sentence that is translated back, or word by word, its own.
        unknown: the sentence's words that no example has.
        ask: a sentence whose translation would tell most, as text; None: nothing is open.
        is_complete: is nothing of it unknown? is_exact: was all that is possible weighed?
        possible: the probability that the language has such a sentence.
        left_out: the numbers, from 0, of examples that have no part in it, as they don't fit the others.
        told: the number, from 0, of one of these that has this very sentence, if no other example has.
        is_other_way: are its words none of this side's, and some of the other's?
    """

    text: str
    probability: float
    others: tuple[tuple[str, float], ...]
    words: tuple[Word, ...]
    unknown: tuple[str, ...]
    ask: str | None
    is_complete: bool
    is_exact: bool
    possible: float = 1.0
    left_out: tuple[int, ...] = ()
    told: int | None = None
    is_other_way: bool = False

    @property
    def is_settled(self) -> bool:
        """Do the examples, all of them, leave this translation alone?"""
        is_told = self.probability >= CERTAIN and self.is_complete and self.possible >= MOST_PROBABLY
        return is_told and self.is_exact and not self.left_out


class ExactTranslator:
    """Translates by examples, exactly: every language of the families at hand that explains them has a part in the
    answer.

    Args:
        rules: sentences with their translations.
        separator, exact: what words are, see `Spelling`. Where they aren't given, words are divided into stems and
            affixes if that makes the examples more probable.
        divisions: of these alone the first is taken by which the examples are most probable; None: of any.

    Raises:
        TranslationError: there are no rules, one can't be read, or some can't all be right.
    """

    def __init__(
        self,
        rules: Sequence[tuple[str, str]],
        separator: str | None = None,
        exact: bool = False,
        divisions: Sequence[Divisions] | None = None,
    ) -> None:
        if not rules:
            raise TranslationError("There are no examples; give at least one pair, such as ('red', 'dax').")
        self.rules = tuple((source, target) for source, target in rules)
        self.spelling = Spelling(separator, exact)
        self.is_turned = False
        self._divisions = divisions
        self.sides = self._read(self.rules)
        if separator != "" and not _is_plain(self.sides):
            turned = self._read([(target, source) for source, target in self.rules], is_turned=True)
            self.is_turned = _is_plain(turned) and _joint(turned) > _joint(self.sides)
            self.sides = turned if self.is_turned else self.sides

    def _read(self, rules: Sequence[tuple[str, str]], is_turned: bool = False) -> _Sides:
        """Rules, with their words as they are probably divided.

        Args:
            is_turned: are they to be read so only if a language of the first reading explains them?
        """
        spelling = self.spelling
        sides = _Sides.read(rules, (spelling, spelling), ((), ()))
        if spelling.separator == "":  # of the translations; sentences may have blanks between their words all the same
            spaced = _Sides.read(rules, (Spelling(None, spelling.exact), spelling), ((), ()))
            return max(sides, spaced, key=lambda one: _worth(one, one.readings))

        def divided(divisions: Divisions) -> _Sides:
            return _Sides.read(rules, (spelling, spelling), divisions, sides)

        # Words are divided so that every morpheme is one word of the other side, and not for less.
        simply, few = sides.readings[:1], self._divisions
        if few is not None:
            most = few[0] if len(few) == 1 else max(few, key=lambda one: round(_worth(divided(one), simply), ROUNDED))
            return divided(most)
        tried = affixes(sides.words(0)), affixes(sides.words(1))
        if spelling.separator is not None or spelling.exact or not any(tried):
            return sides
        best, worth = best_division(tried, lambda divisions: _worth(divided(divisions), simply))
        is_less = any(best) and not is_turned and _worth_freely(sides, worth) >= worth
        return sides if is_less else divided(best)

    @property
    def read_as(self) -> str:
        """How the examples are read, as a clause, where that isn't how they are written."""
        clauses = (
            []
            if self.understanding.reading.longest == 1 and not self.understanding.reading.alike
            else [self.understanding.reading.says]
        )
        if self.is_turned:
            clauses.append("the sentences stand on the right, in words of the left")
        names = ("words", "translations")
        for side, name in zip(
            (self.sides.source, self.sides.target), names[:: -1 if self.is_turned else 1], strict=True
        ):
            if side.division:
                clauses.append(f"{name} are divided at {', '.join(map(str, side.division))}")
        return "; ".join(clauses)

    @cached_property
    def understanding(self) -> Understanding:
        """What is believed after the examples.

        Raises:
            TranslationError: some can't all be right.
        """
        try:
            return _understand(self.sides.examples, self.sides.classes, self.sides.readings)
        except ConflictError as conflict:
            raise TranslationError(self._tell(conflict)) from conflict

    @cached_property
    def _endings(self) -> set[str]:
        """The target words that probably are particles, which no word of a sentence says."""
        masses: dict[str, float] = {}
        for weight, _, h in self.understanding.belief.weighted():
            for word in {word for unit, string in h.lexicon.items() if not isinstance(unit, str) for word in string}:
                masses[word] = masses.get(word, 0.0) + weight
        return {word for word, mass in masses.items() if mass >= MOST_PROBABLY}

    @property
    def is_in_place(self) -> bool:
        """May the language well be a word for a word in place?"""
        sides = self.sides
        if self.is_turned or sides.source.division or sides.target.division or self.understanding.reading.longest > 1:
            return False
        weighted = self.understanding.belief.weighted()
        in_place = sum(w for w, posterior, h in weighted if posterior.components[h.component].name == "lexicon")
        return in_place >= LEAST_POSSIBLE

    @property
    def left_out(self) -> tuple[int, ...]:
        """The numbers, from 0, of examples that don't fit the others, or the language since its rules changed."""
        return (*range(self.understanding.changed), *self.understanding.left_out)

    def _tell(self, conflict: ConflictError) -> str:
        numbers = conflict.numbers
        quoted = " and ".join(f"“{source} = {target}”" for source, target in (self.rules[i] for i in numbers))
        if not conflict.is_alone:
            told = f"Example {numbers[0] + 1} fits no language that is known here and has those before it: {quoted}."
        elif len(numbers) == 1:
            told = f"Example {numbers[0] + 1} is of no language that is known here: {quoted}."
        else:
            named = f"{', '.join(str(i + 1) for i in numbers[:-1])} and {numbers[-1] + 1}"
            told = f"Examples {named} disagree: no language that is known here has {quoted}."
        may_divide = self.spelling.separator is None and not self.spelling.exact and affixes(self.sides.words(1))
        return f"{told} If words have endings, write them with hyphens, as in neko-ra." if may_divide else told

    def __call__(self, sentence: str) -> Translation:
        """Translates a sentence.

        Raises:
            TranslationError: it is no sentence, or the examples can't all be right.
        """
        return self._backwards(sentence) if self.is_turned else self._forwards(sentence)

    def back(self, translation: str) -> Translation:
        """Translates the other way: says of which sentence a text is the translation.

        Raises:
            TranslationError: as a call.
        """
        return self._forwards(translation) if self.is_turned else self._backwards(translation)

    def write(self, sentence: str, words: Sequence[str]) -> str:
        """A translation of a sentence that another gave, as it is written.

        Args:
            words: of the examples, or "?".
        """
        units, joined = self.sides.source.read_question(sentence)
        found = answers(self.understanding.belief, units)
        said = {one.unit: one.words for one in found[0].translation if one.words} if found else {}
        both_ways = ((one, other) for pair in joined for one, other in (pair, pair[::-1]))
        beside = {(said[one][-1], said[other][0]) for one, other in both_ways if one in said and other in said}
        together = [number for number in range(1, len(words)) if (words[number - 1], words[number]) in beside]
        return self.sides.target.write_sentence(words, together)

    def _forwards(self, sentence: str) -> Translation:
        belief = self.understanding.belief
        words, joined = self.sides.source.read_question(sentence)
        found = answers(belief, words)
        if not found or found[0].possible < LEAST_POSSIBLE:
            return self._word_by_word(words)
        best, unknown = found[0], self._unknown(words)
        telling = most_telling(belief, words, found)
        return Translation(
            text=self._text(best, joined),
            probability=best.probability,
            others=tuple((self._text(answer, joined), answer.probability) for answer in found[1:]),
            words=tuple(
                self._word(said.unit, UNKNOWN_WORD if said.words is None else self.sides.target.write(said.words))
                for said in best.translation
            ),
            unknown=unknown,
            # What would tell more among languages that don't explain all examples isn't what is missing.
            ask=None if telling is None or self.left_out else self.sides.source.write(telling.sentence),
            # Nobody knows how a stem is written that was read with endings alone; and whether a word that no example
            # has is left unsaid is for the person to tell, even if nothing else is possible here.
            is_complete=best.is_complete
            and not unknown
            and not self.sides.target.is_bare(best.words, self._endings, _together(best, joined)),
            is_exact=belief.is_exact,
            possible=best.possible,
            left_out=self.left_out,
            told=self._told(words),
            is_other_way=self._is_other_way(words, 0),
        )

    def _word_by_word(self, words: Sentence) -> Translation:
        """Of a sentence that can be none of the language: each word as it is said alone, if it may be."""
        alone = [answers(self.understanding.belief, (word,)) for word in words]
        targets = [self._text(found[0], set()) if found else UNKNOWN_WORD for found in alone]
        return Translation(
            text=self.spelling.join(targets),
            probability=0.0,
            others=(),
            words=tuple(self._word(word, target) for word, target in zip(words, targets, strict=True)),
            unknown=self._unknown(words),
            ask=None,
            is_complete=False,
            is_exact=self.understanding.belief.is_exact,
            told=self._told(words),
            is_other_way=self._is_other_way(words, 0),
        )

    def _backwards(self, translation: str) -> Translation:
        side, belief = self.sides.target, self.understanding.belief
        words, _ = side.read_question(translation)
        found, is_exact = origins(belief, words)
        texts = [(self.sides.source.write_sentence(answer.words), answer.probability) for answer in found]
        text, probability = texts[0] if texts else (self._back_word_by_word(words), 0.0)
        first = [_first(word, (example.target for example in self.sides.examples)) for word in words]
        written = [side.written[word] for word in words]
        unknown = tuple(dict.fromkeys(word for word, number in zip(written, first, strict=True) if number is None))
        return Translation(
            text=text,
            probability=probability,
            others=tuple(texts[1:]),
            words=tuple(Word(word, None, number) for word, number in zip(written, first, strict=True)),
            unknown=unknown,
            ask=None,
            is_complete=bool(found) and found[0].is_complete and not unknown,
            is_exact=is_exact,
            left_out=self.left_out,
            is_other_way=self._is_other_way(words, 1),
        )

    def _back_word_by_word(self, words: Sentence) -> str:
        """Of a translation that can be of no sentence: of what each of its words is the translation, if it may be."""
        alone = [origins(self.understanding.belief, (word,))[0] for word in words]
        return self.sides.source.write(
            [word for found in alone for word in (found[0].words if found else (UNKNOWN_WORD,))]
        )

    def _word(self, unit: Unit, target: str) -> Word:
        if not isinstance(unit, str):
            return Word("", target, None)
        return Word(self.sides.source.written[unit], target, _first(unit, (e.source for e in self.sides.examples)))

    def _told(self, words: Sentence) -> int | None:
        """The number of a left-out example of this very sentence; None if there is none, or another one has it too."""
        same = [number for number, example in enumerate(self.sides.examples) if example.source == words]
        return same[0] if same and set(same) <= set(self.left_out) else None

    def _is_other_way(self, words: Sentence, side: int) -> bool:
        """Are a question's words, of side 0 or 1, none of this side's, and some of the other's?"""
        own, other = set(self.sides.words(side)), set(self.sides.words(1 - side))
        return own.isdisjoint(words) and not other.isdisjoint(words)

    def _unknown(self, words: Sentence) -> tuple[str, ...]:
        """The words of a sentence that no example has, as they are written."""
        known = set(self.sides.words(0))
        return tuple(dict.fromkeys(self.sides.source.written[word] for word in words if word not in known))

    def _text(self, answer: Answer, joined: set[tuple[str, str]]) -> str:
        """An answer as it is written.

        Args:
            joined: neighbours in the question that no blank divides.
        """
        return self.sides.target.write_sentence(answer.words, _together(answer, joined))


def _together(answer: Answer, joined: set[tuple[str, str]]) -> list[int]:
    """The numbers of an answer's words that belong to the one before, as what they say does in the question."""
    together, number, before = [], 0, None
    for said in answer.translation:
        if before is not None and {(before, said.unit), (said.unit, before)} & joined:
            together.append(number)
        number, before = number + (1 if said.words is None else len(said.words)), said.unit
    return together


def _first(unit: str, sentences: Iterable[Sentence]) -> int | None:
    """The number of the first sentence that has a unit."""
    return next((number for number, sentence in enumerate(sentences) if unit in sentence), None)


@dataclass(frozen=True)
class _Sides:
    """Both sides of rules, and the examples that they are."""

    source: Side
    target: Side
    examples: tuple[Example, ...]

    @classmethod
    def read(
        cls,
        rules: Sequence[tuple[str, str]],
        spellings: tuple[Spelling, Spelling],
        affixes: tuple[Division, Division],
        whole: _Sides | None = None,
    ) -> _Sides:
        """Rules, with these affixes taken off their words.

        Args:
            whole: the same without; None: not read yet.
        """
        if whole is None:
            whole = cls._read(rules, Side(spellings[0], CLASS_NAMES), Side(spellings[1]))
        if not any(affixes):
            return whole
        known = [stems(affixes[number], set(whole.words(number))) for number in (0, 1)]
        return cls._read(
            rules,
            Side(spellings[0], CLASS_NAMES, affixes[0], known[0]),
            Side(spellings[1], (), affixes[1], known[1]),
        )

    @classmethod
    def _read(cls, rules: Sequence[tuple[str, str]], source: Side, target: Side) -> _Sides:
        examples = [
            Example(
                source.read(rule[0], f"The source side of example {number}"),
                target.read(rule[1], f"The target side of example {number}"),
            )
            for number, rule in enumerate(rules, 1)
        ]
        return cls(source, target, tuple(examples))

    def words(self, side: int) -> Iterator[str]:
        """All units of a side, 0 the source, 1 the target."""
        return (word for example in self.examples for word in (example.source, example.target)[side])

    @property
    def readings(self) -> tuple[Reading, ...]:
        """How the examples may be read. Where all letters are words it is a cipher; where those of the translations
        alone are, they make up words.
        """
        of_letters = [side.spelling.separator == "" for side in (self.source, self.target)]
        return readings()[:1] if all(of_letters) else readings(LONGEST_WORD) if any(of_letters) else READINGS

    @property
    def classes(self) -> tuple[tuple[str, str], ...]:
        """The classes that were said."""
        return tuple(sorted(self.source.classes.items()))


def _is_plain(sides: _Sides) -> bool:
    """Does a language of the first reading explain all examples?"""
    ordered = in_good_order(sides.examples)
    return bool(posterior_of(sides.readings[0], ordered, dict(sides.classes)).hypotheses)


def _worth(sides: _Sides, read_as: Sequence[Reading]) -> float:
    """The logarithm of the probability of the examples' translations, if they are read so: by the first reading that
    explains all, or else by the first.
    """
    classes, ordered = dict(sides.classes), in_good_order(sides.examples)
    for reading in read_as:
        posterior = posterior_of(reading, ordered, classes, MAX_COMPARED)
        if posterior.hypotheses:
            return posterior.evidence
    return worth_of(posterior_of(read_as[0], ordered, classes, MAX_COMPARED, is_patient=True), ordered, UNREAD)


def _worth_freely(sides: _Sides, least: float) -> float:
    """As `_worth`, by the other readings that explain all examples; what is less than the least may be −∞."""
    classes, ordered = dict(sides.classes), in_good_order(sides.examples)
    for reading in sides.readings[1:]:
        posterior = posterior_of(reading, ordered, classes, MAX_COMPARED, least=least)
        if posterior.hypotheses:
            return posterior.evidence
    return -math.inf


def _joint(sides: _Sides) -> float:
    """The same of the sentences too, any word of which is as probable as any other."""
    words = list(sides.words(0))
    return _worth(sides, sides.readings) - len(words) * math.log(max(len(set(words)), NUM_SYMBOLS))


@lru_cache(maxsize=8)
def _understand(
    examples: tuple[Example, ...],
    classes: tuple[tuple[str, str], ...],
    read_as: tuple[Reading, ...],
) -> Understanding:
    return understand(examples, dict(classes), read_as)
