"""Families whose languages are switches and a lexicon: what such a family says, and what follows from it.

A family gives the classes of its source words, the forms of its sentences, its switches with their values, and the
*plan*: which units a sentence of a form says under a setting of the switches, in which order. From these follow the
episodes, the exact predictor (`hypotheses`), and what hangs on which switch.

    source   ␁ the dog PL see ␂          form   ARTICLE NOUN PLURAL VERB
    plan     VERB, SUBJECT, NOUN, PLURAL          (verb first, a particle before the subject, no article)
    target   t4 t9 t1 t7 ␁
"""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from dataset_script.arrays import (
    Array,
    arange_like,
    as_type,
    first_positions,
    full_like,
    like,
    look_up,
    on_host,
    stack,
    table_like,
    take_along,
    where,
)
from dataset_script.costs import CostedSentences
from dataset_script.episodes import Role
from dataset_script.families.contract import SPLITS, Language, check_fraction
from dataset_script.forms import (
    NONE,
    Forms,
    draw_forms,
    draw_words_of,
    make_forms,
)
from dataset_script.hypotheses import BLANK, END, Heard, Plans, Told, predict
from dataset_script.lexicons import draw_lexicons
from dataset_script.mixtures import mixture_costs, mixture_probabilities, read_pairs
from dataset_script.splits import in_split, latent_hash
from dataset_script.streams import draw_below, index_keys, name_key

# Of draws, beside those of `lexicons`, `sources`, `forms` and `text`.
PURPOSE_SETTING, PURPOSE_HAZARD, PURPOSE_FOREIGN, PURPOSE_GAPS = 6, 10, 11, 12

Setting = Mapping[str, str]
"""The value of each switch."""


@dataclass(frozen=True)
class Said:
    """An item of a plan.

    Attributes:
        hangs_on: the phenomenon that it belongs to, one of the family's.
        place: the source place whose unit is said; None: no word of the source says it.
        unit: which unit is said, where no place says it; None too: a blank.
    """

    hangs_on: str
    place: int | None = None
    unit: int | None = None


