"""A grammar as people have it: the family `grammar`, with cases and with verbs that agree.

A particle may belong to the noun rather than to its phrase, as endings of cases do; and the sentence may mark its
verb, as English does with an *s*, of which the translation says nothing:

    the dog see-s the big cat   =   gor misu-am bardo lare
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from dataset_script.families.grammar import NOUN, PLURAL, VERB, GrammarConfig
from dataset_script.families.planned import Said, Setting

PARTICLE_OF = ("phrase", "noun")
"""What a particle stands beside."""


@dataclass(frozen=True)
class SpokenGrammar(GrammarConfig):
    """The languages of the family `grammar` that a person's may be.

    Args:
        particle_of: the values that this switch may have; without an adjective they say the same.
    """

    fragments: bool = True
    sentence_length: int | tuple[int, int] = 1
    particle_of: tuple[str, ...] = PARTICLE_OF

    @property
    def switches(self) -> dict[str, tuple[str, ...]]:
        return super().switches | {"particle_of": self.particle_of}

    def all_forms(self) -> Sequence[tuple[int, ...]]:
        """Those of the family; and with a mark of the verb, which is the plural's as far as classes go."""
        forms = super().all_forms()
        return [*forms, *(_marked(form) for form in forms if VERB in form and NOUN in form[: form.index(VERB)])]

    def plan(self, form: tuple[int, ...], setting: Setting) -> Sequence[Said]:
        if not marks_verb(form):
            return super().plan(form, setting)
        after = form.index(VERB) + 1
        said = super().plan(form[:after] + form[after + 1 :], setting)
        return [
            Said(one.hangs_on, one.place + 1, one.unit) if one.place is not None and one.place >= after else one
            for one in said
        ]

    def marks_nouns(self, setting: Setting) -> bool:
        return setting["particle_of"] == "noun"


def marks_verb(form: tuple[int, ...]) -> bool:
    """Does a sentence of this form mark its verb?"""
    return any(pair == (VERB, PLURAL) for pair in itertools.pairwise(form))


def _marked(form: tuple[int, ...]) -> tuple[int, ...]:
    after = form.index(VERB) + 1
    return (*form[:after], PLURAL, *form[after:])
