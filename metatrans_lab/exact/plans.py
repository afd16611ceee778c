"""The plans that a sentence of one form can have in a family: each once, with the settings of the switches that it
stands for.

    form   NOUN VERB NOUN        plans   0 1 2     SVO, no particles
                                         0 2 1     SOV, no particles
                                         …

A family says one plan at a time, of a whole setting. Most settings differ in switches that a form doesn't depend on;
which those are shows when the family asks for a switch: until it does, nothing is decided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache

import numpy as np

from dataset_script.families.planned import PlannedLanguage
from metatrans_lab.exact.classes import by_setting

PARTICLE = -1
"""The item of a plan that says the first unit which no word of the source says; the next ones are below it."""


class _Undecided(Exception):
    def __init__(self, switch: str) -> None:
        self.switch = switch


class _Decided(Mapping[str, str]):
    """A setting of which some switches are decided; asked for another, it raises `_Undecided`."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values_of = values

    def __getitem__(self, switch: str) -> str:
        try:
            return self.values_of[switch]
        except KeyError:
            raise _Undecided(switch) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_of)

    def __len__(self) -> int:
        return len(self.values_of)


Plans = Sequence[tuple[tuple[int, ...], int]]
"""Their items, and the settings that each stands for, a bit each."""


class Node:
    """Plans that begin alike, of one form.

    Args:
        plans: these. depth: how many items they have in common.

    Attributes:
        settings: those of the switches that these plans stand for, a bit each.
        ends: those whose plan ends here.
        shortest, longest: how many items may still come.
    """

    def __init__(self, plans: Plans, depth: int = 0) -> None:
        self._plans, self._depth = plans, depth
        self.settings = self.ends = 0
        for items, settings in plans:
            self.settings |= settings
            if len(items) == depth:
                self.ends |= settings
        lengths = [len(items) for items, _ in plans]
        self.shortest, self.longest = min(lengths) - depth, max(lengths) - depth

    @cached_property
    def following(self) -> dict[int, Node]:
        """By the next item, the plans that go on with it: a place of the source, or `PARTICLE` or below."""
        found: dict[int, list[tuple[tuple[int, ...], int]]] = {}
        for items, settings in self._plans:
            if len(items) > self._depth:
                found.setdefault(items[self._depth], []).append((items, settings))
        return {item: Node(these, self._depth + 1) for item, these in found.items()}


@lru_cache(maxsize=64)
def all_settings(config: PlannedLanguage) -> list[dict[str, str]]:
    """Those of a family's switches, by their numbers."""
    return config.settings


@lru_cache(maxsize=64)
def masks(config: PlannedLanguage) -> dict[tuple[str, str], int]:
    """By a switch and its value, the settings that have it: bit s is the setting of number s."""
    found: dict[tuple[str, str], int] = {}
    for number, setting in enumerate(all_settings(config)):
        for pair in setting.items():
            found[pair] = found.get(pair, 0) | 1 << number
    return found


FEW, OFTEN = 32, 100
"""Of so few settings each one's plan is asked for, rather than those of all, so often."""

_asked: Counter[tuple[PlannedLanguage, tuple[int, ...]]] = Counter()


Plan = tuple[int, ...]
"""What is said, one after the other: places of the source, and particles (`PARTICLE`, and below)."""


def distinct_plans(config: PlannedLanguage, form: tuple[int, ...], few: int | None = None) -> Mapping[Plan, int]:
    """Every plan of a form, and the settings that it stands for, a bit each: {(1, 0, …): 0b110, …}.

    Args:
        few: the settings that count, a bit each; None: all.

    Raises:
        ValueError: a plan has a blank, which people's sentences don't have.
    """
    return _plans_of_all(config, form) if few is None else _plans_of_few(config, form, few)


@lru_cache(maxsize=1 << 12)
def _plans_of_few(config: PlannedLanguage, form: tuple[int, ...], possible: int) -> dict[Plan, int]:
    plans: dict[Plan, int] = {}
    settings = all_settings(config)
    while possible:
        one = possible & -possible  # the lowest bit
        said = config.plan(form, settings[one.bit_length() - 1])
        items = tuple(_item(config, item.place, item.unit) for item in said)
        plans[items] = plans.get(items, 0) | one
        possible ^= one
    return plans


@lru_cache(maxsize=1 << 12)
def _plans_of_all(config: PlannedLanguage, form: tuple[int, ...]) -> dict[Plan, int]:
    of_value, switches, plans = masks(config), config.switches, dict[Plan, int]()
    everything = (1 << len(all_settings(config))) - 1
    undone: list[dict[str, str]] = [{}]
    while undone:
        decided = undone.pop()
        try:
            said = config.plan(form, _Decided(decided))
        except _Undecided as asked:
            undone += [decided | {asked.switch: value} for value in switches[asked.switch]]
            continue
        settings = everything
        for pair in decided.items():
            settings &= of_value[pair]
        items = tuple(_item(config, item.place, item.unit) for item in said)
        plans[items] = plans.get(items, 0) | settings
    return plans


def _item(config: PlannedLanguage, place: int | None, unit: int | None) -> int:
    if place is not None:
        return place
    if unit is None:
        raise ValueError(f"the family {config.family} has blanks between words, which people's sentences don't have")
    return PARTICLE - (unit - config.num_source_words)


def numbered_plans(
    config: PlannedLanguage, form: tuple[int, ...], possible: int | None = None
) -> tuple[Mapping[Plan, int], np.ndarray, np.ndarray]:
    """The plans of `distinct_plans`, of possible settings at least; settings, and of each the number of its plan, both
    (settings,).
    """
    few = _if_few(config, form, possible)
    return distinct_plans(config, form, few), *_plan_numbers(config, form, few)


def plan_tree(config: PlannedLanguage, form: tuple[int, ...], possible: int | None = None) -> Node:
    """The plans of `distinct_plans`, of possible settings at least, those together that begin alike."""
    return _plan_tree(config, form, _if_few(config, form, possible))


def _if_few(config: PlannedLanguage, form: tuple[int, ...], possible: int | None) -> int | None:
    """Settings, if so few are possible that they are looked at one by one; unless that was often done of the form."""
    if possible is None or possible.bit_count() > FEW or _asked[config, form] > OFTEN:
        return None
    _asked[config, form] += 1
    return possible


@lru_cache(maxsize=1 << 12)
def _plan_numbers(config: PlannedLanguage, form: tuple[int, ...], few: int | None) -> tuple[np.ndarray, np.ndarray]:
    sets = by_setting(list(distinct_plans(config, form, few).values()), len(all_settings(config)))
    numbers = np.flatnonzero(sets.any(0))
    return numbers, sets.argmax(0)[numbers]


@lru_cache(maxsize=1 << 12)
def _plan_tree(config: PlannedLanguage, form: tuple[int, ...], few: int | None) -> Node:
    return Node(list(distinct_plans(config, form, few).items()))
