"""Languages that change: the post's, but another one may begin at any pair, pairs may be foreign, and words missing.

    ␁ s4 s0 ␂ t1 t5   ␁ s2 s4 ␂ t3 t1   ␁ s4 s2 ␂ t2 _   ␁ …
    the language is drawn anew before the third pair, in which the second word is missing

A language is a lexicon; a word stands at its translation's place. What may change are knobs that every family of plans
has, `hazard`, `foreign` and `gaps`; in this one they are not 0. The last of the target words is the blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from dataset_script.families.contract import COMMON_KNOBS
from dataset_script.families.planned import PlannedLanguage, Said, Setting, forms_of_one_class


@dataclass(frozen=True)
class ShiftingConfig(PlannedLanguage):
    __doc__ = PlannedLanguage.__doc__

    num_target_words: int = 7
    hazard: float = 0.05
    foreign: float = 0.05
    gaps: float = 0.05
    blank: bool = True

    family: ClassVar[str] = "shifting"
    first_knobs: ClassVar[tuple[str, ...]] = (*COMMON_KNOBS, "word_repetition", "hazard", "foreign", "gaps")
    phenomena: ClassVar[tuple[str, ...]] = ("word",)
    needs_blank: ClassVar[bool] = True
    translates: ClassVar[str] = (
        "A word stands at the same place as its translation, which may be missing; another language may begin at any "
        "sentence, and a sentence may be of another language"
    )
    limits: ClassVar[str] = "Words of several tokens, another word order, one word with two translations."

    @property
    def class_sizes(self) -> tuple[int, ...]:
        return (self.num_source_words,)

    @property
    def switches(self) -> dict[str, tuple[str, ...]]:
        return {}

    @property
    def max_target_length(self) -> int:
        return self.length_range[1]

    def all_forms(self) -> Sequence[tuple[int, ...]]:
        return forms_of_one_class(self.length_range)

    def plan(self, form: tuple[int, ...], setting: Setting) -> Sequence[Said]:
        return [Said("word", place) for place in range(len(form))]
