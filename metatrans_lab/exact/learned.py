"""What a person's examples have taught, as facts with their probabilities, and the example that settled each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from metatrans_lab.exact.answers import to_rounding
from metatrans_lab.exact.classes import by_setting
from metatrans_lab.exact.plans import masks
from metatrans_lab.exact.posterior import Belief, Example, Hypothesis

SURE = 0.99
"""A fact of this probability counts as settled."""

MAX_TRACED = 2_000
"""Hypotheses: with more on the way, it isn't said which example settled what."""

PARTICLES = {-1: "subject", -2: "object"}
"""The units of the family grammar that no word says."""


@dataclass(frozen=True)
class Fact:
    """Something that the language has.

    Attributes:
        kind: "family", "word", "particle", "class" or "switch". of: which word, particle or switch; "" of the family.
        values: what it may be, "" of a word that isn't said, the most probable first, with probabilities. They sum to
            less than 1 where only some of the languages that are possible have such a thing.
        settled_by: the number, from 0, of the first example after which its value is sure; None: it isn't, or that
            isn't known.
    """

    kind: str
    of: str
    values: tuple[tuple[str, float], ...]
    settled_by: int | None = None

    @property
    def is_likely(self) -> bool:
        """Is it more probable than not that the language has such a thing, and that it is the first value?"""
        return to_rounding(self.values[0][1]) > 0.5


def learned(belief: Belief) -> list[Fact]:
    """The facts of a belief: its family, then words in the order of their first use, particles, classes and
    switches.
    """
    masses: dict[tuple[str, str], dict[str, float]] = {}

    def add(kind: str, of: str, value: str, weight: float) -> None:
        values = masses.setdefault((kind, of), {})
        values[value] = values.get(value, 0.0) + weight

    heard = dict.fromkeys(word for example in belief.examples for word in example.source)
    for weight, posterior, h in belief.weighted():
        component = posterior.components[h.component]
        add("family", "", component.name, weight)
        for unit, string in h.lexicon.items():
            kind, name = ("word", unit) if isinstance(unit, str) else ("particle", PARTICLES[unit])
            add(kind, name, " ".join(string), weight)
        for word in heard:
            if word not in h.lexicon:
                add("word", word, "", weight)  # it was never said
        for word, classes in classes_of(h).items() if component.class_names else ():
            for of_class, odds in classes.items():
                add("class", word, component.class_names[of_class], weight * odds)
        of_settings = h.weights / h.total
        for switch, values in component.config.switches.items():
            if len(values) > 1:
                sets = by_setting([masks(component.config)[switch, value] for value in values], len(of_settings))
                for value, share in zip(values, (sets @ of_settings).tolist(), strict=True):
                    if share > 0:
                        # What one word says in order, two families may have a switch of the same name for.
                        add("switch", f"{component.name}: {switch}", value, weight * share)
    kinds = ("family", "word", "particle", "class", "switch")
    facts = [
        Fact(kind, of, tuple(sorted(values.items(), key=lambda pair: (-to_rounding(pair[1]), pair[0]))))
        for (kind, of), values in masses.items()
    ]
    first_use = {word: number for number, word in enumerate(heard)}
    return sorted(facts, key=lambda fact: (kinds.index(fact.kind), first_use.get(fact.of, 0)))


def classes_of(h: Hypothesis) -> dict[str, dict[int, float]]:
    """The classes that words may be of under a hypothesis, with their probabilities."""
    found: dict[str, dict[int, float]] = {word: {of_class: 1.0} for word, of_class in h.decided.items()}
    for group in h.groups:
        rest = math.prod((other.weights for other in h.groups if other is not group), start=h.prior)
        of_ways = by_setting([way.settings for way in group.ways], len(rest)) @ rest / h.total
        for way, possible in zip(group.ways, of_ways.tolist(), strict=True):
            for word, of_class in way.classes.items():
                odds = found.setdefault(word, {})
                odds[of_class] = odds.get(of_class, 0.0) + way.share * possible
    return found


def with_examples(facts: Sequence[Fact], belief: Belief, examples: Sequence[Example]) -> list[Fact]:
    """The facts, with what settled them: of the examples in the order in which the person gave them, under the
    belief's most probable reading.

    Args:
        facts: as `learned` has them after all examples.
    """
    settled: dict[tuple[str, str], int] = {}
    after = belief.posteriors[belief.likeliest].open()
    for number, example in enumerate(examples):
        after = after.learn(example)
        if not 0 < len(after.hypotheses) <= MAX_TRACED:
            return list(facts)
        now = {(fact.kind, fact.of): fact.values[0] for fact in learned(Belief.of([after], [1.0]))}
        for fact in facts:
            key = fact.kind, fact.of
            value, probability = now.get(key, (None, 0.0))
            if value == fact.values[0][0] and probability >= SURE:
                settled.setdefault(key, number)
            else:
                settled.pop(key, None)
    return [replace(fact, settled_by=settled.get((fact.kind, fact.of))) for fact in facts]
