"""Which further example would tell most about the translation that a person asks for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from metatrans_lab.exact.answers import Answer, as_heard, given, to_rounding, translations
from metatrans_lab.exact.classes import Form, Sentence
from metatrans_lab.exact.posterior import Belief, Hypothesis, Posterior

NUM_HYPOTHESES = 50
"""The most probable ones, which are looked at."""

NUM_ANSWERS = 20
"""Under each of these, the most probable ones, which are told apart."""

NUM_SENTENCES = 60
"""The first ones, which are compared."""

NUM_FIRST, NUM_LAST = 10, 8
"""Under so many of the most probable hypotheses all are compared, and so many of them under all."""

LONGEST = 4
"""Words of the longest sentence that is proposed: it is to be quickly answered."""


ENOUGH = 0.9
"""Of the most that any of them tells."""

ROUNDING = 9
"""Digits of what they tell that count: by more they would be in another order on each machine."""


@dataclass(frozen=True)
class Telling:
    """A sentence whose translation would tell much.

    Attributes:
        sentence: which. nats: how much it would tell of the answer, on average: their mutual information; infinite,
            where it would tell a word that has no translation yet.
    """

    sentence: Sentence
    nats: float


def most_telling(belief: Belief, question: Sentence, found: Sequence[Answer]) -> Telling | None:
    """The sentence to ask for next; None if the question is settled, or nothing that is tried would help.

    Where a word of the question has no translation yet, the sentence has that word.

    Args:
        found: the question's answers.
    """
    if not found or (len(found) == 1 and found[0].is_complete):
        return None
    unknown = [said.unit for said in found[0].translation if not said.is_known and isinstance(said.unit, str)]
    known = {example.source for example in belief.examples}
    sentences = [sentence for sentence in _sentences(belief, question) if sentence not in known]
    if unknown:  # any sentence with it tells what it is
        with_it = (sentence for sentence in sentences if unknown[0] in sentence)
        first = min(with_it, key=lambda sentence: (sentence == question, len(sentence)), default=None)
        return None if first is None else Telling(first, math.inf)
    by_answer = sorted(_hypotheses_by_answer(belief, question), key=lambda one: -to_rounding(one[0]))
    likeliest = by_answer[:NUM_FIRST]
    tells = {sentence: round(_information(likeliest, sentence), ROUNDING) for sentence in sentences[:NUM_SENTENCES]}
    sentences = sorted(tells, key=lambda sentence: -tells[sentence])[:NUM_LAST]
    told = [Telling(sentence, _information(by_answer, sentence)) for sentence in sentences]
    most = max((telling.nats for telling in told), default=0.0)
    # Of those that tell nearly as much as any the shortest, rather than the question, which is what is asked for.
    good = [telling for telling in told if telling.nats >= ENOUGH * most]
    best = min(good, key=lambda telling: (telling.sentence == question, len(telling.sentence)), default=None)
    return best if best is not None and best.nats > 1e-6 else None


def _sentences(belief: Belief, question: Sentence) -> Iterable[Sentence]:
    """What could be asked for, without repetitions: words and parts of the question, and of examples with a word of
    the question in place of another.
    """
    asked = list(dict.fromkeys(question))

    def all_of_them() -> Iterator[Sentence]:
        yield from ((word,) for word in asked)
        for length in range(2, LONGEST + 1):
            yield from (question[first : first + length] for first in range(len(question) - length + 1))
        for source in sorted(dict.fromkeys(example.source for example in belief.examples), key=len):
            for word in asked:
                for place in range(len(source) if len(source) <= LONGEST else 0):
                    yield (*source[:place], word, *source[place + 1 :])

    return list(dict.fromkeys(all_of_them()))


Weighted = tuple[float, tuple, Posterior, Hypothesis]
"""A weight, the answer, and a hypothesis under which it is the answer."""


def _hypotheses_by_answer(belief: Belief, question: Sentence) -> Iterator[Weighted]:
    weighted = sorted(belief.weighted(), key=lambda one: -to_rounding(one[0]))
    for weight, posterior, h in weighted[:NUM_HYPOTHESES]:
        same: dict[tuple, tuple[float, dict[Form, int]]] = {}
        for possible in translations(posterior, h, question):
            share, settings = same.get(as_heard(possible.translation), (0.0, {}))
            settings[possible.form] = settings.get(possible.form, 0) | possible.settings
            same[as_heard(possible.translation)] = share + weight * possible.probability, settings
        likeliest = sorted(same.items(), key=lambda item: -to_rounding(item[1][0]))[:NUM_ANSWERS]
        for answer, (share, settings) in likeliest:
            yield share, answer, posterior, given(posterior, h, question, settings)


def _information(by_answer: list[Weighted], sentence: Sentence) -> float:
    """The mutual information of the answer and of a sentence's translation, in nats, where the sentence is possible,
    times the probability that it is.
    """
    joint: dict[tuple, float] = {}
    for weight, answer, posterior, h in by_answer:
        said = list(translations(posterior, h, sentence))
        total = sum(possible.probability for possible in said)
        for possible in said:
            key = answer, as_heard(possible.translation)
            joint[key] = joint.get(key, 0.0) + weight * possible.probability / total
    if not joint:
        return 0.0
    of_answer: dict[tuple, float] = {}
    of_translation: dict[tuple, float] = {}
    for (answer, translation), weight in joint.items():
        of_answer[answer] = of_answer.get(answer, 0.0) + weight
        of_translation[translation] = of_translation.get(translation, 0.0) + weight
    share = sum(joint.values()) / sum(weight for weight, *_ in by_answer)
    return share * (_entropy(of_answer) + _entropy(of_translation) - _entropy(joint))


def _entropy(weights: dict[tuple, float]) -> float:
    total = sum(weights.values())
    return -sum(weight / total * math.log(weight / total) for weight in weights.values() if weight > 0)
