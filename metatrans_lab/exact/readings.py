"""How a person's examples can be read.

1. Every word, affix or particle is one word of the translation, and no two are the same: a word for a word in place or
   in another order, a grammar, operators. These are the languages of the family mixed, and where one of them explains
   the examples, no others are thought of.

Else all of these, by their probability:

2. A unit may be as many as three words (letters, where letters are words: eight).
3. Two units may be translated alike, as *see* and *sees* are.
4. Both, and a word may not be said at all.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from dataset_script.families.order import OrderConfig
from dataset_script.families.repetition import RepetitionConfig
from metatrans_lab.exact.classes import Component
from metatrans_lab.exact.grammar import SpokenGrammar
from metatrans_lab.exact.posterior import (
    MAX_HYPOTHESES,
    Belief,
    Example,
    Posterior,
    costs_to_come,
    evidence_at_most,
    in_good_order,
)

NUM_SYMBOLS = 64
"""Target words that a language is taken to have, if its examples don't have more: so many that it is no accident when
two units say the same.
"""

PATIENT = 10
"""How many times as many hypotheses are kept where none is left in the end, perhaps because too few were kept."""

MAX_FREELY = 500
"""Hypotheses of each of the other readings: the least probable of more are left out."""

LEFT_OUT = 0.02
"""The probability that an example fits no language that is known here; then each word of its translation is any."""

ROUNDING = 1e-6
"""Of the logarithm of a probability: more than what is computed of it may be wrong by."""

MANY = 6
"""Of so many examples, that one is a mistake is thought of before the other readings are."""

MAX_FREE = 24
"""Words or letters of the longest sentence of which more is thought than that every word has one."""

CLASS_NAMES = ("noun", "verb", "adjective", "article", "plural")
"""By which a person says a word's class, in the order of the family grammar's."""


@dataclass(frozen=True)
class Reading:
    """One of them.

    Attributes:
        says: what it takes a language to be, as a clause. longest, silent, alike: as of `Posterior`.
        weight: its prior probability among those that are thought of together, to a factor.
    """

    says: str
    longest: int
    silent: bool = False
    alike: bool = False
    weight: float = 1.0


def readings(longest: int = 3) -> tuple[Reading, ...]:
    """All of them, the simplest first.

    Args:
        longest: target words of the longest unit that may have several.
    """
    return (
        Reading("each word is one of the translation", 1),
        Reading(f"a word may be up to {longest} of the translation", longest),
        Reading("two words may be the same in the translation", 1, alike=True),
        Reading(f"a word may be none to {longest} of the translation", longest, silent=True, alike=True, weight=0.1),
    )


READINGS = readings()


@lru_cache(maxsize=1)
def components() -> tuple[Component, ...]:
    """The families that a person's language may be of; equally probable, as in the family mixed."""
    # Of a config, the sentences' lengths don't count here; short ones are checked sooner.
    return (
        Component("lexicon", OrderConfig(orders=("straight",), sentence_length=1)),
        Component("order", OrderConfig(sentence_length=1)),
        Component("grammar", SpokenGrammar(), CLASS_NAMES),
        Component("repetition", RepetitionConfig(sentence_length=1)),
    )


@dataclass(frozen=True)
class Understanding:
    """What is believed after examples.

    Attributes:
        reading: the first, or the most probable of those that are thought of else.
        belief: under the first reading, or under those that are thought of else.
        left_out: the numbers, from 0, of examples that had to be left out, as nothing explains them beside the others.
        changed: the number of the first example of the language at hand, where the rules changed before it; else 0.
    """

    reading: Reading
    belief: Belief
    left_out: tuple[int, ...] = ()
    changed: int = 0


class ConflictError(Exception):
    """No reading explains some examples.

    Attributes:
        numbers: of a smallest set of them that can't all be right, from 0.
        is_alone: whether it is these alone; if not, it is this one with those before it.
    """

    def __init__(self, numbers: tuple[int, ...], is_alone: bool = True) -> None:
        super().__init__(f"examples {numbers} can't all be right")
        self.numbers, self.is_alone = numbers, is_alone


