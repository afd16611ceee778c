"""The exact predictor of translations, one for all families whose languages have switches and a lexicon.

A *language* is a setting of the family's switches and a lexicon, which gives every unit (a word, an affix, a
particle) a string of symbols, all different. Given the setting, a source sentence tells which units are said, and in
which order: its *plan*.

    source   the dog PL see        plan   see SUBJECT dog PL END        target   t4 t9 t1 t7 ␁

A *hypothesis* is what one can believe who has heard so far: settings that have had the same plan for every
sentence, and the strings that the translations then give the units. Under it the next symbol is certain if its unit
was heard (or a blank or the end is due), and else begins or goes on with a string that nobody has: of the strings of
its length that no unit heard so far has, all are equally probable. The predictor is the mean over hypotheses by
posterior weight.

Settings are told apart only when a sentence's plan depends on it, and a hypothesis is dropped when what came is
impossible under it. Nothing is sampled or cut off: the result is exact, and costs what is still possible.

A language may change while it is heard. Before every pair it may be drawn anew (*hazard*): one more hypothesis, that
nothing is known. A pair may be of another language (*foreign*): what it says is predicted as by one who knows nothing,
and nothing is learned from it. A unit may be missing (*gaps*): a blank stands for it. Hypotheses that come to agree in
all that is known are merged.

How long a unit's string is, is drawn uniformly from 1…F, where F is the most symbols of a string: at a new unit's
first symbol a hypothesis is divided into one for each length. (There are at least as many symbols as units, so that no
length runs out of strings.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from dataset_script.forms import NONE, Forms, read_forms

END, BLANK = -1, -2
"""Codes of a plan, beside those ≥ 0: the translation's end, and a blank between words."""

MAX_HYPOTHESES = 400_000
"""Of an episode, at one time: more take too long. No family at its default size has nearly as many; where few words
are strung together without blanks, one episode in a hundred thousand has over fifty thousand.
"""


@dataclass(frozen=True, eq=False)
class Plans:
    """The plans of a family.

    Attributes:
        forms: of its source sentences.
        weights: (settings,), the prior probability of each setting of the switches.
        number: (forms, settings) int64, each one's row in `codes`.
        codes: (rows, items) int64: a source place; or T + u, the unit u, which no word of the source says; or END or
            BLANK. After the first END all are END.
        num_units: U. num_symbols: A, the symbols that strings are made of; the blank is the symbol A.
        longest: F, symbols of the longest string.
        hazard, foreign, gaps: the probabilities that the language is drawn anew before a pair (but the first), that a
            pair is of another language, and that a unit is missing.
    """

    forms: Forms
    weights: np.ndarray
    number: np.ndarray
    codes: np.ndarray
    num_units: int
    num_symbols: int
    longest: int = 1
    hazard: float = 0.0
    foreign: float = 0.0
    gaps: float = 0.0

    @property
    def max_target_length(self) -> int:
        """P, symbols of the longest translation."""
        symbols = np.where(self.codes >= 0, self.longest, np.where(self.codes == BLANK, 1, 0))
        return int(symbols.sum(1).max(initial=0))


@dataclass(frozen=True)
class Heard:
    """Sentence pairs as they are read, of N rows at once; a row may end anywhere.

    Attributes:
        words: (N, K, T) source words. lengths: (N, K).
        turned: (N, K) bool, has the source sentence ended?
        targets: (N, K, P) target symbols; −1 where there is none yet.
        closed: (N, K) bool, has the translation ended?
    """

    words: np.ndarray
    lengths: np.ndarray
    turned: np.ndarray
    targets: np.ndarray
    closed: np.ndarray


@dataclass(frozen=True)
class Told:
    """What is known of the languages of N rows before anything is heard.

    Attributes:
        strings: (N, U, F), the symbols of each unit, −1 beyond its end; none of a unit that isn't known.
        possible: (N, settings) bool, at least one in each row.
    """

    strings: np.ndarray
    possible: np.ndarray


