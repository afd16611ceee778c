"""What a belief says of a sentence: the translations that it may have, with their odds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from metatrans_lab.exact.classes import Form, Sentence, Way, parses, together
from metatrans_lab.exact.plans import PARTICLE, numbered_plans
from metatrans_lab.exact.posterior import MAX_WAYS, Belief, Hypothesis, Posterior, Unit
from modeling_metalstm.rules_metalstm import UNKNOWN_WORD

PARTICLES = (PARTICLE, PARTICLE - 1)
"""The units that no word says."""

CERTAIN = 1 - 1e-9
"""A probability that is 1, to rounding."""


def to_rounding(probability: float) -> float:
    """A probability in fewer digits: by these those are in one order everywhere that are the same but for rounding."""
    return float(np.float32(probability))


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
        possible: the probability that the language has such a sentence at all.
    """

    translation: Translation
    probability: float
    possible: float = 1.0

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
    has_sentence = 0.0
    for weight, posterior, h in _told_apart(belief, sentence):
        found = list(translations(posterior, h, sentence))
        has_sentence += weight * bool(found)
        for possible in found:
            key, share = as_heard(possible.translation), weight * possible.probability
            mass[key] = mass.get(key, 0.0) + share
            if share > best.get(key, (0.0, ()))[0] * (1 + 1e-9):
                best[key] = share, possible.translation
    total = sum(mass.values())
    told = [Answer(best[key][1], weight / total, has_sentence) for key, weight in mass.items()]
    return sorted(told, key=lambda answer: (-to_rounding(answer.probability), answer.words))


def _told_apart(belief: Belief, sentence: Sentence) -> list[tuple[float, Posterior, Hypothesis]]:
    """The hypotheses of a belief, of those that say the same of a sentence one, with the probability of all."""
    mass: dict[tuple, float] = {}
    one_of: dict[tuple, tuple[Posterior, Hypothesis]] = {}
    units: list[Unit] = [*sentence, *PARTICLES]
    for weight, posterior, h in belief.weighted():
        own, _ = h.divide(sentence)
        key = (
            *(id(posterior), h.component, hash((h.weights / h.total).tobytes()), *map(id, own)),
            *(h.decided.get(word) for word in sentence),
            *(h.lexicon.get(unit) for unit in units),
        )
        mass[key] = mass.get(key, 0.0) + weight
        one_of.setdefault(key, (posterior, h))
    return [(weight, *one_of[key]) for key, weight in mass.items()]


def as_heard(translation: Translation) -> tuple:
    """Translations are the same answer if this is: their words, and what is not known of them."""
    parts = (((said.unit,),) if said.words is None else said.words for said in translation)
    return tuple(itertools.chain.from_iterable(parts))


@dataclass(frozen=True)
class Possible:
    """A translation that a sentence may have under a hypothesis.

    Attributes:
        probability: of it and of the form, to a factor that all translations under the hypothesis have in common: the
            probability that the sentence is possible.
        translation: what is said. form: of the sentence. settings: for which it is so, a bit each.
    """

    probability: float
    translation: Translation
    form: Form
    settings: int


def translations(posterior: Posterior, h: Hypothesis, sentence: Sentence) -> Iterator[Possible]:
    """The translations that a sentence may have under a hypothesis; none, if the sentence is impossible."""
    component = posterior.components[h.component]
    own, others = h.divide(sentence)
    rest = math.prod((group.weights for group in others), start=h.prior) / h.total
    for form, groups, _, odds in parses(component, sentence, h.decided, own, posterior.classes):
        # Given the setting groups are independent.
        weights = odds * math.prod((group.weights for group in groups), start=rest)
        plans, settings, numbers = numbered_plans(component.config, form, h.settings)
        of_plans = np.bincount(numbers, weights[settings], len(plans)).tolist()
        for (items, possible), probability in zip(plans.items(), of_plans, strict=True):
            if probability > 0:
                units: Iterator[Unit] = (sentence[item] if item >= 0 else item for item in items)
                yield Possible(probability, tuple(Said(u, h.lexicon.get(u)) for u in units), form, possible)


def given(posterior: Posterior, h: Hypothesis, sentence: Sentence, settings: Mapping[Form, int]) -> Hypothesis:
    """A hypothesis, if a sentence is of one of these forms, of each for some settings, which aren't all impossible;
    with the classes of the sentence's new words.
    """
    own, others = h.divide(sentence)
    chosen: list[Way] = []
    for form, groups, new, odds in parses(
        posterior.components[h.component], sentence, h.decided, own, posterior.classes
    ):
        ways = together(groups, h.settings & settings.get(form, 0))
        for way in itertools.islice(ways, MAX_WAYS + 1 - len(chosen)):
            chosen.append(Way({**way.classes, **new}, way.settings, way.share * odds))
    return h.with_ways(chosen, others)
