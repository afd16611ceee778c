"""Which sentences a translation may be of: the exact posterior, asked the other way.

Before the translation is heard, a form is as probable as its classes are to follow one another, which they do as in
the examples (a Markov chain; of each class one more step, to any); and every word of a place's class is as probable.
Under a hypothesis a form's plan then says which units the translation must say, so that its words name the sentence's;
a place that the plan doesn't say, such as a dropped article's, may hold any word of its class that the examples have.
Only a mark of the verb, which no plan says, is thought of where an example has one, and not elsewhere.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from metatrans_lab.exact.answers import Answer, Said, to_rounding
from metatrans_lab.exact.classes import Component, Sentence, by_setting, forms
from metatrans_lab.exact.grammar import SpokenGrammar, marks_verb
from metatrans_lab.exact.plans import Node, plan_tree
from metatrans_lab.exact.posterior import Belief, Hypothesis, Posterior, Unit
from modeling_metalstm.rules_metalstm import UNKNOWN_WORD

MAX_LENGTH = 12
"""Words of the longest sentence that is thought of."""

MAX_SENTENCES = 20_000
"""Of those that a translation may be of, under all hypotheses; the search ends there."""

Places = tuple[str | None, ...]
"""The word at each place of a sentence; None: one that no example has."""


def origins(belief: Belief, translation: Sentence) -> tuple[list[Answer], bool]:
    """The sentences that a translation may be of, the most probable first; none, if it can be none of the language.
    And whether these are all that were to be looked at.
    """
    mass: dict[Places, float] = {}
    all_of_them = (
        (weight * of_classes * share, places)
        for weight, posterior, h in belief.weighted()
        for of_classes, one in h.in_full()
        for share, places in _of_hypothesis(posterior, one, translation)
    )
    for share, places in itertools.islice(all_of_them, MAX_SENTENCES):
        mass[places] = mass.get(places, 0.0) + share
    is_exact = belief.is_exact and next(all_of_them, None) is None
    total = sum(mass.values())
    found = [
        Answer(tuple(Said(word or UNKNOWN_WORD, None if word is None else (word,)) for word in places), share / total)
        for places, share in mass.items()
    ]
    return sorted(found, key=lambda answer: (-to_rounding(answer.probability), answer.words)), is_exact


def _of_hypothesis(posterior: Posterior, h: Hypothesis, translation: Sentence) -> Iterator[tuple[float, Places]]:
    component = posterior.components[h.component]
    words_of: dict[int, list[str]] = {}
    for word, of_class in h.decided.items():
        words_of.setdefault(of_class, []).append(word)
    total = float(h.prior.sum())
    heard = [tuple(h.decided[word] for word in example.source) for example in posterior.examples]
    chain = _Chain(heard, component)
    has_marks = any(_is_marked(component, form) for form in heard)
    for length in range(1, MAX_LENGTH + 1):
        for form in forms(component.config, length):
            if _is_marked(component, form) and not has_marks:
                continue
            tree = plan_tree(component.config, form, h.settings)
            for said, settings in _heard(posterior, h, component, form, tree, translation):
                prior = float(by_setting([settings], len(h.prior))[0] @ h.prior / total) * chain.probability(form)
                yield from _filled(form, said, words_of, prior)


def _is_marked(component: Component, form: tuple[int, ...]) -> bool:
    """Does a sentence of this form mark its verb?"""
    return isinstance(component.config, SpokenGrammar) and marks_verb(form)


class _Chain:
    """How classes follow one another in the examples, and begin and end them."""

    def __init__(self, forms: Iterable[Sequence[int]], component: Component) -> None:
        self.seen: Counter[tuple[int | None, int | None]] = Counter()
        for form in forms:
            self.seen.update(itertools.pairwise((None, *form, None)))
        self.each = Counter(step[0] for step in self.seen.elements())
        self.size = len(component.config.class_sizes) + 1

    def probability(self, form: Sequence[int]) -> float:
        """Of a sentence's form."""
        steps = itertools.pairwise((None, *form, None))
        return math.prod((self.seen[step] + 1 / self.size) / (self.each[step[0]] + 1) for step in steps)


def _heard(
    posterior: Posterior, h: Hypothesis, component: Component, form: tuple[int, ...], tree: Node, translation: Sentence
) -> Iterator[tuple[Mapping[int, str | None], int]]:
    """What a translation says of the places of a form, None of a word that no example has, and the settings for it."""
    undone: list[tuple[Node, int, int, dict[int, str | None]]] = [(tree, 0, h.settings, {})]
    while undone:
        node, heard, settings, said = undone.pop()
        left = len(translation) - heard
        if left == 0 and node.ends & settings:
            yield said, node.ends & settings
        if not (0 if posterior.silent else node.shortest) <= left <= node.longest * posterior.longest:
            continue
        for item, after in node.following.items():
            possible = settings & after.settings
            if not possible:
                continue
            if item in said:
                word = said[item]
                string = (translation[heard : heard + 1]) if word is None else h.lexicon.get(word)
                if string is not None and translation[heard : heard + len(string)] == string:
                    undone.append((after, heard + len(string), possible, said))
                continue
            for unit, size in _units_at(h, translation, heard):
                if item < 0:
                    if unit == item:
                        undone.append((after, heard + size, possible, said))
                elif unit is None or (isinstance(unit, str) and h.decided.get(unit) == form[item]):
                    undone.append((after, heard + size, possible, {**said, item: unit}))


def _units_at(h: Hypothesis, translation: Sentence, heard: int) -> Iterator[tuple[Unit | None, int]]:
    """The units whose string begins here, with its length; None for a word that is of no unit's string."""
    known = False
    for unit, string in h.lexicon.items():
        if string and translation[heard : heard + len(string)] == string:
            known = True
            yield unit, len(string)
    if not known and heard < len(translation):
        yield None, 1


def _filled(
    form: tuple[int, ...], said: Mapping[int, str | None], words_of: Mapping[int, Sequence[str]], prior: float
) -> Iterator[tuple[float, Places]]:
    """The sentences of a form of which some places are known, with their probabilities."""
    partial: list[tuple[float, Places]] = [(prior, ())]
    for place, of_class in enumerate(form):
        words = words_of.get(of_class, ())
        options: list[tuple[float, str | None]]
        if place in said:
            # Each word of the class was as probable, and one more, that no example has.
            options = [(1 / (len(words) + 1), said[place])]
        else:
            options = [(1 / len(words), word) for word in words]
        partial = [(share * odds, (*places, word)) for share, places in partial for odds, word in options]
    yield from partial