@dataclass
class Predictions:
    """Of N rows at once. S is the number of symbols that a translation can have, and their end.

    Attributes:
        symbols: (N, K, P + 1, S + 1) the distribution of each symbol before it comes, the end being the last; 0 where
            nothing is predicted, or nothing is possible. None if it wasn't asked for.
        came: (N, K, P + 1) the probability of what came: of each symbol, then of the end.
        alive: (N, K): the hypotheses alive before each pair's translation, 0 where there is none.
        components: (N, K, components): the posterior of each component before each pair, unless nothing is possible.
    """

    symbols: np.ndarray | None
    came: np.ndarray
    alive: np.ndarray
    components: np.ndarray


@dataclass
class _Hypotheses:
    """H of them, of all episodes side by side.

    Attributes:
        episode, component: (H,). weight: (H,), which sum to 1 in each episode.
        strings: (H, U, F), each unit's symbols, −1 beyond its end; sizes: (H, U), how many; 0: not heard yet.
        is_foreign: (H,) bool: is the pair at hand of another language?
        units: (H, items): what the translation at hand says, units or END or BLANK.
        item, within, size: (H,) each: how far it has come in the plan and in the unit's string, and how many symbols
            that string has; 0: not decided.
        owner, setting: (M,) each: the hypothesis that every setting still possible belongs to.
    """

    episode: np.ndarray
    component: np.ndarray
    weight: np.ndarray
    strings: np.ndarray
    sizes: np.ndarray
    is_foreign: np.ndarray
    units: np.ndarray
    item: np.ndarray
    within: np.ndarray
    size: np.ndarray
    owner: np.ndarray
    setting: np.ndarray

    def take(self, index: np.ndarray) -> _Hypotheses:
        """Those of the index, each with the settings of the one that it was; an index may occur several times."""
        order = np.argsort(self.owner, kind="stable")
        count = np.bincount(self.owner, minlength=len(self.episode))
        first, many = (np.cumsum(count) - count)[index], count[index]
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        return self.each(
            lambda array: array[index],
            owner=np.repeat(np.arange(len(index)), many),
            setting=self.setting[order[np.repeat(first, many) + within]],
        )

    def keep(self, mask: np.ndarray) -> _Hypotheses:
        """Those of the mask."""
        kept = mask[self.owner]
        return self.each(lambda array: array[mask], (np.cumsum(mask) - 1)[self.owner[kept]], self.setting[kept])

    def each(self, change: Callable[[np.ndarray], np.ndarray], owner: np.ndarray, setting: np.ndarray) -> _Hypotheses:
        """With what there is one of for each hypothesis changed, and these settings."""
        return _Hypotheses(**{name: change(getattr(self, name)) for name in ONE_EACH}, owner=owner, setting=setting)

    def normalise(self, num_rows: int) -> None:
        """Makes the weights sum to 1 in each episode."""
        total = np.bincount(self.episode, self.weight, num_rows)
        self.weight = self.weight / total[self.episode]

    def mass(self, shape: tuple[int, int], mask: np.ndarray | bool = True) -> np.ndarray:
        """(N, C): the weight of those of the mask, by episode and component."""
        place = self.episode * shape[1] + self.component
        return np.bincount(place, self.weight * mask, math.prod(shape)).reshape(shape)

    def join(self, other: _Hypotheses) -> _Hypotheses:
        """These and others."""
        return _Hypotheses(
            **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in ONE_EACH},
            owner=np.concatenate([self.owner, other.owner + len(self.episode)]),
            setting=np.concatenate([self.setting, other.setting]),
        )

    def merge(self, num_settings: int) -> _Hypotheses:
        """Those that agree in all that is known, as one each."""
        H = len(self.episode)
        if H == 0:
            return self
        possible = np.zeros((H, num_settings), bool)
        possible[self.owner, self.setting] = True
        known = [self.episode[:, None], self.component[:, None], self.strings.reshape(H, -1), np.packbits(possible, 1)]
        rows = np.concatenate([part.astype(np.int32) for part in known], 1)
        _, first, same = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        merged = self.take(first)
        merged.weight = np.bincount(same.ravel(), self.weight, len(first))
        return merged


ONE_EACH = tuple(f.name for f in fields(_Hypotheses) if f.name not in ("owner", "setting"))
"""What there is one of for each hypothesis."""


