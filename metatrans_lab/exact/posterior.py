"""What can be believed of a person's language after their examples: the exact posterior over hypotheses.

A person's words have no symbols of a known class, as the words of a family's episodes have. So a *hypothesis* is of
which family the language is, the string of target words that the translations then give every unit, and, of the
classes of words and the settings of the switches, all that then explain the examples:

    red house = casa roja      lexicon  in place                    red → casa, house → roja
                               order    reversed, last_first, …     red → roja, house → casa
                               grammar  red adjective, house noun, adjectives after their nouns, or red a noun, …
                                                                    red → roja, house → casa
                               …

An example divides a hypothesis by the strings that its new units may have; what the translation contradicts is
dropped. A word's class has the odds of the family's class sizes, as if it were bound to a symbol of its alphabet at
random; a unit's string is one of those that no other unit has. Source sentences have to be possible, and tell nothing
else.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np

from metatrans_lab.exact.classes import Component, Form, Group, Sentence, Way, divided, forms, parses, shared, together
from metatrans_lab.exact.plans import Node, plan_tree

MAX_HYPOTHESES = 6_000
"""Of a person's language: where more are alive the least probable are left out, and answers are no longer exact."""

MAX_WAYS = 1_000
"""To give the words of a group their classes: as many are kept of a hypothesis, and likewise."""

DIVIDED = 3
"""How many times as many are made at an example, of which the most probable are kept."""

Unit = str | int
"""What has a string: a source word, or, below 0, one that no word of the source says (`plans.PARTICLE`)."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """What a person's language may be.

    Attributes:
        component: the number of its family.
        settings: of its switches that are possible, a bit each.
        prior: how probable each setting is by what is decided, to a factor; (settings,).
        log_prior: the logarithm of that factor, and of the strings' probability.
        decided: the classes of words that are of one class alone. groups: the other words so far.
        lexicon: the string of every unit so far. units: the unit of each string.
        is_exact: no way to give words classes had to be left out.
    """

    component: int
    settings: int
    prior: np.ndarray
    log_prior: float
    decided: Mapping[str, int] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    lexicon: Mapping[Unit, Sentence] = field(default_factory=dict)
    units: Mapping[Sentence, Unit] = field(default_factory=dict)
    is_exact: bool = True

    @property
    def weights(self) -> np.ndarray:
        """Of each setting, its probability, to a factor; (settings,)."""
        return math.prod((group.weights for group in self.groups), start=self.prior)

    @cached_property
    def total(self) -> float:
        """The sum of these."""
        return float(self.weights.sum())

    @cached_property
    def log_weight(self) -> float:
        """The logarithm of its weight, all settings together."""
        return self.log_prior + math.log(self.total / len(self.prior))

    def divide(self, sentence: Sentence) -> tuple[list[Group], list[Group]]:
        """The groups that have words of a sentence, and the others."""
        own = [group for group in self.groups if not group.words.isdisjoint(sentence)]
        return own, [group for group in self.groups if group not in own] if own else list(self.groups)

    def with_ways(self, ways: Sequence[Way], groups: Sequence[Group]) -> Hypothesis:
        """With these ways for some words, beside other groups."""
        is_exact = self.is_exact and len(ways) <= MAX_WAYS
        if len(ways) > MAX_WAYS:
            ways = sorted(ways, key=lambda way: -way.share * way.settings.bit_count())[:MAX_WAYS]
        new, ways, log = divided(ways)
        group = Group(ways, len(self.prior))
        possible = 0
        for way in ways:
            possible |= way.settings
        is_open = bool(group.words)
        return replace(
            self,
            settings=self.settings & possible,
            prior=self.prior if is_open else shared(self.prior * group.weights),
            log_prior=self.log_prior + log,
            decided={**self.decided, **new} if new else self.decided,
            groups=(*groups, group) if is_open else tuple(groups),
            is_exact=is_exact,
        )

    def in_full(self) -> Iterator[tuple[float, Hypothesis]]:
        """Itself with every word's class decided, in every way there is, and the probability of each."""
        for way in together(self.groups, self.settings):
            one = self.with_ways([way], [])
            share = way.share * one.total / self.total
            if share:
                yield share, one


@dataclass(frozen=True)
class Example:
    """A sentence and its translation."""

    source: Sentence
    target: Sentence


