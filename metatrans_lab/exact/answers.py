"""What a belief says of a sentence: the translations that it may have, with their odds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from metatrans_lab.exact.plans import distinct_plans
from metatrans_lab.exact.posterior import Belief, Hypothesis, Posterior, Sentence, Unit
from modeling_metalstm.rules_metalstm import UNKNOWN_WORD

CERTAIN = 1 - 1e-9
"""A probability that is 1, to rounding."""


@dataclass(frozen=True)
class Said:
    """A unit of a translation.

    Attributes:
        unit: which it is: a word of the sentence, or a particle.
        words: its own, which may be none; None where no example says them.
    """

    unit: Unit
    words: Sentence | None

    @property
    def is_known(self) -> bool:
        """Do the examples say its words?"""
        return self.words is not None


Translation = tuple[Said, ...]


@dataclass(frozen=True)
class Answer:
    """A translation that is possible.

    Attributes:
        translation: with whose words. probability: of it, where an unknown word is any word.
    """

    translation: Translation
    probability: float

    @property
    def is_complete(self) -> bool:
        """Are all of its words known?"""
        return all(said.is_known for said in self.translation)

    @property
    def words(self) -> tuple[str, ...]:
        """Its words, `UNKNOWN_WORD` for one that isn't known."""
        each = ((UNKNOWN_WORD,) if said.words is None else said.words for said in self.translation)
        return tuple(itertools.chain.from_iterable(each))


def answers(belief: Belief, sentence: Sentence) -> list[Answer]:
    """All translations that a sentence may have, the most probable first; none, if the sentence can be none of a
    language of these examples.
    """
    mass: dict[tuple, float] = {}
    best: dict[tuple, tuple[float, Translation]] = {}
    for weight, posterior, h in belief.weighted():
        for probability, translation, _ in translations(posterior, h, sentence):
            key, share = as_heard(translation), weight * probability
            mass[key] = mass.get(key, 0.0) + share
            if share > best.get(key, (0.0, ()))[0]:
                best[key] = share, translation
    total = sum(mass.values())
    found = [Answer(best[key][1], weight / total) for key, weight in mass.items()]
    return sorted(found, key=lambda answer: (-answer.probability, answer.words))


def as_heard(translation: Translation) -> tuple:
    """Translations are the same answer if this is: their words, and what is not known of them."""
    parts = (((said.unit,),) if said.words is None else said.words for said in translation)
    return tuple(itertools.chain.from_iterable(parts))


def translations(
    posterior: Posterior, h: Hypothesis, sentence: Sentence
) -> Iterator[tuple[float, Translation, Hypothesis]]:
    """The translations that a sentence may have under a hypothesis, each with its probability, unless the sentence is
    impossible, and with the hypothesis that it leaves: which classes its new words have, and which settings.
    """
    component = posterior.components[h.component]
    possible = h.settings.bit_count()
    for form, new in component.parses(sentence, h.classes, posterior.classes):
        odds = math.exp(component.log_share(h.classes, new))
        classes = {**h.classes, **new} if new else h.classes
        for items, settings in distinct_plans(component.config, form).items():
            left = settings & h.settings
            if left:
                units: Iterator[Unit] = (sentence[item] if item >= 0 else item for item in items)
                said = tuple(Said(unit, h.lexicon.get(unit)) for unit in units)
                yield odds * left.bit_count() / possible, said, replace(h, settings=left, classes=classes)