def predict(
    components: Sequence[Plans],
    heard: Heard,
    source: np.ndarray | None = None,
    whole: bool = True,
    told: Told | None = None,
    max_hypotheses: int = MAX_HYPOTHESES,
) -> Predictions:
    """What the exact predictor says about the translations of N rows.

    Args:
        components: the plans of the families that an episode may be of, all equally probable.
        heard: the rows.
        source: (components, N, K), the probability of each source sentence under each component, given those before;
            without it, sources tell nothing about the component.
        whole: gives whole distributions, not only the probability of what came.
        told: what is known of each row's language before anything is heard; of one component only.
        max_hypotheses: of an episode.

    Raises:
        ValueError: an episode leaves more hypotheses alive than max_hypotheses.
    """
    N, K, P = heard.targets.shape
    symbols = components[0].num_symbols + 1  # with the blank
    out = np.zeros((N, K, P + 1, symbols + 1)) if whole else None
    came, alive = np.zeros((N, K, P + 1)), np.zeros((N, K), int)
    C = len(components)
    hazard, foreign = (np.array([getattr(plans, name) for plans in components]) for name in ("hazard", "foreign"))
    num_settings = max(len(plans.weights) for plans in components)
    forms = np.stack([read_forms(plans.forms, heard.words, heard.lengths) for plans in components])  # (C, N, K)
    hypotheses = _all_open(components, np.full((N, C), 1 / C))
    if told is not None:
        hypotheses = _tell(hypotheses, told)
    posterior = np.zeros((N, K, C))
    for k in range(K):
        h, on = hypotheses, heard.turned[:, k]
        posterior[:, k] = h.mass((N, C))
        if not on.any():
            break
        form = forms[h.component, h.episode, k]
        if source is not None:
            h.weight = h.weight * np.where(on[h.episode], source[h.component, h.episode, k], 1)
        h = h.keep(((form != NONE) & (h.weight > 0)) | ~on[h.episode])
        h.normalise(N)
        if k > 0 and hazard.any():
            h = _with_new(h, components, hazard * on[:, None], is_foreign=False)
            h = h.keep(h.weight > 0).merge(num_settings)
        native = h
        if foreign.any():
            h = _with_new(h, components, foreign * on[:, None], is_foreign=True)
            h = h.keep(h.weight > 0)
        h = _divide(h, components, np.where(on, forms[:, :, k], NONE), heard.words[:, k])
        _check(h, k, max_hypotheses)
        alive[:, k] = np.where(on, np.bincount(h.episode, minlength=N), 0)
        h = _listen(h, heard, k, components, out, came, max_hypotheses)
        hypotheses = _without_foreign(h, native, (N, C), on).merge(num_settings) if foreign.any() else h
    return Predictions(out, came, alive, posterior)


def _all_open(components: Sequence[Plans], weights: np.ndarray, is_foreign: bool = False) -> _Hypotheses:
    """A hypothesis of each component in each episode, of these weights, (N, C): nothing is heard, all settings are
    possible. None where the weight is 0.
    """
    U, F = max(plans.num_units for plans in components), max(plans.longest for plans in components)
    items = max(plans.codes.shape[1] for plans in components)
    episode, component = (weights > 0).nonzero()
    H = len(episode)
    settings = [np.flatnonzero(plans.weights > 0) for plans in components]
    return _Hypotheses(
        episode=episode,
        component=component,
        weight=weights[episode, component],
        strings=np.full((H, U, F), -1, np.int16),
        sizes=np.zeros((H, U), np.int8),
        is_foreign=np.full(H, is_foreign),
        units=np.full((H, items), END),
        item=np.zeros(H, int),
        within=np.zeros(H, int),
        size=np.zeros(H, int),
        owner=np.repeat(np.arange(H), [len(settings[c]) for c in component]),
        setting=np.concatenate([settings[c] for c in component]) if H else np.zeros(0, int),
    )


def _tell(h: _Hypotheses, told: Told) -> _Hypotheses:
    """Hypotheses in which nothing was known, with what is."""
    possible = told.possible[h.episode[h.owner], h.setting]
    h = h.each(lambda array: array, h.owner[possible], h.setting[possible])
    strings = told.strings[h.episode]  # (H, U, F)
    h.strings, h.sizes = strings.astype(np.int16), (strings >= 0).sum(2).astype(np.int8)
    return h


