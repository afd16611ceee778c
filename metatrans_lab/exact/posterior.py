"""What can be believed of a person's language after their examples: the exact posterior over hypotheses.

A person's words have no symbols of a known class, as the words of a family's episodes have. So a *hypothesis* is of
which family the language is, the class of every word so far, the settings of the switches that the examples then leave
open, and the string of target words that the translations then give every unit:

    red house = casa roja      lexicon  in place                    red → casa, house → roja
                               order    reversed, last_first, …     red → roja, house → casa
                               grammar  red adjective, house noun, adjectives after their nouns
                                                                    red → roja, house → casa
                               …

An example divides a hypothesis by the forms that its source sentence may have, hence by the classes of its new words,
and by the plans that the form may have; what the translation contradicts is dropped. A word's class has the odds of
the family's class sizes, as if it were bound to a symbol of its alphabet at random; a unit's string is one of those
that no other unit has. Source sentences have to be possible, and tell nothing else.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from dataset_script.families.planned import PlannedLanguage
from metatrans_lab.exact.plans import Node, plan_tree

MAX_HYPOTHESES = 3_000
"""Of a person's language: where more are alive the least probable are left out, and answers are no longer exact."""

DIVIDED = 3
"""How many times as many are made at an example, of which the most probable are kept."""

Sentence = tuple[str, ...]
"""The words of a sentence, as keys: equal words are equal texts."""

Unit = str | int
"""What has a string: a source word, or, below 0, one that no word of the source says (`plans.PARTICLE`)."""


@dataclass(frozen=True)
class Component:
    """A family that a person's language may be of.

    Attributes:
        name: of the family.
        config: its languages; of their sizes, those of the classes count alone.
        class_names: by which a person may say a word's class; none: classes can't be said.
    """

    name: str
    config: PlannedLanguage
    class_names: tuple[str, ...] = ()

    @property
    def num_settings(self) -> int:
        """Settings of its switches."""
        return _num_settings(self.config)

    def parses(
        self, words: Sentence, classes: Mapping[str, int], said: Mapping[str, str]
    ) -> Iterator[tuple[tuple[int, ...], dict[str, int]]]:
        """The forms that a sentence may have, each with the words whose classes it narrows down, and to which.

        Args:
            classes: that words may be of, a bit each; of a word that isn't there, any. said: of words, by name, as a
                person wrote them.
        """
        for form in forms(self.config, len(words)):
            new: dict[str, int] = {}
            for word, of_class in zip(words, form, strict=True):
                possible = new.get(word) or classes.get(word) or self._any(said.get(word))
                if not possible >> of_class & 1:
                    break
                if possible != 1 << of_class or word not in classes:
                    new[word] = 1 << of_class
            else:
                yield form, new

    def _any(self, name: str | None) -> int:
        """The classes that a word may be of that no sentence has narrowed down, a bit each."""
        everything = (1 << len(self.config.class_sizes)) - 1
        return everything if name is None or not self.class_names else 1 << self.class_names.index(name)

    def log_share(self, classes: Mapping[str, int], new: Mapping[str, int]) -> float:
        """The logarithm of the probability that words are of new classes, given those that they may be of."""
        odds = _odds(self.config)
        return sum(math.log(odds[mask] / odds[classes.get(word, len(odds) - 1)]) for word, mask in new.items())

    def odds_of(self, mask: int) -> dict[int, float]:
        """Of the classes of a mask, the probability of each."""
        odds = _odds(self.config)
        return {c: odds[1 << c] / odds[mask] for c in range(len(self.config.class_sizes)) if mask >> c & 1}


@lru_cache(maxsize=64)
def _num_settings(config: PlannedLanguage) -> int:
    return len(config.settings)


@lru_cache(maxsize=64)
def _odds(config: PlannedLanguage) -> tuple[float, ...]:
    """By a set of classes, a bit each, the probability that a word is of one of them."""
    sizes = config.class_sizes
    share = [size / sum(sizes) for size in sizes]
    return tuple(sum(share[c] for c in range(len(sizes)) if mask >> c & 1) for mask in range(1 << len(sizes)))