@dataclass(frozen=True)
class PlannedLanguage(Language):
    """A family of switches and a lexicon: besides the knobs of `Language`, theirs are

    Args:
        held_out_structures: fraction of all settings of the switches kept from training, as `held_out_languages` of
            lexicons.
        hazard: the probability that the language is drawn anew before a pair (but the first).
        foreign: the probability that a pair is of another language, drawn for it alone.
        gaps: the probability that a unit is missing in a translation; the blank stands for it.
        blank: is the last of the target words a blank, which no unit has?
        structures_of: the split whose settings every split draws; None: each its own. With "train", a test is on
            structures that training had, in lexicons that it hadn't.
    """

    held_out_structures: float = 0.0
    hazard: float = 0.0
    foreign: float = 0.0
    gaps: float = 0.0
    blank: bool = False
    structures_of: str | None = None

    phenomena: ClassVar[tuple[str, ...]]
    """What a target symbol may hang on."""
    order_switches: ClassVar[tuple[str, ...]] = ()
    """The switches that say in which order words stand, if there are others too."""
    needs_blank: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("held_out_structures", "hazard", "foreign", "gaps"):
            object.__setattr__(self, name, check_fraction(name, getattr(self, name)))
        if not isinstance(self.blank, bool):
            raise ValueError(f"blank must be true or false, got {self.blank!r}")
        if self.structures_of not in (None, *SPLITS):
            raise ValueError(f"structures_of must be one of {', '.join(SPLITS)}, got {self.structures_of!r}")
        if (self.gaps or self.needs_blank) and not self.blank:
            raise ValueError(
                "blank must be true where translations have blanks: with gaps, and in spelling and shifting"
            )
        super().__post_init__()
        if self.num_symbols < self.num_units:
            raise ValueError(
                f"num_target_words must be at least {self.num_units + self.blank}, so that each of {self.num_units} "
                f"units has a translation of its own{' beside the blank' if self.blank else ''}, got "
                f"{self.num_target_words}"
            )
        for name, values in self.switches.items():
            if not values:
                raise ValueError(f"the switch {name} of {type(self).__name__} has no value")
        for split in SPLITS:
            _settings_of(self, split)  # ValueError if it has none

    @classmethod
    def complete(cls, knobs: dict[str, Any]) -> dict[str, Any]:
        """Where units may be missing there is a blank."""
        return {"blank": True} | knobs if knobs.get("gaps") else knobs

    @property
    @abstractmethod
    def class_sizes(self) -> tuple[int, ...]:
        """Source words of each class; the blocks of the alphabet, in this order."""

    @abstractmethod
    def all_forms(self) -> Sequence[tuple[int, ...]]:
        """Every form that a sentence may have, of any length: the classes of its places."""

    @property
    @abstractmethod
    def switches(self) -> dict[str, tuple[str, ...]]:
        """The values that each switch may have, all equally probable."""

    @abstractmethod
    def plan(self, form: tuple[int, ...], setting: Setting) -> Sequence[Said]:
        """What a sentence of this form says, in order."""

    @property
    def num_symbols(self) -> int:
        """A, the target words that units are made of."""
        return self.num_target_words - self.blank

    @property
    def longest_unit(self) -> int:
        """F, symbols of the longest string that a unit may have."""
        return 1

    @property
    def forms(self) -> Forms:
        """The forms of this config's sentences."""
        return _tables(self).forms

    @property
    def plans(self) -> Plans:
        """The plans of this config's sentences."""
        return _tables(self).plans

    @property
    def settings(self) -> list[dict[str, str]]:
        """Every setting of the switches, in the order of their numbers."""
        names = list(self.switches)
        return [dict(zip(names, values, strict=True)) for values in itertools.product(*self.switches.values())]

    @property
    def max_target_length(self) -> int:
        return self.plans.max_target_length

    @property
    def varies(self) -> bool:
        """May a sentence's translation be of several lengths?"""
        return _tables(self).varies

    @property
    def is_even(self) -> bool:
        return super().is_even and not self.varies

    def draw_lexicons(self, keys: Array, split: str) -> Array:
        """(N,) keys → (N, U), the number of every unit's string; of strings of one symbol, that symbol."""
        return draw_lexicons(self, split, keys)

    def draw_settings(self, keys: Array, split: str) -> Array:
        """(N,) keys → (N,), the numbers of settings of the switches."""
        settings = _settings_of(self, self.structures_of or split)
        number = draw_below(keys, PURPOSE_SETTING, 1, len(settings))[:, 0]
        return number if len(settings) == len(self.settings) else look_up(settings, number)

    @property
    def changes(self) -> bool:
        """May pairs of one episode be of different languages?"""
        return bool(self.hazard or self.foreign)

    def sample(self, keys: Array, split: str) -> CostedSentences:
        form = draw_forms(self.forms, keys, self.num_pairs, self.length_range)
        words = draw_words_of(self.forms, keys, form, self.active_range, self.word_repetition, self.word_dtype)
        lexicons, setting = self.draw_lexicons(keys, split), self.draw_settings(keys, split)
        if self.changes:
            lexicons, setting = self._draw_changes(keys, split, lexicons, setting)
        episodes = PlannedEpisodes(self, keys, words, look_up(self.forms.lengths, form), lexicons, setting, form)
        if self.gaps:
            N, K, items = episodes.units.shape
            missing = _draw_with(self.gaps, keys, PURPOSE_GAPS, K * items).reshape(N, K, items)
            episodes.is_missing = missing & (episodes.units >= 0)
        return episodes

    def _draw_changes(self, keys: Array, split: str, lexicons: Array, setting: Array) -> tuple[Array, Array]:
        """The lexicon, (N, K, U), and the setting, (N, K), of every pair."""
        anew = _draw_with(self.hazard, keys, PURPOSE_HAZARD, self.num_pairs)  # (N, K)
        foreign = _draw_with(self.foreign, keys, PURPOSE_FOREIGN, self.num_pairs)

        def replaced(language: tuple[Array, Array], mask: Array, name: str) -> tuple[Array, Array]:
            other = index_keys(name, keys)
            lexicons = where(mask[:, None], self.draw_lexicons(other, split), language[0])
            return lexicons, where(mask, self.draw_settings(other, split), language[1])

        language, by_pair = (lexicons, setting), []
        for k in range(self.num_pairs):
            if k > 0:
                language = replaced(language, anew[:, k], f"another language {k}")
            by_pair.append(replaced(language, foreign[:, k], f"a foreign language {k}"))
        all_lexicons, all_settings = zip(*by_pair, strict=True)
        return stack(all_lexicons, 1), stack(all_settings, 1)

    def next_token_probabilities(self, input_ids: np.ndarray) -> np.ndarray:
        return mixture_probabilities([self], input_ids)

    def partial_target_nll(self, num_episodes: int) -> dict[str, float]:
        if self.changes or self.gaps or not self.switches:
            return {}
        costs = self.told_target_nll(num_episodes)
        if set(self.order_switches) in (set(), set(self.switches)):
            del costs["words and order"]  # it is to know words alone, or all
        return costs

    def told_target_nll(self, num_episodes: int) -> dict[str, float]:
        """`partial_target_nll` with all its names, whether or not they tell something apart in this family."""
        keys = index_keys(self.stream_name("validation"), np.arange(num_episodes))
        episodes = PlannedLanguage.sample(self, keys, "validation")
        assert isinstance(episodes, PlannedEpisodes)
        return {
            "words alone": episodes.told_nll(()),
            "words and order": episodes.told_nll(self.order_switches),
            "Bayes": float(episodes.floor("targets").sum()) / num_episodes,
        }