def _with_new(h: _Hypotheses, components: Sequence[Plans], share: np.ndarray, is_foreign: bool) -> _Hypotheses:
    """The hypotheses, and one for each component in which nothing is known, which gets its share, (N, C), of them."""
    new = _all_open(components, h.mass(share.shape) * share, is_foreign)
    h = h.take(np.arange(len(h.episode)))
    h.weight = h.weight * (1 - share[h.episode, h.component])
    return h.join(new)


def _without_foreign(h: _Hypotheses, native: _Hypotheses, shape: tuple[int, int], on: np.ndarray) -> _Hypotheses:
    """The hypotheses after a pair: where it was foreign, what was known before, of the same weight together."""
    foreign, before = h.mass(shape, h.is_foreign), native.mass(shape)
    native = native.keep(on[native.episode] & (foreign[native.episode, native.component] > 0))
    native.weight = native.weight * (foreign / np.where(before > 0, before, 1))[native.episode, native.component]
    return h.keep(~h.is_foreign).join(native)


def _divide(h: _Hypotheses, components: Sequence[Plans], forms: np.ndarray, words: np.ndarray) -> _Hypotheses:
    """Hypotheses of one plan each for the sentence at hand, whose translation they are about to hear.

    Args:
        forms: (C, N), of the sentence; NONE: there is none. words: (N, T), its own.
    """
    form = forms[h.component, h.episode]
    num_settings = np.array([len(plans.weights) for plans in components])
    # Of each component: where its settings begin if all components' are listed, and its table of (form, setting).
    starts = np.cumsum(num_settings) - num_settings
    begins = np.cumsum([0, *(plans.number.size for plans in components[:-1])])
    number = np.concatenate([plans.number.ravel() for plans in components])
    first = begins[h.component] + np.maximum(form, 0) * num_settings[h.component]
    row = np.where((form != NONE)[h.owner], number[first[h.owner] + h.setting], 0)  # (M,)
    prior = np.concatenate([plans.weights for plans in components])
    prior = prior[starts[h.component][h.owner] + h.setting]  # (M,)
    total = np.bincount(h.owner, prior, len(h.episode))
    most = int(row.max(initial=0)) + 1
    keys, owner = np.unique(h.owner * most + row, return_inverse=True)
    was, row = keys // most, keys % most
    share = np.bincount(owner, prior, len(keys)) / total[was]
    divided = h.each(lambda array: array[was], owner, h.setting)
    divided.weight = divided.weight * share
    divided.units = _said(divided, components, row, words)
    divided.item, divided.within, divided.size = (np.zeros(len(row), int) for _ in range(3))
    return divided


def _said(h: _Hypotheses, components: Sequence[Plans], row: np.ndarray, words: np.ndarray) -> np.ndarray:
    """(H, items): the units that are said, or END or BLANK, by each one's row in its component's codes."""
    T = words.shape[1]
    units = np.full((len(row), h.units.shape[1]), END)
    for number, plans in enumerate(components):
        mine = np.flatnonzero(h.component == number)
        codes = plans.codes[row[mine]]  # (mine, items)
        own = plans.forms.classes.shape[1]  # its places: those of the component's longest sentence
        said = words[h.episode[mine][:, None], np.clip(codes, 0, min(own, T) - 1)]
        units[mine, : codes.shape[1]] = np.where(codes >= own, codes - own, np.where(codes >= 0, said, codes))
    return units


def _check(h: _Hypotheses, k: int, max_hypotheses: int) -> None:
    count = np.bincount(h.episode) if len(h.episode) else np.zeros(1, int)
    if count.max() > max_hypotheses:
        raise ValueError(
            f"episode {count.argmax()} leaves {count.max()} hypotheses alive in pair {k + 1}; "
            f"max_hypotheses is {max_hypotheses}"
        )