@lru_cache(maxsize=1 << 10)
def forms(config: PlannedLanguage, length: int) -> tuple[tuple[int, ...], ...]:
    """Those of this length; a family of one class has one of every length, whatever its config says."""
    if len(config.class_sizes) == 1:
        return ((0,) * length,)
    return tuple(form for form in config.all_forms() if len(form) == length)


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """What a person's language may be.

    Attributes:
        component: the number of its family. settings: of its switches that are possible, a bit each.
        classes: that each source word so far may be of, a bit each: what is said of them hangs on nothing else.
        lexicon: the string of every unit so far. units: the unit of each string.
        log_prior: the logarithm of its prior probability, all settings being possible.
    """

    component: int
    settings: int
    log_prior: float
    classes: Mapping[str, int] = field(default_factory=dict)
    lexicon: Mapping[Unit, Sentence] = field(default_factory=dict)
    units: Mapping[Sentence, Unit] = field(default_factory=dict)


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
            Hypothesis(number, (1 << component.num_settings) - 1, -math.log(len(self.components)))
            for number, component in enumerate(self.components)
        ]
        return replace(self, examples=(), hypotheses=tuple(hypotheses), is_exact=True)

    def learn(self, example: Example) -> Posterior:
        """After one more example; without hypotheses, if none explains it."""
        # The most probable first, so that it is the least probable that are left out.
        ordered = sorted(self.hypotheses, key=self.log_weight, reverse=True)
        after = (after for h in ordered for after in self._after(h, example))
        found = list(itertools.islice(after, DIVIDED * self.most + 1))
        is_exact = self.is_exact and len(found) <= self.most
        if len(found) > self.most:
            found = sorted(found, key=self.log_weight, reverse=True)[: self.most]
        return replace(self, examples=(*self.examples, example), hypotheses=tuple(found), is_exact=is_exact)

    def log_weight(self, h: Hypothesis) -> float:
        """The logarithm of a hypothesis's weight."""
        return h.log_prior + math.log(h.settings.bit_count() / self.components[h.component].num_settings)

    @property
    def evidence(self) -> float:
        """The logarithm of the probability of the examples' translations; −∞ if nothing explains them."""
        logs = [self.log_weight(h) for h in self.hypotheses]
        most = max(logs, default=-math.inf)
        return most + math.log(sum(math.exp(log - most) for log in logs)) if logs else most

    @property
    def weights(self) -> list[float]:
        """The probability of each hypothesis."""
        logs = [self.log_weight(h) for h in self.hypotheses]
        most = max(logs, default=0.0)
        weights = [math.exp(log - most) for log in logs]
        total = sum(weights)
        return [weight / total for weight in weights]

    def _after(self, h: Hypothesis, example: Example) -> Iterator[Hypothesis]:
        """A hypothesis, divided by an example's forms and plans."""
        component = self.components[h.component]
        found: dict[tuple, tuple[int, dict[str, int]]] = {}
        for form, classes in component.parses(example.source, h.classes, self.classes):
            tree = plan_tree(component.config, form)
            matches: dict[tuple[tuple[Unit, Sentence], ...], int] = {}
            for new, settings in itertools.islice(self._match(h, tree, example), DIVIDED * self.most):
                matches[new] = matches.get(new, 0) | settings
            # A word alone says the same in many classes, which then needn't be told apart.
            is_alone = len(set(example.source)) == 1
            for new, settings in matches.items():
                key = new, settings, None if is_alone else form
                same = found.get(key, (0, {}))[1]
                found[key] = settings, {word: mask | same.get(word, 0) for word, mask in classes.items()} or same
        for (new, settings, _), (_, classes) in found.items():
            yield replace(
                h,
                settings=settings,
                log_prior=h.log_prior + component.log_share(h.classes, classes) + self._log_strings(h, new),
                classes={**h.classes, **classes} if classes else h.classes,
                lexicon={**h.lexicon, **dict(new)} if new else h.lexicon,
                units={**h.units, **{string: unit for unit, string in new}} if new else h.units,
            )

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
        words, target = example.source, example.target
        undone: list[tuple[Node, int, int, dict[Unit, Sentence]]] = [(tree, 0, h.settings, {})]
        while undone:
            node, heard, settings, new = undone.pop()
            if heard == len(target) and node.ends & settings:
                yield tuple(sorted(new.items(), key=_by_unit)), node.ends & settings
            for item, after in node.following.items():
                left = settings & after.settings
                if not left:
                    continue
                unit: Unit = words[item] if item >= 0 else item
                string = h.lexicon.get(unit, new.get(unit))
                if string is not None:
                    ends = heard + len(string)
                    if target[heard:ends] == string and self._fits(after, len(target) - ends):
                        undone.append((after, ends, left, new))
                    continue
                shortest = heard if self.silent and isinstance(unit, str) else heard + 1
                for ends in range(shortest, min(heard + self.longest, len(target)) + 1):
                    string = target[heard:ends]
                    is_free = self.alike or not string or (string not in h.units and string not in new.values())
                    if is_free and self._fits(after, len(target) - ends):
                        undone.append((after, ends, left, {**new, unit: string}))

    def _fits(self, node: Node, left: int) -> bool:
        """Whether plans that go on here may say as many target words as are left."""
        return (0 if self.silent else node.shortest) <= left <= node.longest * self.longest


def _by_unit(pair: tuple[Unit, Sentence]) -> tuple[bool, str | int]:
    return isinstance(pair[0], str), pair[0]


@dataclass(frozen=True)
class Belief:
    """Posteriors of several readings of the same examples, each with its weight.

    Attributes:
        posteriors: that have hypotheses. weights: of each; they sum to 1.
    """

    posteriors: tuple[Posterior, ...]
    weights: tuple[float, ...]

    @classmethod
    def of(cls, posteriors: Iterable[Posterior], priors: Iterable[float]) -> Belief:
        """By what the examples say of each reading. Those that explain nothing are left out, which may be all.

        Args:
            priors: the weight of each reading before any example, to a factor.
        """
        pairs = zip(posteriors, priors, strict=True)
        kept = [(posterior, prior) for posterior, prior in pairs if posterior.hypotheses]
        most = max((posterior.evidence for posterior, _ in kept), default=0.0)
        weights = [prior * math.exp(posterior.evidence - most) for posterior, prior in kept]
        return cls(tuple(posterior for posterior, _ in kept), tuple(weight / sum(weights) for weight in weights))

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