def _draw_with(probability: float, keys: Array, purpose: int, number: int) -> Array:
    """(N,) keys → (N, number) bool, each True with this probability."""
    return draw_below(keys, purpose, number, 1 << 31) < int(probability * (1 << 31))


def forms_of_one_class(length_range: tuple[int, int]) -> list[tuple[int, ...]]:
    """The forms of sentences whose words are all of class 0, one of each length."""
    m, M = length_range
    return [(0,) * length for length in range(m, M + 1)]


@lru_cache(maxsize=64)
def _settings_of(config: PlannedLanguage, split: str) -> np.ndarray:
    """The numbers of the settings that a split draws from.

    Raises:
        ValueError: it has none.
    """
    names = [",".join(f"{name}={value}" for name, value in setting.items()) for setting in config.settings]
    hashes = latent_hash(f"structure of {config.family}", np.array([[name_key(name)] for name in names]))
    numbers = np.flatnonzero(in_split(config.held_out_structures, split, hashes))
    if len(numbers) == 0:
        raise ValueError(
            f"held_out_structures={config.held_out_structures} leaves none of {len(names)} settings of the switches "
            f"for {split}; open more switches or use another fraction"
        )
    return numbers


class _Tables(NamedTuple):
    """What follows from a config.

    Attributes:
        forms, plans: of its sentences.
        hangs_on: (rows, items), what each item of a plan hangs on: a number of `phenomena`, and their number for END.
        varies: has some sentence translations of several lengths?
    """

    forms: Forms
    plans: Plans
    hangs_on: np.ndarray
    varies: bool


OUTSIDE_PLANS = {
    *("num_pairs", "num_active_words", "word_repetition", "seed"),
    *("held_out_languages", "num_training_languages", "held_out_structures", "structures_of"),
}
"""The knobs that no plan hangs on."""


@dataclass(frozen=True)
class _Key:
    """A config as a key of `lru_cache`: its class, and all that may shape its plans; a family's own knobs too."""

    cls: type[PlannedLanguage]
    knobs: tuple[tuple[str, object], ...]
    config: PlannedLanguage = field(compare=False)


def _tables(config: PlannedLanguage) -> _Tables:
    knobs = tuple((name, value) for name, value in config.knobs().items() if name not in OUTSIDE_PLANS)
    return _make_tables(_Key(type(config), knobs, config))


@lru_cache(maxsize=32)
def _make_tables(key: _Key) -> _Tables:
    config = key.config
    forms = make_forms(config.class_sizes, config.all_forms(), config.length_range)
    T, settings = forms.classes.shape[1], config.settings
    rows: dict[tuple[tuple[int, int], ...], int] = {}
    number = np.zeros((len(forms.lengths), len(settings)), np.int64)
    for f, length in enumerate(forms.lengths):
        form = tuple(forms.classes[f, :length].tolist())
        for s, setting in enumerate(settings):
            plan = config.plan(form, setting)
            for item in plan:
                _check_item(config, item, form, setting)
            row = tuple((_code(item, T), config.phenomena.index(item.hangs_on)) for item in plan)
            number[f, s] = rows.setdefault(row, len(rows))
    items = max(len(row) for row in rows) + 1  # END too
    codes = np.full((len(rows), items), END, np.int64)
    hangs_on = np.full((len(rows), items), len(config.phenomena), np.int64)
    for row, r in rows.items():
        for i, (code, phenomenon) in enumerate(row):
            codes[r, i], hangs_on[r, i] = code, phenomenon
    weights = np.full(len(settings), 1 / len(settings))
    sizes = config.num_units, config.num_symbols, config.longest_unit
    plans = Plans(forms, weights, number, codes, *sizes, config.hazard, config.foreign, config.gaps)
    lengths = (codes != END).sum(1)[number]  # (forms, settings)
    varies = config.longest_unit > 1 or bool((lengths != lengths[:, :1]).any())
    return _Tables(forms, plans, hangs_on, varies)