@dataclass
class _Next:
    """What each hypothesis says comes next.

    Attributes:
        unit: (H,): the unit at hand, or END or BLANK. is_new: (H,) bool: wasn't it heard before?
        certain: (H,): the symbol that comes, where the unit isn't new; the end is the symbol A + 1.
        missing: (H,): the probability that a blank stands for the unit.
        new: (n,): the hypotheses whose unit is new. rivals: (n, U): as of `_rivals`. of_each: (n,): how many strings
            begin as the one at hand and go on with a given symbol. total: (n,): how many nobody has go on so at all.
    """

    unit: np.ndarray
    is_new: np.ndarray
    certain: np.ndarray
    missing: np.ndarray
    new: np.ndarray
    rivals: np.ndarray
    of_each: np.ndarray
    total: np.ndarray


def _listen(
    h: _Hypotheses,
    heard: Heard,
    k: int,
    components: Sequence[Plans],
    out: np.ndarray | None,
    came: np.ndarray,
    max_hypotheses: int,
) -> _Hypotheses:
    """Reads the translations of pair k symbol by symbol; writes into out and came."""
    N, _, P = heard.targets.shape
    A = components[0].num_symbols
    for j in range(P + 1):
        # A row predicts its symbol j if all before have come, and hears it if it has come.
        before = heard.turned[:, k] if j == 0 else heard.turned[:, k] & (heard.targets[:, k, j - 1] >= 0)
        if not before.any():
            break
        symbol = heard.targets[:, k, j] if j < P else np.full(N, -1)
        symbol = np.where(before & (symbol < 0) & heard.closed[:, k], A + 1, np.where(before, symbol, -1))
        h, unit = _begin_units(h, before, components)
        _check(h, k, max_hypotheses)
        ahead = _look_ahead(h, unit, components)
        if out is not None:
            _add_distributions(out[:, k, j], h, ahead, before)
        expected = symbol[h.episode]  # (H,)
        hears = before[h.episode] & (expected >= 0)
        is_gap = (expected == A) & (ahead.missing > 0)
        p = _probability_of(expected, ahead, is_gap, A)
        np.add.at(came[:, k, j], h.episode[hears], (h.weight * p)[hears])
        _go_on(h, ahead, expected, hears & (p > 0), is_gap)
        h.weight = np.where(hears, h.weight * p, h.weight)
        h = h if (h.weight > 0).all() else h.keep(h.weight > 0)
        h.normalise(N)
    return h


def _unit_at(h: _Hypotheses, before: np.ndarray) -> np.ndarray:
    """(H,): the unit at hand, or END or BLANK; END too in rows that aren't listening, (N,)."""
    unit = h.units[np.arange(len(h.item)), np.minimum(h.item, h.units.shape[1] - 1)]
    return np.where(before[h.episode], unit, END)


def _begin_units(h: _Hypotheses, before: np.ndarray, components: Sequence[Plans]) -> tuple[_Hypotheses, np.ndarray]:
    """Where a unit's string begins, notes its length; if nobody knows it, divides the hypothesis by it. Gives what
    `_unit_at` does too.
    """
    unit = _unit_at(h, before)
    begins = (unit >= 0) & (h.within == 0)
    if not begins.any():
        return h, unit
    known = h.sizes[np.arange(len(unit)), np.maximum(unit, 0)]
    h.size = np.where(begins, known, h.size)
    begins &= known == 0
    longest = np.array([plans.longest for plans in components])
    if longest.max() == 1 or not begins.any():
        h.size = np.where(begins, 1, h.size)
        return h, unit
    index, lengths = _lengths(begins, longest[h.component])
    h = h.take(index)
    h.weight = h.weight / np.where(lengths > 0, longest[h.component], 1)
    h.size = np.where(lengths > 0, lengths, h.size)
    return h, unit[index]


def _look_ahead(h: _Hypotheses, unit: np.ndarray, components: Sequence[Plans]) -> _Next:
    """What each hypothesis says comes next, by its unit at hand, (H,)."""
    A = components[0].num_symbols
    gaps = np.array([plans.gaps for plans in components])
    is_unit, rows = unit >= 0, np.arange(len(unit))
    is_new = is_unit & (h.sizes[rows, np.maximum(unit, 0)] == 0)
    certain = np.where(unit == END, A + 1, A)
    known = is_unit & ~is_new
    certain[known] = h.strings[rows[known], unit[known], h.within[known]]
    missing = np.where(is_unit & (h.within == 0), gaps[h.component], 0)
    new = np.flatnonzero(is_new)
    rivals = _rivals(h, new, unit)
    of_each = float(A) ** (h.size - h.within - 1)[new]
    return _Next(unit, is_new, certain, missing, new, rivals, of_each, of_each * A - (rivals >= 0).sum(1))