@dataclass(frozen=True)
class Posterior:
    """All that is possible after examples.

    Attributes:
        components: the families, equally probable beforehand.
        longest: target words of the longest string that a unit may have. silent: may it have none?
        alike: may two units have the same string?
        classes: of source words, by name, where the person said them.
        num_symbols: target words that strings are made of.
        most: hypotheses that are kept; of more the most probable.
        examples: that were read. hypotheses: that explain them all.
        is_exact: no hypothesis had to be left out.
    """

    components: tuple[Component, ...]
    longest: int = 1
    silent: bool = False
    alike: bool = False
    classes: Mapping[str, str] = field(default_factory=dict)
    num_symbols: int = 64
    most: int = MAX_HYPOTHESES
    examples: tuple[Example, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    is_exact: bool = True

    def open(self) -> Posterior:
        """With everything that is possible before any example, in place of what was learned."""
        hypotheses = [
            Hypothesis(
                number,
                (1 << component.num_settings) - 1,
                np.ones(component.num_settings),
                -math.log(len(self.components)),
            )
            for number, component in enumerate(self.components)
        ]
        return replace(self, examples=(), hypotheses=tuple(hypotheses), is_exact=True)

    def learn(self, example: Example) -> Posterior:
        """After one more example; without hypotheses, if none explains it."""
        # The most probable first, so that it is the least probable that are left out.
        ordered = sorted(self.hypotheses, key=_by_weight, reverse=True)
        after = (after for h in ordered for after in self._after(h, example))
        found = list(itertools.islice(after, DIVIDED * self.most + 1))
        is_exact = self.is_exact and len(found) <= self.most and all(h.is_exact for h in found)
        if len(found) > self.most:
            found = sorted(found, key=_by_weight, reverse=True)[: self.most]
        return replace(self, examples=(*self.examples, example), hypotheses=tuple(found), is_exact=is_exact)

    @property
    def evidence(self) -> float:
        """The logarithm of the probability of the examples' translations; −∞ if nothing explains them."""
        return evidence_at_most(self, [0.0] * len(self.components))

    @property
    def weights(self) -> list[float]:
        """The probability of each hypothesis."""
        logs = [h.log_weight for h in self.hypotheses]
        most = max(logs, default=0.0)
        weights = [math.exp(log - most) for log in logs]
        total = sum(weights)
        return [weight / total for weight in weights]

    def least_cost(self, num_used: int) -> float:
        """The logarithm of one over how probable it is at most that a certain word is a unit's, or its part of the
        logarithm for a string of several.

        Args:
            num_used: words that may be those of other units.
        """
        left = self.num_symbols - (0 if self.alike else num_used)
        return math.log(max(left, 1)) + min(math.log(self.longest) / n for n in range(1, self.longest + 1))

    def _after(self, h: Hypothesis, example: Example) -> Iterator[Hypothesis]:
        """A hypothesis, divided by what an example's plans say of new units."""
        if self._says_others(h, example):
            return
        component = self.components[h.component]
        own, others = h.divide(example.source)
        found: dict[tuple[tuple[Unit, Sentence], ...], list[Way]] = {}
        for form, possible, new, odds in parses(component, example.source, h.decided, own, self.classes):
            matches: dict[tuple[tuple[Unit, Sentence], ...], int] = {}
            tree = plan_tree(component.config, form, h.settings)
            for strings, settings in itertools.islice(self._match(h, tree, example), DIVIDED * self.most):
                matches[strings] = matches.get(strings, 0) | settings
            for strings, settings in matches.items():
                found.setdefault(strings, []).extend(
                    Way({**way.classes, **new}, way.settings, way.share * odds)
                    for way in itertools.islice(together(possible, settings), MAX_WAYS + 1)
                )
        for strings, ways in found.items():
            if ways:
                after = h.with_ways(ways, others)
                yield replace(
                    after,
                    log_prior=after.log_prior + self._log_strings(h, strings),
                    lexicon={**h.lexicon, **dict(strings)} if strings else h.lexicon,
                    units={**h.units, **{string: unit for unit, string in strings}} if strings else h.units,
                )

    def _says_others(self, h: Hypothesis, example: Example) -> bool:
        """Has an example's translation a word that says one which its sentence doesn't have? No plan says that."""
        if self.longest > 1 or self.alike:  # it may be a part of another string, or that of another unit too
            return False
        said = (h.units.get((word,)) for word in example.target)
        return any(isinstance(unit, str) and unit not in example.source for unit in said)

    def _log_strings(self, h: Hypothesis, new: Sequence[tuple[Unit, Sentence]]) -> float:
        """The logarithm of the probability of new units' strings: each length is as probable, and of a length each
        string that no other unit has; that there is none is as probable as any word of the target, and one more.
        """
        used = [0] * (self.longest + 1)
        for string in h.units if not self.alike else ():
            used[len(string)] += 1
        log = 0.0
        for unit, string in new:
            may_be_silent = self.silent and isinstance(unit, str)
            if may_be_silent:
                log += math.log((self.num_symbols if string else 1) / (self.num_symbols + 1))
            if string:
                log -= math.log(self.longest * (self.num_symbols ** len(string) - used[len(string)]))
                used[len(string)] += not self.alike
        return log

    def _match(
        self, h: Hypothesis, tree: Node, example: Example
    ) -> Iterator[tuple[tuple[tuple[Unit, Sentence], ...], int]]:
        """The plans that say the example's target: what units then mean that had no string, in a fixed order, and the
        settings for which it is so.
        """
        if self.longest == 1 and not self.alike and not self.silent:
            yield from _match_words(h, tree, example)
            return
        words, target = example.source, example.target
        ends_at = len(target)
        strings = [[target[heard:ends] for ends in range(ends_at + 1)] for heard in range(ends_at + 1)]
        taken = set[Sentence]() if self.alike else {s for row in strings for s in row if s and s in h.units}
        undone: list[tuple[Node, int, int, dict[Unit, Sentence]]] = [(tree, 0, h.settings, {})]
        while undone:
            node, heard, settings, new = undone.pop()
            if heard == ends_at and node.ends & settings:
                yield tuple(sorted(new.items(), key=_by_unit)), node.ends & settings
            for item, after in node.following.items():
                left = settings & after.settings
                if not left:
                    continue
                unit: Unit = words[item] if item >= 0 else item
                string = h.lexicon.get(unit, new.get(unit))
                if string is not None:
                    ends = heard + len(string)
                    if ends <= ends_at and strings[heard][ends] == string and self._fits(after, ends_at - ends):
                        undone.append((after, ends, left, new))
                    continue
                shortest = heard if self.silent and item >= 0 else heard + 1
                for ends in range(shortest, min(heard + self.longest, ends_at) + 1):
                    if not self._fits(after, ends_at - ends):
                        continue
                    string = strings[heard][ends]
                    if self.alike or not string or (string not in taken and string not in new.values()):
                        undone.append((after, ends, left, {**new, unit: string}))

    def _fits(self, node: Node, left: int) -> bool:
        """Whether plans that go on here may say as many target words as are left."""
        return (0 if self.silent else node.shortest) <= left <= node.longest * self.longest


def _match_words(
    h: Hypothesis, tree: Node, example: Example
) -> Iterator[tuple[tuple[tuple[Unit, Sentence], ...], int]]:
    """As `Posterior._match`, where every unit is one word, and no two are the same one: plans of that many items, of
    which each position's word leaves few.
    """
    words, target = example.source, example.target
    if not tree.shortest <= len(target) <= tree.longest:
        return
    # Of each word of the translation, the unit that says it, if that is known, and where it stood before.
    says = [h.units.get((word,)) for word in target]
    first = [target.index(word) for word in target]
    undone: list[tuple[Node, int, tuple[Unit, ...]]] = [(tree, h.settings, ())]
    while undone:
        node, settings, units = undone.pop()
        heard = len(units)
        if heard == len(target):
            if node.ends & settings:
                new = {unit: (word,) for unit, word, known in zip(units, target, says, strict=True) if known is None}
                yield tuple(sorted(new.items(), key=_by_unit)), node.ends & settings
            continue
        known, before = says[heard], first[heard]
        for item, after in node.following.items():
            unit: Unit = words[item] if item >= 0 else item
            if known is not None:
                if unit != known:
                    continue
            elif unit in h.lexicon or (units[before] != unit if before < heard else unit in units):
                continue
            left = settings & after.settings
            if left and after.shortest <= len(target) - heard - 1 <= after.longest:
                undone.append((after, left, (*units, unit)))


def _by_weight(h: Hypothesis) -> float:
    return round(h.log_weight, 9)  # those that weigh the same but for rounding stay in their order


def _by_unit(pair: tuple[Unit, Sentence]) -> tuple[bool, str | int]:
    return isinstance(pair[0], str), pair[0]


@dataclass(frozen=True)
class Belief:
    """Posteriors of several readings of the same examples, each with its weight.

    Attributes:
        posteriors: that have hypotheses. weights: of each; they sum to 1.
        evidence: the logarithm of the probability of the examples' translations.
    """

    posteriors: tuple[Posterior, ...]
    weights: tuple[float, ...]
    evidence: float

    @classmethod
    def of(cls, posteriors: Iterable[Posterior], priors: Iterable[float]) -> Belief:
        """By what the examples say of each reading. Those that explain nothing are left out, which may be all.

        Args:
            priors: the weight of each reading before any example.
        """
        pairs = zip(posteriors, priors, strict=True)
        kept = [(posterior, prior) for posterior, prior in pairs if posterior.hypotheses]
        most = max((posterior.evidence for posterior, _ in kept), default=0.0)
        weights = [prior * math.exp(posterior.evidence - most) for posterior, prior in kept]
        total = sum(weights)
        evidence = most + math.log(total) if total else -math.inf
        return cls(tuple(posterior for posterior, _ in kept), tuple(w / total for w in weights), evidence)

    def weighted(self) -> Iterator[tuple[float, Posterior, Hypothesis]]:
        """Every hypothesis, with its probability and its posterior."""
        for weight, posterior in zip(self.weights, self.posteriors, strict=True):
            for share, hypothesis in zip(posterior.weights, posterior.hypotheses, strict=True):
                yield weight * share, posterior, hypothesis

    @property
    def likeliest(self) -> int:
        """The number of the posterior with the greatest weight."""
        return max(range(len(self.weights)), key=lambda number: self.weights[number])

    @property
    def examples(self) -> tuple[Example, ...]:
        """What was read."""
        return self.posteriors[0].examples

    @property
    def is_exact(self) -> bool:
        """Was none left out?"""
        return all(posterior.is_exact for posterior in self.posteriors)


def costs_to_come(start: Posterior, examples: Sequence[Example]) -> list[list[float]]:
    """How much less probable the examples after each are at least going to make each family: (examples, families), as
    logarithms, none of them below 0.

    A word of a translation that was in none before is a part of a unit's string, which is one of so many; and new
    words of a sentence have to be of classes that make a form of the family together with those that were there.
    """
    costs, heard, said = [], set[str](), set[str]()
    for example in examples:
        new = len(set(example.target) - said)
        strings = sum(start.least_cost(len(said) + number) for number in range(new))
        classes = [form_cost(component, example.source, heard, start.classes) for component in start.components]
        costs.append([strings + cost for cost in classes])
        said.update(example.target)
        heard.update(example.source)
    to_come = [[0.0] * len(start.components)]
    for cost in costs[:0:-1]:
        to_come.append([one + later for one, later in zip(cost, to_come[-1], strict=True)])
    return to_come[::-1]


def form_cost(component: Component, sentence: Sentence, heard: Collection[str], said: Mapping[str, str]) -> float:
    """The logarithm, with its sign changed, of how probable it is at most that a sentence's new words have classes by
    which it is a sentence, whatever those are of the words that were heard; 0 if a class was said.
    """
    if any(word in said for word in sentence):
        return 0.0
    distinct = list(dict.fromkeys(sentence))
    known = frozenset(number for number, word in enumerate(distinct) if word in heard)
    return _form_cost(component, tuple(map(distinct.index, sentence)), known)


@lru_cache(maxsize=1 << 12)
def _form_cost(component: Component, words: tuple[int, ...], known: frozenset[int]) -> float:
    mass: dict[Form, float] = {}
    for form in forms(component.config, len(words)):
        classes: dict[int, int] = {}
        if all(classes.setdefault(word, of_class) == of_class for word, of_class in zip(words, form, strict=True)):
            key = tuple(classes[word] for word in sorted(known))
            new = math.prod(component.shares[c] for word, c in classes.items() if word not in known)
            mass[key] = mass.get(key, 0.0) + new
    return max(0.0, -math.log(max(mass.values()))) if mass else math.inf


def evidence_at_most(posterior: Posterior, to_come: Sequence[float]) -> float:
    """What a posterior's evidence is at most after all examples.

    Args:
        to_come: of each family, as of `costs_to_come`.
    """
    logs = [h.log_weight - to_come[h.component] for h in posterior.hypotheses]
    most = max(logs, default=-math.inf)
    return most + math.log(sum(math.exp(log - most) for log in logs)) if most > -math.inf else most


MAX_ORDERED = 300
"""More examples than this are ordered by their lengths alone."""


def in_good_order(examples: Sequence[Example]) -> list[Example]:
    """The examples in an order in which few hypotheses are alive on the way; what is believed at the end is the same
    in any order. Next is always one with few words that weren't there before.
    """
    left, heard, ordered = list(examples), set[str](), []
    if len(left) > MAX_ORDERED:
        return sorted(left, key=lambda example: len(example.source))
    while left:
        best = min(left, key=lambda example: (len(set(example.source) - heard), len(example.source)))
        left.remove(best)
        ordered.append(best)
        heard.update(best.source)
    return ordered
