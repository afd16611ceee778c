"""From texts to sentences of units and back: what the words of one side of a language are, and how they are written.

A hyphen divides a word into morphemes, each a unit of its own (`cat-s`, `neko-ra`), unless words are to be exactly as
written. A class may be said after a colon (`dog:noun`). Where a translation has two units side by side that the
examples always write with a hyphen, it gets one too.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from metatrans_lab.exact.posterior import Sentence
from modeling_metalstm.spelling_metalstm import Spelling

HYPHEN = "-"


class Affix(NamedTuple):
    """A morpheme that words are read with though nothing divides them.

    Attributes:
        letters: of it. is_prefix: does it stand before its stem?
        of_all: is it taken off all words that have it, rather than off those whose stem is a word too, or has another
            affix?
    """

    letters: str
    is_prefix: bool
    of_all: bool = False

    def __str__(self) -> str:
        return f"{self.letters}-" if self.is_prefix else f"-{self.letters}"

    def divide(self, word: str) -> tuple[str, str] | None:
        """'nekora' → 'neko', 'ra', for the suffix -ra; None if the word hasn't it."""
        stem = word.removeprefix(self.letters) if self.is_prefix else word.removesuffix(self.letters)
        if not stem or stem == word:
            return None
        return (self.letters, stem) if self.is_prefix else (stem, self.letters)

    def stem(self, word: str) -> str | None:
        """What is left of a word without it; None if it hasn't it."""
        pieces = self.divide(word)
        return None if pieces is None else pieces[self.is_prefix]


Division = tuple[Affix, ...]
"""Affixes that are taken off words."""


def stems(division: Division, words: Collection[str]) -> set[str]:
    """What a side's words, given by their keys, are without affixes: its words; what has two of the affixes by turns,
    such as `bel` of `belos` and `belem`; and these with affixes, such as `belin` of `belinos`, for -in.
    """
    affixes_of: dict[str, set[Affix]] = {}
    left = list(words)
    reached = set(left)
    while left:
        word = left.pop()
        for affix in division:
            stem = affix.stem(word)
            if stem is not None and len(stem) >= SHORTEST_STEM:
                affixes_of.setdefault(stem, set()).add(affix)
                left += [] if stem in reached else [stem]
                reached.add(stem)
    known = set(words) | {stem for stem, affixes in affixes_of.items() if len(affixes) > 1}
    for word in sorted(reached, key=len):
        if any(affix.stem(word) in known for affix in division):
            known.add(word)
    return known


SHORTEST_STEM = 2
"""In letters, of a stem that is no word."""


