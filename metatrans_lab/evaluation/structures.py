"""Structures, settings of a family's switches, that training had, beside those that were held out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dataset_script.families.contract import Language

SEEN = "seen_structures"
"""The key of the figures of structures that training had."""


def with_seen_structures(
    measure: Callable[[Language], dict[str, Any]], language: Language, split: str
) -> dict[str, Any]:
    """The figures of a split; where its structures are held out, under `SEEN` also those of the same languages' split
    with structures that training had: the lexicons are new in both.

    Args:
        measure: gives a language's figures.
    """
    figures = measure(language)
    if split == "train" or not getattr(language, "held_out_structures", 0):
        return figures
    seen: Any = language  # a family of switches, which has the knob
    return figures | {SEEN: measure(replace(seen, structures_of="train"))}
