"""Episodes of several families, so that one model meets them all: each episode draws its family, uniformly.

    ␁ s1 s0 ␂ t4 t2 ␁ …                a word for a word
    ␁ s18 s3 s9 ␂ t9 t1 t7 ␁ …         a grammar: article, noun, verb

All families share one alphabet, sized as `grammar` has it; each uses of it what it needs. Nothing says which family an
episode is of, except that not every family has every sentence. The exact predictor is the mean over families by
posterior weight, which sources and translations give them: `mixtures`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np

from dataset_script.arrays import Array, arange_like, as_type, full_like, like, on_host
from dataset_script.costs import CERTAIN, CostedSentences
from dataset_script.episodes import IGNORE, Episodes, Role
from dataset_script.families.contract import COMMON_KNOBS, Language, check_names, check_range
from dataset_script.families.grammar import NUM_PARTICLES, GrammarConfig, size_of_grammar
from dataset_script.families.order import OrderConfig
from dataset_script.families.planned import PlannedLanguage
from dataset_script.families.repetition import RepetitionConfig
from dataset_script.families.spelling import SpellingConfig
from dataset_script.mixtures import mixture_costs, mixture_probabilities
from dataset_script.streams import draw_below, index_keys

PURPOSE_FAMILY = 13  # of a draw, beside those of the families

COMPONENTS: dict[str, tuple[type[PlannedLanguage], dict]] = {
    "lexicon": (OrderConfig, {"orders": ("straight",)}),
    "order": (OrderConfig, {}),
    "grammar": (GrammarConfig, {}),
    "spelling": (SpellingConfig, {}),
    "repetition": (RepetitionConfig, {}),
}
"""By name: the config, and its knobs."""

SAME_LENGTH = {"lexicon", "order"}
"""The families whose translations are as long as their sources."""

MAX_SPELLED = 4
"""Words of the longest sentence that is spelled: without blanks there are too many ways to divide a longer one."""


@dataclass(frozen=True)
class MixedConfig(Language):
    """Languages of several families: besides the knobs of `Language`, theirs are

    Args:
        families: names of the families, of lexicon, order, grammar, spelling and repetition.
        num_nouns, num_verbs, num_adjectives, held_out_structures, structures_of: of the family grammar; all families
            share its source alphabet, and the last of the target words is the blank.
        sentence_length: a family that has no sentences so short or so long has those that it has.
        fragments: of the family grammar.
    """

    num_pairs: int = 20
    num_source_words: int = 20
    num_target_words: int = 23
    sentence_length: int | tuple[int, int] = (1, 8)
    families: tuple[str, ...] = tuple(COMPONENTS)
    num_nouns: int = 8
    num_verbs: int = 6
    num_adjectives: int = 4
    held_out_structures: float = 0.0
    structures_of: str | None = None
    fragments: bool = False

    family: ClassVar[str] = "mixed"
    first_knobs: ClassVar[tuple[str, ...]] = (
        *(*COMMON_KNOBS, "word_repetition", "families", "num_nouns", "num_verbs", "num_adjectives"),
        "held_out_structures",
    )
    run_knobs: ClassVar[frozenset[str]] = Language.run_knobs | {
        *("num_nouns", "num_verbs", "num_adjectives", "held_out_structures"),
    }
    translates: ClassVar[str] = (
        "A language is of one of several families: a word for a word, another order, a grammar, strings of symbols, "
        "operators that repeat"
    )
    limits: ClassVar[str] = "One word with two translations, two of the families in one language."

    def __post_init__(self) -> None:
        object.__setattr__(self, "families", check_names("families", self.families, COMPONENTS))
        object.__setattr__(self, "sentence_length", check_range("sentence_length", self.sentence_length, 1))
        if self.num_active_words is not None:
            active = check_range("num_active_words", self.num_active_words, 1, self.num_source_words)
            object.__setattr__(self, "num_active_words", active)
        _components(self)  # ValueError: a knob that one of them can't have
        super().__post_init__()

    @classmethod
    def complete(cls, knobs: dict[str, Any]) -> dict[str, Any]:
        """As the family grammar's; besides, there is always a blank."""
        size = size_of_grammar(cls, knobs)
        if size is None:
            return knobs
        return {"num_source_words": size, "num_target_words": size + NUM_PARTICLES + 1} | knobs

    @property
    def components(self) -> tuple[PlannedLanguage, ...]:
        """The config of each family."""
        return _components(self)

    @property
    def num_symbols(self) -> int:
        return self.num_target_words - 1

    @property
    def num_units(self) -> int:
        return max(component.num_units for component in self.components)

    @property
    def length_range(self) -> tuple[int, int]:
        ranges = [component.length_range for component in self.components]
        return min(m for m, _ in ranges), max(M for _, M in ranges)

    @property
    def max_target_length(self) -> int:
        return max(component.max_target_length for component in self.components)

    @property
    def is_even(self) -> bool:
        return len(self.components) == 1 and self.components[0].is_even

    @property
    def max_episode_length(self) -> int:
        return max(component.max_episode_length for component in self.components)

    def sample(self, keys: Array, split: str) -> MixedEpisodes:
        number = draw_below(keys, PURPOSE_FAMILY, 1, len(self.components))[:, 0]  # (N,)
        parts, rows = [], []
        for c, component in enumerate(self.components):
            mine = number == c
            mine = mine.nonzero()[0] if isinstance(mine, np.ndarray) else mine.nonzero()[:, 0]
            if len(mine):
                own = keys[mine] if len(self.components) == 1 else index_keys(f"family {self.families[c]}", keys[mine])
                parts.append(component.sample(own, split))
                rows.append(mine)
        return MixedEpisodes(self, keys, number, parts, rows)

    def next_token_probabilities(self, input_ids: np.ndarray) -> np.ndarray:
        return mixture_probabilities(self.components, input_ids)

    def partial_target_nll(self, num_episodes: int) -> dict[str, float]:
        of_each = [component.told_target_nll(num_episodes) for component in self.components]
        return {name: sum(of_one[name] for of_one in of_each) / len(of_each) for name in of_each[0]}


