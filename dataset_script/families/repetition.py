"""Languages with operators: words that say how others are said, as in SCAN and in meta-learning for compositionality.

    ␁ s2 s6 ␂ t1 t1 t1            s6 = thrice
    ␁ s2 s8 s4 ␂ t3 t1            s8 = reversed: what is after it comes first
    ␁ s2 s6 s9 s4 ␂ t1 t1 t1 t3 t1 t1 t1      s9 = around

The source alphabet is words, then two operators that stand after one term, then two that stand between two terms. A
*term* is a word, or a word with an operator of the first kind; a sentence is a term, two terms, or two terms with an
operator of the second kind between them. A language is a lexicon of the words, and what each operator does:

    after a term x           twice: x x; thrice: x x x
    between terms x and y    straight: x y; reversed: y x; around: x y x

Sources: SCAN (Lake & Baroni, arXiv 1711.00350); the functions of Lake & Baroni, "Human-like systematic generalization
through a meta-learning neural network", Nature 623 (2023).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from dataset_script.families.contract import COMMON_KNOBS
from dataset_script.families.planned import PlannedLanguage, Said, Setting

AFTER = ("twice", "thrice")
BETWEEN = ("straight", "reversed", "around")

WORD, AFTER_1, AFTER_2, BETWEEN_1, BETWEEN_2 = range(5)
"""The classes of source words; each operator is one of its own."""

OPERATORS = {AFTER_1: AFTER, AFTER_2: AFTER, BETWEEN_1: BETWEEN, BETWEEN_2: BETWEEN}


@dataclass(frozen=True)
class RepetitionConfig(PlannedLanguage):
    """The languages of the family `repetition`: they have the knobs of `Language`; the last four of the
    `num_source_words` are operators.
    """

    num_source_words: int = 10
    num_target_words: int = 10
    sentence_length: int | tuple[int, int] = (1, 5)

    family: ClassVar[str] = "repetition"
    first_knobs: ClassVar[tuple[str, ...]] = (*COMMON_KNOBS, "word_repetition")
    possible_lengths: ClassVar[tuple[int, int | None]] = (1, 5)
    phenomena: ClassVar[tuple[str, ...]] = ("word", "after", "between")
    translates: ClassVar[str] = (
        "A word has one translation, and operators say it twice or thrice, or two of them in turn, reversed or around"
    )
    limits: ClassVar[str] = (
        "Words of several tokens, operators within operators, one word with two translations: it knows two operators "
        "after a word and two between two."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_source_words <= len(OPERATORS):
            raise ValueError(
                f"num_source_words must be at least {len(OPERATORS) + 1}, {len(OPERATORS)} operators and a word, got "
                f"{self.num_source_words}"
            )

    @property
    def class_sizes(self) -> tuple[int, ...]:
        return (self.num_units, *(1 for _ in OPERATORS))

    @property
    def num_units(self) -> int:
        return self.num_source_words - len(OPERATORS)

    @property
    def switches(self) -> dict[str, tuple[str, ...]]:
        return {f"operator_{number}": values for number, values in OPERATORS.items()}

    def all_forms(self) -> Sequence[tuple[int, ...]]:
        terms = [(WORD,), (WORD, AFTER_1), (WORD, AFTER_2)]
        between: list[tuple[int, ...]] = [(), (BETWEEN_1,), (BETWEEN_2,)]
        return terms + [(*x, *operator, *y) for x, operator, y in itertools.product(terms, between, terms)]

    def plan(self, form: tuple[int, ...], setting: Setting) -> Sequence[Said]:
        said: list[list[Said]] = []  # of each term
        combine = "straight"
        hangs_on = "word"
        for place, of_class in enumerate(form):
            if of_class == WORD:
                said.append([Said("word", place)])
            elif of_class in (AFTER_1, AFTER_2):
                times = {"twice": 2, "thrice": 3}[setting[f"operator_{of_class}"]]
                said[-1] = [Said("after", place - 1)] * times
            else:
                combine, hangs_on = setting[f"operator_{of_class}"], "between"
        if len(said) == 1:
            return said[0]
        x, y = said
        ordered = {"straight": [x, y], "reversed": [y, x], "around": [x, y, x]}[combine]
        items = [item for term in ordered for item in term]
        return [Said(hangs_on, item.place) for item in items] if hangs_on == "between" else items
