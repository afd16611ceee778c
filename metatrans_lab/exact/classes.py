"""Which classes a person's words may be of.

What one word is may hang on what others are, and on the setting of the switches: in *red house = casa roja*, words may
be an adjective and a noun, if adjectives stand after their nouns, or a noun and a verb, if verbs come first. Words
that hang together so are a *group*, with all its ways to give them classes. Given the setting, groups are independent:
ten examples that share no word have ten groups of a few ways each, where all together would have a million.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from weakref import WeakValueDictionary

import numpy as np

from dataset_script.families.planned import PlannedLanguage

Sentence = tuple[str, ...]
"""The words of a sentence, as keys: equal words are equal texts."""

Form = tuple[int, ...]
"""The class of each of its places."""


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

    @cached_property
    def num_settings(self) -> int:
        """Settings of its switches."""
        return len(self.config.settings)

    @cached_property
    def shares(self) -> tuple[float, ...]:
        """Of each class, the share of a family's words that are of it."""
        sizes = self.config.class_sizes
        return tuple(size / sum(sizes) for size in sizes)

    def odds(self, word: str, of_class: int, said: Mapping[str, str]) -> float:
        """The probability that a word is of a class, if no sentence tells.

        Args:
            said: the classes of words, by name, as a person wrote them.
        """
        name = said.get(word)
        if name is None or not self.class_names:
            return self.shares[of_class]
        return float(self.class_names[of_class] == name)


@lru_cache(maxsize=1 << 10)
def forms(config: PlannedLanguage, length: int) -> tuple[Form, ...]:
    """Those of this length; a family of one class has one of every length, whatever its config says."""
    if len(config.class_sizes) == 1:
        return ((0,) * length,)
    return tuple(form for form in config.all_forms() if len(form) == length)


def by_setting(sets: Sequence[int], num_settings: int) -> np.ndarray:
    """Sets of settings, a bit each, as rows of 0 and 1; (sets, settings)."""
    size = (num_settings + 7) // 8
    packed = np.frombuffer(b"".join(bits.to_bytes(size, "little") for bits in sets), np.uint8)
    return np.unpackbits(packed.reshape(len(sets), size), axis=1, count=num_settings, bitorder="little")


_arrays: WeakValueDictionary[int, np.ndarray] = WeakValueDictionary()


def shared(array: np.ndarray) -> np.ndarray:
    """The array, or one that is equal to it and in use: most have the same as some other."""
    key = hash(array.tobytes())
    known = _arrays.get(key)
    if known is not None and np.array_equal(known, array):
        return known
    _arrays[key] = array
    return array


@dataclass(frozen=True)
class Way:
    """One way to give the words of a group their classes.

    Attributes:
        classes: of each word. settings: for which it explains the examples, a bit each.
        share: its probability before any example, to a factor that all ways of the group have in common.
    """

    classes: Mapping[str, int]
    settings: int
    share: float


@dataclass(frozen=True, eq=False)
class Group:
    """Words whose classes hang together.

    Attributes:
        ways: to give them classes. num_settings: of the family's switches.
    """

    ways: tuple[Way, ...]
    num_settings: int

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(self.ways[0].classes)

    @cached_property
    def weights(self) -> np.ndarray:
        """Of each setting, how probable the ways for it are, together; (settings,)."""
        shares = np.array([way.share for way in self.ways])
        return shared(shares @ by_setting([way.settings for way in self.ways], self.num_settings))

    @cached_property
    def _of_classes(self) -> dict[tuple[str, ...], dict[Form, Group]]:
        return {}

    def of_classes(self, words: tuple[str, ...]) -> dict[Form, Group]:
        """The ways, by the classes of these words."""
        known = self._of_classes.get(words)
        if known is not None:
            return known
        found: dict[Form, list[Way]] = {}
        for way in self.ways:
            found.setdefault(tuple(way.classes[word] for word in words), []).append(way)
        groups = {form: Group(tuple(ways), self.num_settings) for form, ways in found.items()}
        self._of_classes[words] = groups
        return groups


def divided(ways: Sequence[Way]) -> tuple[dict[str, int], tuple[Way, ...], float]:
    """The words that are of one class in all ways; the ways without these words, their greatest share being 1; and
    the logarithm of what it was.
    """
    first = ways[0].classes
    decided = {word: c for word, c in first.items() if all(way.classes[word] == c for way in ways)}
    most = max(way.share for way in ways)
    if not decided and most == 1.0:
        return {}, tuple(ways), 0.0
    rest = tuple(
        Way({word: c for word, c in way.classes.items() if word not in decided}, way.settings, way.share / most)
        for way in ways
    )
    return decided, rest, math.log(most)


def together(groups: Sequence[Group], settings: int) -> Iterator[Way]:
    """Every way to take one way of each group, unless no setting allows for it, the probable ones early.

    Args:
        settings: that are possible, a bit each.
    """
    if not groups:
        yield Way({}, settings, 1.0)
        return
    for way in sorted(groups[0].ways, key=lambda way: -way.share):
        left = way.settings & settings
        if left:
            for rest in together(groups[1:], left):
                yield Way({**way.classes, **rest.classes}, rest.settings, way.share * rest.share)


def parses(
    component: Component,
    sentence: Sentence,
    decided: Mapping[str, int],
    groups: Sequence[Group],
    said: Mapping[str, str],
) -> Iterator[tuple[Form, list[Group], dict[str, int], float]]:
    """The forms that a sentence may have, each with these groups in the ways that go with it, the classes of words
    that are of no group nor decided, and the probability of these.

    Args:
        decided: classes of words. groups: that have words of the sentence. said: as of `Component.odds`.
    """
    own = [tuple(word for word in dict.fromkeys(sentence) if word in group.words) for group in groups]
    tables = [group.of_classes(words) for group, words in zip(groups, own, strict=True)]
    grouped = set(itertools.chain.from_iterable(own))
    for form in forms(component.config, len(sentence)):
        classes: dict[str, int] = {}
        for word, of_class in zip(sentence, form, strict=True):
            if classes.setdefault(word, decided.get(word, of_class)) != of_class:
                break
        else:
            left = [table.get(tuple(classes[w] for w in words)) for table, words in zip(tables, own, strict=True)]
            possible = [group for group in left if group is not None]
            new = {word: c for word, c in classes.items() if word not in decided and word not in grouped}
            odds = math.prod(component.odds(word, c, said) for word, c in new.items())
            if odds and len(possible) == len(groups):
                yield form, possible, new, odds