@lru_cache(maxsize=32)
def _components(config: MixedConfig) -> tuple[PlannedLanguage, ...]:
    shared = {f.name: getattr(config, f.name) for f in fields(config)}
    components = []
    for name in config.families:
        cls, knobs = COMPONENTS[name]
        own = {f.name for f in fields(cls)}
        lengths = config.sentence_length
        m, M = lengths if isinstance(lengths, list | tuple) else (lengths, lengths)
        shortest, longest = cls.possible_lengths
        shortest = 1 if config.fragments and name == "grammar" else shortest
        longest = MAX_SPELLED if name == "spelling" else longest
        m, M = (max(length, shortest) if longest is None else min(max(length, shortest), longest) for length in (m, M))
        given = {key: value for key, value in shared.items() if key in own} | {
            "sentence_length": (m, M),
            "blank": True,
        }
        if name != "grammar":  # the others have too few settings to hold some out
            given["held_out_structures"] = 0.0
        components.append(cls(**given | knobs))
    return tuple(components)


@dataclass
class MixedEpisodes(Episodes):
    """Episodes of several families, with those of each.

    Attributes:
        number: (N,) the number of each episode's family.
        parts: the episodes of each family that occurs. rows: the rows of each of them.
    """

    config: MixedConfig
    number: Array
    parts: list[CostedSentences]
    rows: list[Array]

    def __len__(self) -> int:
        return len(self.number)

    def _gathered(self, name: str, fill: int | float | bool, dtype: str) -> Array:
        """(N, S): a column of all parts."""
        gathered = full_like(self.number, (len(self), self.config.max_episode_length), fill, dtype)
        for part, rows in zip(self.parts, self.rows, strict=True):
            column = getattr(part, name)
            gathered[rows[:, None], arange_like(rows, 0, column.shape[1])] = column
        return gathered

    @cached_property
    def input_ids(self) -> Array:
        return self._gathered("input_ids", self.config.pad, "int16")

    @cached_property
    def role(self) -> Array:
        return self._gathered("role", 0, "int8")

    @cached_property
    def shot(self) -> Array:
        return self._gathered("shot", -1, "int16")

    @cached_property
    def counterparts(self) -> Array:
        return self._gathered("counterparts", IGNORE, "int16")

    @cached_property
    def token_counts(self) -> Array:
        counts = full_like(self.number, (len(self),), 0)
        for part, rows in zip(self.parts, self.rows, strict=True):
            counts[rows] = part.token_counts
        return counts

    @cached_property
    def is_end(self) -> Array:
        if set(self.config.families) <= SAME_LENGTH:
            return self.is_target & False
        return (self.role == Role.START) & (arange_like(self.number, 0, self.config.max_episode_length) > 0)

    @cached_property
    def is_blank(self) -> Array:
        return self.input_ids == self.config.soh - 1

    @cached_property
    def groups(self) -> dict[str, Array]:
        """By family, and within a family by phenomenon, as "grammar" and "grammar, article"."""
        groups: dict[str, Array] = {}
        for number, (family, component) in enumerate(zip(self.config.families, self.config.components, strict=True)):
            mine = (self.number == number)[:, None]
            groups[family] = (self.is_target | self.is_end) & mine
            names = (*component.phenomena, "end") if len(component.phenomena) > 1 else ()
            groups |= {f"{family}, {name}": self.is_target & False for name in names}
        for part, rows in zip(self.parts, self.rows, strict=True):
            family = self.config.families[int(self.number[rows[0]])]
            for name, marks in part.groups.items():
                if f"{family}, {name}" in groups:
                    groups[f"{family}, {name}"][rows[:, None], arange_like(rows, 0, marks.shape[1])] = marks
        return groups

    @cached_property
    def bayes_nll(self) -> Array:
        if "probabilities" in self.__dict__:  # of soft labels, which were asked for before
            return self.nll_by_probabilities
        return like(self.number, mixture_costs(self.config.components, on_host(self.input_ids).astype(int)))

    @cached_property
    def determined(self) -> Array:
        return self._gathered("says_heard", False, "bool") & (self.bayes_nll < CERTAIN)

    @cached_property
    def eliminated(self) -> Array:
        return self._gathered("says_new", False, "bool") & (self.bayes_nll < CERTAIN)

    @cached_property
    def latents(self) -> dict[str, Array]:
        """The number of the family among the config's, and of the setting among the family's; and the lexicon, −1 for
        units that the family hasn't.
        """
        lexicon = full_like(self.number, (len(self), self.config.num_units), -1)
        setting = full_like(self.number, (len(self),), 0)
        for part, rows in zip(self.parts, self.rows, strict=True):
            latents = part.latents
            drawn = as_type(latents["lexicon"], "int64")
            lexicon[rows[:, None], arange_like(rows, 0, drawn.shape[1])] = drawn
            setting[rows] = latents["setting"] if "setting" in latents else latents["order"]
        return {"family_number": self.number, "setting": setting, "lexicon": lexicon}