def _check_item(config: PlannedLanguage, item: Said, form: tuple[int, ...], setting: Setting) -> None:
    """Raises ValueError if a family's plan has an item that it can't have; the message says which."""
    wrong = None
    if item.hangs_on not in config.phenomena:
        wrong = f"hangs on none of its phenomena {', '.join(config.phenomena)}"
    elif item.place is not None and not 0 <= item.place < len(form):
        wrong = f"is at none of the places 0…{len(form) - 1}"
    elif item.place is None and item.unit is not None and not 0 <= item.unit < config.num_units:
        wrong = f"is none of the units 0…{config.num_units - 1}"
    elif item.place is None and item.unit is None and not config.blank:
        wrong = "is a blank, which these languages don't have; give it a place or a unit, or set blank"
    if wrong is not None:
        named = ", ".join(f"{name} {value}" for name, value in setting.items())
        raise ValueError(f"{type(config).__name__} plans {item} for the form {form} ({named}), which {wrong}")


@lru_cache(maxsize=32)
def all_strings(num_symbols: int, longest: int) -> np.ndarray:
    """(strings, F) int64: the symbols of every string by its number, −1 beyond its end; shorter ones come first."""
    strings = [
        np.pad(
            np.indices((num_symbols,) * size).reshape(size, -1).T, ((0, 0), (0, longest - size)), constant_values=-1
        )
        for size in range(1, longest + 1)
    ]
    return np.concatenate(strings)


def _code(item: Said, T: int) -> int:
    """As in `Plans.codes`."""
    if item.place is not None:
        return item.place
    return BLANK if item.unit is None else T + item.unit