def understand(
    examples: Sequence[Example],
    classes: Mapping[str, str] | None = None,
    read_as: Sequence[Reading] = READINGS,
) -> Understanding:
    """What examples teach, by the first reading or by the others, if they explain them all; else but for the only one
    without which the first does, which is thought of earlier where examples are many; else since a change of rules;
    else but for the first that those before it rule out, and others, as long as most are explained.

    Args:
        examples: in their order. classes: of source words, by name (`CLASS_NAMES`), where the person said them.
        read_as: the readings to try, in this order.

    Raises:
        ConflictError: none of these is so, or a few of the examples contradict each other.
    """
    return _Examples(examples, classes or {}, read_as).understand()


class _Examples:
    """A person's examples, of which some may have to be left out."""

    def __init__(self, examples: Sequence[Example], classes: Mapping[str, str], read_as: Sequence[Reading]) -> None:
        self.examples, self.classes, self.read_as = examples, classes, read_as
        self.ordered = in_good_order(examples)
        self.numbers = range(len(examples))

    def _explain(self, numbers: Sequence[int], reading: Reading, most: int) -> Posterior:
        chosen = {self.examples[number] for number in numbers}
        return posterior_of(reading, [one for one in self.ordered if one in chosen], self.classes, most)

    def simply(self, numbers: Sequence[int]) -> Understanding | None:
        """By the first reading; of the others there are too many languages to look for many mistakes among them."""
        for most in (MAX_HYPOTHESES, PATIENT * MAX_HYPOTHESES):
            posterior = self._explain(numbers, self.read_as[0], most)
            if posterior.hypotheses:
                return Understanding(self.read_as[0], Belief.of([posterior], [1.0]))
            if posterior.is_exact:
                break
        return None

    def freely(self, numbers: Sequence[int]) -> Understanding | None:
        """By the others."""
        if any(max(len(self.examples[i].source), len(self.examples[i].target)) > MAX_FREE for i in numbers):
            return None
        read = [(one, self._explain(numbers, one, MAX_FREELY)) for one in self.read_as[1:]]
        read = [(one, posterior) for one, posterior in read if posterior.hypotheses]
        belief = Belief.of([posterior for _, posterior in read], [one.weight for one, _ in read])
        return Understanding(read[belief.likeliest][0], belief) if read else None

    def anyhow(self, numbers: Sequence[int]) -> Understanding | None:
        """By any reading."""
        return self.simply(numbers) or self.freely(numbers)

    def all_but(self, number: int) -> list[int]:
        return [other for other in self.numbers if other != number]

    def ruled_out(self, explain: Callable[[Sequence[int]], object], first: int = 0) -> int:
        """The first example that those before it rule out; no longer beginning can be explained either."""
        return bisect.bisect_left(self.numbers, True, lo=first, key=lambda n: explain(self.numbers[: n + 1]) is None)

    def understand(self) -> Understanding:
        found = self.simply(self.numbers)
        if found is not None:
            return found
        first = self.ruled_out(self.simply)
        without = []
        for number in self.numbers[: first + 1]:
            if self.simply([other for other in self.numbers[: first + 1] if other != number]) is not None:
                rest = self.simply(self.all_but(number))
                without += [] if rest is None else [replace(rest, left_out=(number,))]
        mistake = without[0] if len(self.examples) > 2 and len(without) == 1 else None
        if mistake is not None and len(self.examples) >= MANY:
            return mistake
        found = self.freely(self.numbers)
        if found is not None and mistake is None and len(self.examples) >= MANY:
            # What nearly all of them are by the first reading they may rather be.
            patient = posterior_of(self.read_as[0], self.ordered, self.classes, is_patient=True)
            if worth_of(patient, self.examples) > found.belief.evidence:
                return self._of_patient(patient)
        found = found or mistake
        if found is None and not without:
            found = self.simply(self.numbers[first:])
            found = None if found is None else replace(found, changed=first)
        return found or self._without_some(first)

    def _without_some(self, first: int) -> Understanding:
        """But for some examples; `first` is the first that those before it rule out by the first reading."""
        conflict = self._smallest_conflict(self.numbers[: first + 1])
        if self.freely(conflict) is None:
            raise ConflictError(conflict)
        later = self.ruled_out(self.anyhow, first)
        found = self.freely(self.all_but(later))
        if found is not None:
            return replace(found, left_out=(later,))
        # The languages that are known here are too simple for these examples; for most of them they may do.
        posterior = posterior_of(self.read_as[0], self.ordered, self.classes, is_patient=True)
        if len(posterior.examples) <= len(self.examples) / 2:
            raise ConflictError((later,), is_alone=False)
        return self._of_patient(posterior)

    def _of_patient(self, posterior: Posterior) -> Understanding:
        """By the first reading, of examples of which those that don't fit were left out."""
        kept = set(posterior.examples)
        left_out = tuple(number for number in self.numbers if self.examples[number] not in kept)
        return Understanding(self.read_as[0], Belief.of([posterior], [1.0]), left_out)

    def _smallest_conflict(self, numbers: Sequence[int]) -> tuple[int, ...]:
        """Of examples that the first reading doesn't explain, as few as it doesn't either: none of them can be left
        out.
        """
        for number in list(numbers):
            rest = [other for other in numbers if other != number]
            if self.simply(rest) is None:
                numbers = rest
        return tuple(numbers)


