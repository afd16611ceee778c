"""The model that is asked beside the exact translator."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from metatrans_lab.exact.translator import ExactTranslator
from modeling_metalstm.errors_metalstm import TranslationError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from metatrans_lab.exact.by_model import MixedReader
    from modeling_metalstm import TranslatorSession

TRANSLATOR, GRAMMARIAN = "translator", "grammarian"
"""The first reads languages that are a word for a word in place, of up to 64 words; the second the others, of 20."""

MAX_KEPT = 64
"""Rules that models have read, so that the next letter of a question finds them read."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Asked:
    """A model, by its name; where that is `translator` and a language isn't a word for a word, `grammarian` instead.
    They are loaded when they are first asked.

    Args:
        name: as of `load_model`. trust_remote_code: run code that comes with it.
        num_bindings, separator, exact: as of `TranslatorSession`; of a model of the family mixed twice as many.
        model: itself, if it is loaded.
    """

    def __init__(
        self,
        name: str = TRANSLATOR,
        trust_remote_code: bool = False,
        num_bindings: int = 8,
        separator: str | None = None,
        exact: bool = False,
        model: PreTrainedModel | None = None,
    ) -> None:
        self.name, self.trust_remote_code, self.num_bindings = name, trust_remote_code, num_bindings
        self.separator, self.exact = separator, exact
        self.models = {} if model is None else {name: model}
        self._readers: dict[str, MixedReader] = {}
        self._sessions: OrderedDict[tuple, TranslatorSession] = OrderedDict()

    def who(self, exact: ExactTranslator) -> str:
        """The name of the model that is asked about a language."""
        return GRAMMARIAN if self.name == TRANSLATOR and not exact.is_in_place else self.name

    def say(
        self, exact: ExactTranslator, rules: Sequence[tuple[str, str]], sentence: str, reverse: bool = False
    ) -> dict[str, Any]:
        """What the model says: its name, translation_text, probability and words, each with its target and its
        probability.

        Args:
            exact: that has read the rules. reverse: ask for the sentence, given its translation.

        Raises:
            TranslationError: it can't say. UserError: it can't be loaded.
        """
        reader = self._reader(self.who(exact))
        if reader is None:
            return {"name": self.who(exact), **self.session(rules, reverse)(sentence)}
        if reverse:
            raise TranslationError("It translates into your words only.")
        return {"name": self.who(exact), **reader(exact, sentence)}

    def session(self, rules: Sequence[tuple[str, str]], reverse: bool = False) -> TranslatorSession:
        """That of a model that reads words in place, which has read rules.

        Raises:
            TranslationError: it can't read them. UserError: it can't be loaded.
        """
        from metatrans_lab.models.load import load_translator
        from modeling_metalstm.session_metalstm import TranslatorSession

        pairs = tuple((target, source) if reverse else (source, target) for source, target in rules)
        if pairs not in self._sessions:
            if self.name not in self.models:
                self.models[self.name] = load_translator(self.name, self.trust_remote_code)
            model = self.models[self.name]
            self._sessions[pairs] = TranslatorSession(
                model, pairs, self.num_bindings, separator=self.separator, exact=self.exact
            )
        return keep(self._sessions, pairs)

    def _reader(self, name: str) -> MixedReader | None:
        """What reads for a model of the family mixed; None of another."""
        from metatrans_lab.models.load import load_model, mixed_language

        if name not in self._readers:
            language = None if name in self.models else mixed_language(name)
            if language is None:
                return None
            from metatrans_lab.exact.by_model import MANY_BINDINGS, MixedReader

            model, number = load_model(name, self.trust_remote_code), MANY_BINDINGS * self.num_bindings
            self._readers[name] = MixedReader(model, language, number)
        return self._readers[name]


def keep(kept: OrderedDict[Key, Value], key: Key) -> Value:
    """A value that is kept, and now the last to be let go; the first ones go, if they are too many."""
    kept.move_to_end(key)
    while len(kept) > MAX_KEPT:
        kept.popitem(last=False)
    return kept[key]