@dataclass
class PlannedEpisodes(CostedSentences):
    """Episodes of such a family, with the variables that were drawn.

    Attributes:
        lexicons: (N, U), the number of every unit's string, or (N, K, U), if pairs are of different languages.
        setting: (N,) or (N, K), the number of each language's setting of the switches.
        form: (N, K), the form of each source sentence.
        is_missing: (N, K, I) bool, the items of the plan for which a blank stands; None: none is missing.
    """

    config: PlannedLanguage
    lexicons: Array
    setting: Array
    form: Array
    is_missing: Array | None = None

    @property
    def latents(self) -> dict[str, Array]:
        return {
            "lexicon": self.lexicons.reshape(len(self), math.prod(self.lexicons.shape[1:])),
            "setting": self.setting,
        }

    @cached_property
    def _row(self) -> Array:
        """(N, K): each sentence's row in the plans' codes."""
        number = self.config.plans.number
        setting = self.setting if self.setting.ndim == 2 else self.setting[:, None]
        return look_up(number, self.form, setting + full_like(self.words, tuple(self.form.shape), 0))

    @cached_property
    def units(self) -> Array:
        """(N, K, I): the unit that each item of the plan says, or BLANK; END beyond a translation's end."""
        N, K, T = self.words.shape
        codes = table_like(self.words, self.config.plans.codes)[self._row][..., :-1]  # the last is END
        places = where((codes >= 0) & (codes < T), codes, 0)
        said = take_along(self.words.reshape(N * K, T), places.reshape(N * K, codes.shape[2])).reshape(codes.shape)
        return where(codes >= T, codes - T, where(codes >= 0, as_type(said, "int64"), codes))

    def _of_symbols(self, values: Array) -> Array:
        """(N, K, I), by item → (N, K, I·F), by symbol."""
        N, K, items = values.shape
        F = self.config.longest_unit
        return (values[..., None] + full_like(self.words, (F,), 0)).reshape(N, K, items * F)

    def told_nll(self, switches: Collection[str]) -> float:
        """What an episode's translations cost, in nats on average, who is told before each pair what all units mean
        that were said before, and the values of these switches; and remembers nothing else.
        """
        N, K, _ = self.units.shape
        config = self.config
        tokens = self.input_ids.astype(np.int64)
        heard, _ = read_pairs([config], tokens)
        each = {f.name: getattr(heard, f.name)[:, :K] for f in fields(heard)}
        pairs = Heard(**{name: part.reshape(N * K, 1, *part.shape[2:]) for name, part in each.items()})
        said = (self.units[..., None] == np.arange(config.num_units)).any(2)  # (N, K, U)
        known = said.cumsum(1) - said > 0
        strings = all_strings(config.num_symbols, config.longest_unit)[self.lexicons]  # (N, U, F)
        strings = np.where(known[..., None], strings[:, None], -1).reshape(N * K, config.num_units, -1)
        values = np.array([[setting[name] for name in switches] for setting in config.settings], dtype=str)
        possible = (values[self.setting][:, None] == values).all(-1)  # (N, settings)
        told = Told(strings, np.repeat(possible, K, 0))
        came = predict([config.plans], pairs, whole=False, told=told).came
        return float(-np.log(came[came > 0]).sum()) / N

    @cached_property
    def hangs_on(self) -> Array:
        """(N, K, I·F): the number of the phenomenon that each target word hangs on."""
        return self._of_symbols(table_like(self.words, _tables(self.config).hangs_on)[self._row][..., :-1])

    @cached_property
    def targets(self) -> Array:
        """(N, K, I·F) target words; −1 at places that don't count."""
        N, K, items = self.units.shape
        config = self.config
        strings = table_like(self.words, all_strings(config.num_symbols, config.longest_unit))
        said = where(self.units < 0, 0, self.units)
        if self.lexicons.ndim == 3:
            numbers = take_along(self.lexicons.reshape(N * K, config.num_units), said.reshape(N * K, items)).reshape(
                N, K * items
            )
        else:
            numbers = take_along(self.lexicons, said.reshape(N, K * items))
        symbols = as_type(strings[as_type(numbers, "int64")].reshape(N, K, items * config.longest_unit), "int64")
        units = self._of_symbols(self.units)
        if config.blank:
            within = arange_like(self.words, 0, symbols.shape[2]) % config.longest_unit
            is_blank = units == BLANK
            if self.is_missing is not None:
                is_blank = is_blank | (self._of_symbols(as_type(self.is_missing, "int64")) > 0)
            symbols = where(is_blank, where(within == 0, config.num_symbols, NONE), symbols)
        return where(units == END, NONE, symbols)

    @cached_property
    def in_translation(self) -> Array:
        return self.targets >= 0

    @cached_property
    def target_lengths(self) -> Array:
        return self.in_translation.sum(-1)

    @cached_property
    def _known_units(self) -> Array:
        """(N, K, I): the unit that each item says in so many words; below 0 where there is none."""
        return self.units if self.is_missing is None else where(self.is_missing, BLANK, self.units)

    @cached_property
    def said_units(self) -> Array:
        return self._of_symbols(self._known_units)

    @property
    def symbols_a_unit(self) -> int:
        return self.config.longest_unit

    @cached_property
    def says_unit(self) -> Array:
        says = self.in_translation & (self.said_units >= 0)
        return says & (not self.config.changes)  # nothing is certain where languages change

    @cached_property
    def heard(self) -> Array:
        N, K, items = self.units.shape
        units = where(self._known_units >= 0, self._known_units, self.config.num_units).reshape(N, K * items)
        first = first_positions(self.config.num_units + 1, units)
        heard = (first != arange_like(self.words, 0, K * items)).reshape(N, K, items)
        return self._of_symbols(as_type(heard, "int64")) > 0

    @cached_property
    def is_end(self) -> Array:
        if not self.config.varies:
            return self.is_target & False
        return (self.role == Role.START) & (arange_like(self.words, 0, self.config.max_episode_length) > 0)

    @cached_property
    def groups(self) -> dict[str, Array]:
        numbers = self.lay_out(-1, -1, -1, self.hangs_on, end=-1, pad=-1, dtype="int8")
        groups = {name: numbers == number for number, name in enumerate(self.config.phenomena)}
        return groups | ({"end": self.is_end} if self.config.varies else {})

    @cached_property
    def is_blank(self) -> Array:
        return (self.input_ids == self.config.soh - 1) & self.config.blank

    @cached_property
    def bayes_nll(self) -> Array:
        if "probabilities" in self.__dict__:  # of soft labels, which were asked for before
            return self.nll_by_probabilities
        return like(self.words, mixture_costs([self.config], on_host(self.input_ids).astype(int)))
