"""The plans that a sentence of one form can have in a family: each once, with the settings of the switches that it
stands for.

    form   NOUN VERB NOUN        plans   0 1 2     SVO, no particles
                                         0 2 1     SOV, no particles
                                         …

A family says one plan at a time, of a whole setting. Most settings differ in switches that a form doesn't depend on;
which those are shows when the family asks for a switch: until it does, nothing is decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

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


@dataclass(eq=False)
class Node:
    """Plans that begin alike, of one form.

    Attributes:
        settings: those of the switches that these plans stand for, a bit each.
        ends: those whose plan ends here.
        shortest, longest: how many items may still come.
        following: by the next item, the plans that go on with it: a place of the source, or `PARTICLE` or below.
    """

    settings: int = 0
    ends: int = 0
    shortest: int = 0
    longest: int = 0
    following: dict[int, Node] = field(default_factory=dict)


@lru_cache(maxsize=64)
def masks(config: PlannedLanguage) -> dict[tuple[str, str], int]:
    """By a switch and its value, the settings that have it: bit s is the setting of number s."""
    found: dict[tuple[str, str], int] = {}
    for number, setting in enumerate(config.settings):
        for pair in setting.items():
            found[pair] = found.get(pair, 0) | 1 << number
    return found


@lru_cache(maxsize=1 << 12)
def distinct_plans(config: PlannedLanguage, form: tuple[int, ...]) -> dict[tuple[int, ...], int]:
    """Every plan of a form, and the settings that it stands for, a bit each.

    Raises:
        ValueError: a plan has a blank, which people's sentences don't have.
    """
    of_value, switches, plans = masks(config), config.switches, dict[tuple[int, ...], int]()
    everything = (1 << len(config.settings)) - 1
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


@lru_cache(maxsize=1 << 12)
def plan_numbers(config: PlannedLanguage, form: tuple[int, ...]) -> np.ndarray:
    """Of each setting, the number of its plan among `distinct_plans`; (settings,)."""
    sets = by_setting(list(distinct_plans(config, form).values()), len(config.settings))
    return sets.argmax(0)


@lru_cache(maxsize=1 << 12)
def plan_tree(config: PlannedLanguage, form: tuple[int, ...]) -> Node:
    """The plans of `distinct_plans`, those together that begin alike."""
    return _tree([(items, settings) for items, settings in distinct_plans(config, form).items()], 0)


def _tree(plans: Sequence[tuple[tuple[int, ...], int]], depth: int) -> Node:
    node = Node(shortest=min(len(items) for items, _ in plans) - depth, longest=max(len(p) for p, _ in plans) - depth)
    following: dict[int, list[tuple[tuple[int, ...], int]]] = {}
    for items, settings in plans:
        node.settings |= settings
        if len(items) == depth:
            node.ends |= settings
        else:
            following.setdefault(items[depth], []).append((items, settings))
    node.following = {item: _tree(these, depth + 1) for item, these in following.items()}
    return node