def _add_distributions(here: np.ndarray, h: _Hypotheses, ahead: _Next, before: np.ndarray) -> None:
    """Adds what the hypotheses say comes next to (N, A + 2) probabilities: of each symbol, the blank and the end."""
    A, at = here.shape[1] - 2, before[h.episode]
    says = h.weight * (1 - ahead.missing)
    certain = np.flatnonzero(at & ~ahead.is_new)
    np.add.at(here, (h.episode[certain], ahead.certain[certain]), says[certain])
    if ahead.missing.any():
        np.add.at(here[:, A], h.episode, h.weight * ahead.missing * at)
    new = ahead.new
    if len(new):
        places = np.arange(len(new))[:, None] * (A + 1) + ahead.rivals + 1
        taken = np.bincount(places.ravel(), minlength=len(new) * (A + 1)).reshape(len(new), A + 1)[:, 1:]
        left = ahead.of_each[:, None] - taken  # (n, A)
        np.add.at(here[:, :A], h.episode[new], left * (says[new] / ahead.total)[:, None])


def _probability_of(expected: np.ndarray, ahead: _Next, is_gap: np.ndarray, A: int) -> np.ndarray:
    """(H,): the probability of the symbol that came, (H,), under each hypothesis."""
    p = (ahead.certain == expected).astype(float)
    symbol = expected[ahead.new]
    taken = (ahead.rivals == symbol[:, None]).sum(1)
    p[ahead.new] = ((symbol >= 0) & (symbol < A)) * (ahead.of_each - taken) / ahead.total
    return np.where(is_gap, ahead.missing, p * (1 - ahead.missing))


def _go_on(h: _Hypotheses, ahead: _Next, symbol: np.ndarray, hears: np.ndarray, is_gap: np.ndarray) -> None:
    """Takes in the symbol that came, in place: a new unit's string grows, all others go on."""
    unit = ahead.unit
    writes = np.flatnonzero(ahead.is_new & hears & ~is_gap)
    h.strings[writes, unit[writes], h.within[writes]] = symbol[writes]
    done = (unit == BLANK) | is_gap | ((unit >= 0) & (h.within + 1 >= h.size))
    learned = writes[done[writes]]
    h.sizes[learned, unit[learned]] = h.size[learned]
    h.item = h.item + (hears & done)
    h.within = np.where(hears, np.where(done, 0, h.within + 1), h.within)


def _lengths(begins: np.ndarray, longest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Divides those that begin a new string by its length: the index of each, and its length; 0: none begins."""
    lengths = np.arange(1, int(longest.max()) + 1)
    options = np.where(begins[:, None], lengths <= longest[:, None], lengths == 1)  # the others stay as they are
    index, column = options.nonzero()
    return index, np.where(begins[index], lengths[column], 0)


def _rivals(h: _Hypotheses, new: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """(n, U): of each unit heard so far whose string is as long as the one at hand and begins as it does, the symbol
    that comes next in it; −1 of other units.

    Args:
        new: (n,), the hypotheses at hand. unit: (H,), the unit at hand of each.
    """
    sizes, within, size = h.sizes[new], h.within[new], h.size[new]  # (n, U), (n,), (n,)
    # Most are at their first symbol, before which all strings are alike.
    following = np.where(sizes == size[:, None], h.strings[new, :, 0], -1)
    later = np.flatnonzero(within > 0)
    if len(later):
        strings, within = h.strings[new[later]], within[later]  # (m, U, F), (m,)
        prefix = h.strings[new[later], unit[new[later]]]  # (m, F)
        same = (strings == prefix[:, None]) | (np.arange(strings.shape[2]) >= within[:, None])[:, None]
        symbols = np.take_along_axis(strings, within[:, None, None], 2)[..., 0]
        following[later] = np.where((sizes[later] == size[later, None]) & same.all(2), symbols, -1)
    return following