@dataclass
class Side:
    """One side of a person's examples: what was read of it so far.

    Attributes:
        spelling: what words are. class_names: that may be said after a word.
        division: affixes of words that nothing divides. stems: words that are there without them, by their keys.
        written: by the key of each unit, how it was first written; where it can be, not as the first of a sentence.
        classes: by the key of a unit, its class, where it was said.
    """

    spelling: Spelling
    class_names: Collection[str] = ()
    division: Division = ()
    stems: Collection[str] = ()
    written: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    _only_first: set[str] = field(default_factory=set)  # units that were written as the first of a sentence alone
    _begins: set[bool] = field(default_factory=set)  # whether sentences of several words began with a capital
    _joins: dict[tuple[str, bool], dict[str | None, set[str]]] = field(default_factory=dict)
    """Of a unit, by its key, what stood between it and each neighbour, None at a sentence's end; True: before it,
    False: after it.
    """

    def read(self, text: object, name: str = "The sentence") -> Sentence:
        """A sentence's units, as keys.

        Raises:
            TranslationError: as `Spelling.split_sentence`.
        """
        units: list[str] = []
        for word in self.spelling.split_sentence(text, name):
            pieces, join = self._divide(word)
            for number, piece in enumerate(pieces):
                key = self.spelling.key(piece)
                self._note_neighbours(units[-1] if units else None, key, join if number else self._blank)
                self._note(key, piece, is_first=not units)
                units.append(key)
        self._note_neighbours(units[-1], None, self._blank)
        if len(units) > 1:
            self._begins.add(str(text).lstrip()[:1].isupper())
        return tuple(units)

    def read_question(self, text: object, name: str = "The sentence") -> tuple[Sentence, set[tuple[str, str]]]:
        """As `read`, but nothing is noted, except how words are written that weren't there before; and the units that
        nothing but a hyphen, or nothing, divides, by pairs of neighbours.
        """
        copy = Side(self.spelling, self.class_names, self.division, self.stems, dict(self.written), dict(self.classes))
        units = copy.read(text, name)
        self.written.update((unit, copy.written[unit]) for unit in units if unit not in self.written)
        pairs = set(itertools.pairwise(units))
        return units, {pair for pair in pairs if copy._joins[pair[0], False][pair[1]] != {self._blank}}

    def _note_neighbours(self, before: str | None, after: str | None, between: str) -> None:
        """What stands between two units; None: the sentence's begin or end."""
        if before is not None:
            self._joins.setdefault((before, False), {}).setdefault(after, set()).add(between)
        if after is not None:
            self._joins.setdefault((after, True), {}).setdefault(before, set()).add(between)

    @property
    def _blank(self) -> str:
        return self.spelling.join(("", ""))

    def _note(self, key: str, piece: str, is_first: bool) -> None:
        # A sentence may begin with a capital that its first word hasn't elsewhere.
        better = key in self._only_first and (not is_first or piece == piece.lower())
        if key not in self.written or better:
            self.written[key] = piece
            if is_first:
                self._only_first.add(key)
            else:
                self._only_first.discard(key)

    def _divide(self, word: str) -> tuple[Sequence[str], str]:
        """A word's morphemes as they are written, and what stands between them; notes its class, where it is said."""
        bare, colon, name = word.rpartition(":")
        of_class = name.casefold() if colon and bare and name.casefold() in self.class_names else None
        word = word if of_class is None else bare
        pieces, join = [word], ""
        if not self.spelling.exact and self.spelling.separator is None:
            pieces, join = [piece for piece in re.split("[-‐‑]", word) if piece] or [word], HYPHEN
        if len(pieces) == 1:
            pieces, join = self._without_affixes(word), ""
        if of_class is not None:
            self.classes.setdefault(self.spelling.key(pieces[0]), of_class)
        return pieces, join

    def _without_affixes(self, word: str) -> list[str]:
        """A word's affixes and its stem, as they are written."""
        key = self.spelling.key(word)
        for affix in self.division:
            stem = affix.stem(key)
            if stem is None or not (stem in self.stems or (affix.of_all and len(stem) >= SHORTEST_STEM)):
                continue
            size = len(affix.letters) if affix.is_prefix else len(word) - len(affix.letters)
            # Where case changes a word's length, its letters are those of the key.
            pieces = [word[:size], word[size:]] if len(word) == len(key) else list(affix.divide(key) or ())
            before, after = pieces
            if affix.is_prefix:
                return [before, *self._without_affixes(after)]
            return [*self._without_affixes(before), after]
        return [word]

    def write(self, units: Sequence[str], together: Collection[int] = ()) -> str:
        """A text of these units; those that were never read, such as "?", stay as they are.

        Args:
            together: the numbers of units that belong to the one before, as far as their meaning goes.
        """
        text = ""
        for number, unit in enumerate(units):
            if number:
                text += self._between(units[number - 1], unit, number in together)
            text += self._within(unit)
        return text

    def write_sentence(self, units: Sequence[str], together: Collection[int] = ()) -> str:
        """As `write`, with a capital to begin with where all sentences have one."""
        text = self.write(units, together)
        return text[:1].upper() + text[1:] if self._has_capitals else text

    @property
    def _has_capitals(self) -> bool:
        """Do all sentences begin with a capital, whatever their first word is?"""
        return self._begins == {True} and not self.spelling.exact

    def _within(self, unit: str) -> str:
        """How a unit is written within a sentence: a capital that the first word alone had may not be its own."""
        written = self.written.get(unit, unit)
        if self._has_capitals and unit in self._only_first:
            return written[:1].lower() + written[1:]
        return written

    def _between(self, before: str, after: str, belong: bool) -> str:
        """What stands between two units: what stood there before; else what always stands beside one of them, if it is
        an affix, or if the two belong together.
        """
        seen = self._joins.get((before, False), {}).get(after, set())
        if len(seen) == 1:
            return next(iter(seen))
        for unit, is_before in ((before, False), (after, True)):
            join = self._always(unit, is_before)
            if join != self._blank and (belong or self._is_affix(unit, is_before)):
                return join
        return self._blank

    def _always(self, unit: str, is_before: bool) -> str:
        """What stands on that side of a unit wherever it was read; a blank, if it isn't always the same."""
        joins = set().union(*self._joins.get((unit, is_before), {}).values())
        return next(iter(joins)) if len(joins) == 1 else self._blank

    def _is_affix(self, unit: str, is_before: bool) -> bool:
        """Is a unit that always hangs on the same side of others an affix of them, rather than a stem?

        It is one that words are divided at; else one that hangs on more units than any of these has beside it, as
        stems are many and affixes few, or on a word that stands free too.
        """
        neighbours = self._joins[unit, is_before]
        if "" in set().union(*neighbours.values()):
            return any(affix.letters == unit and affix.is_prefix != is_before for affix in self.division)
        beside = [len(self._joins.get((one, not is_before), {})) for one in neighbours if one is not None]
        return len(neighbours) > max(beside, default=0) or any(
            self._stands_free(one, not is_before) for one in neighbours
        )

    def is_bare(self, units: Sequence[str], endings: Collection[str], together: Collection[int] = ()) -> bool:
        """Has a text a unit without the ending that always hangs on it, and on all units that take the same?

        Args:
            units: of the text. endings: units that no word of the other side says. together: as of `write`.
        """
        if not units:
            return False
        blank = self._blank
        between = [
            self._between(units[number - 1], units[number], number in together) for number in range(1, len(units))
        ]
        around = zip(units, [blank, *between], [*between, blank], strict=True)
        return any(
            side == blank != self._always(unit, is_before) and self._has_to_hang(unit, is_before, endings)
            for unit, before, after in around
            for is_before, side in ((True, before), (False, after))
        )

    def _has_to_hang(self, unit: str, is_before: bool, endings: Collection[str]) -> bool:
        """Do endings alone hang on that side of a unit, and on all that take these?"""
        hanging = [one for one in self._joins[unit, is_before] if one is not None]
        alike = (one for ending in hanging for one in self._joins[ending, not is_before])
        return set(hanging) <= set(endings) and not any(self._stands_free(one, is_before) for one in alike)

    def _stands_free(self, unit: str | None, is_before: bool) -> bool:
        """Whether a blank, or a sentence's end, was ever before a unit, or after it."""
        return unit is not None and any(self._blank in joins for joins in self._joins[unit, is_before].values())