def worth_of(posterior: Posterior, examples: Sequence[Example], left_out: float = LEFT_OUT) -> float:
    """The logarithm of the probability of the examples' translations, if those that a posterior hasn't read fit no
    language.

    Args:
        left_out: the probability that one fits none.
    """
    read = set(posterior.examples)
    others = [len(example.target) for example in examples if example not in read]
    return posterior.evidence + len(others) * math.log(left_out) - sum(others) * math.log(posterior.num_symbols)


@dataclass
class _Step:
    """What is believed after some examples, and after one more."""

    after: Posterior
    following: dict[Example, _Step] = field(default_factory=dict)


class _Steps:
    """What was learned lately, example by example: while a person types, nearly all of it stays as it is.

    Args:
        most: of their size that is kept, about half a kilobyte each; with more all are forgotten.
    """

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self.starts: dict[tuple, _Step] = {}

    def learn(
        self, start: Posterior, examples: Sequence[Example], is_patient: bool = False, least: float = -math.inf
    ) -> Posterior:
        """After examples, or after the first of them that nothing explains.

        Args:
            start: without examples. is_patient: leave out an example that nothing explains, and go on.
            least: where the evidence is going to come to less, no more are read, and nothing explains them.
        """
        if self.size > self.most:
            self.starts, self.size = {}, 0
        key = start.longest, start.silent, start.alike, start.num_symbols, start.most, tuple(start.classes.items())
        step = self.starts.setdefault(key, _Step(start.open()))
        to_come = costs_to_come(start, examples) if least > -math.inf else []
        for number, example in enumerate(examples):
            if example not in step.following:
                after = step.after.learn(example)
                step.following[example] = _Step(after)
                self.size += 1 + sum(10 + sum(16 + len(g.ways) for g in h.groups[-1:]) for h in after.hypotheses)
            if step.following[example].after.hypotheses or not is_patient:
                step = step.following[example]
            if not step.after.hypotheses:
                break
            if to_come and evidence_at_most(step.after, to_come[number]) < least - ROUNDING:
                return start
        return step.after


_STEPS = _Steps(most=600_000)


def posterior_of(
    reading: Reading,
    examples: Sequence[Example],
    classes: Mapping[str, str],
    most: int = MAX_HYPOTHESES,
    is_patient: bool = False,
    least: float = -math.inf,
) -> Posterior:
    """After examples in this order, under a reading; without hypotheses, if none of so many that are kept explains
    them.

    Args:
        is_patient: leave out examples that nothing explains beside those before; which were read, the posterior says.
        least: of the evidence; where it comes to less, it is as if nothing explained them.
    """
    symbols = {word for example in examples for word in example.target}
    num_symbols = max(NUM_SYMBOLS, len(symbols) + 1)
    start = Posterior(components(), reading.longest, reading.silent, reading.alike, classes, num_symbols, most)
    return _STEPS.learn(start, examples, is_patient, least)
