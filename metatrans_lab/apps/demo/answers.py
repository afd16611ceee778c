"""From the texts that were typed on the page to what it shows; independent of the page's toolkit."""

import random
import threading
from collections import OrderedDict
from typing import NamedTuple, TypeVar

from transformers import PreTrainedModel

from metatrans_lab.apps.demo import drawing
from metatrans_lab.apps.demo.ready_made import make_language
from metatrans_lab.exact.learned import learned, with_examples
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.model_names import who_has_room
from modeling_metalstm import TranslationError, TranslatorSession
from modeling_metalstm.errors_metalstm import TooManyWordsError
from modeling_metalstm.rules_metalstm import Rule, read_lines
from modeling_metalstm.spelling_metalstm import Spelling

MAX_CHARACTERS = 500
"""The most characters of a sentence."""

MAX_RULES_CHARACTERS = 20_000
"""The most characters of all rules together."""

MAX_WORDS = 600
"""The most words of all rules and the sentence together: answers are to come while one types."""

MAX_KEPT = 64
"""The rules whose sessions are kept, so that the next letter of a question finds them read."""


Key = TypeVar("Key")
Value = TypeVar("Value")


class Shown(NamedTuple):
    """What the page shows, as HTML: the translation or what is wrong, what would help, what was learned, a curve."""

    answer: str
    hint: str = ""
    facts: str = ""
    curve: str = ""


def read_rules(text: str) -> list[Rule]:
    """The rules on the page.

    Raises:
        TranslationError: lines that are no rules, or too much of them.
    """
    if len(text) > MAX_RULES_CHARACTERS:
        raise TranslationError(f"The rules have more than {MAX_RULES_CHARACTERS:,} characters.")
    rules = read_lines(text)
    for rule in rules:
        if max(len(rule.source), len(rule.target)) > MAX_CHARACTERS:
            raise TranslationError(f"{rule.where}: a sentence has more than {MAX_CHARACTERS} characters.")
    return rules


class Read(NamedTuple):
    """Rules that were read: with what they teach, as HTML."""

    rules: list[Rule]
    exact: ExactTranslator
    facts: str


class Answers:
    """Answers exactly and by a model; what was read is kept for the next letter of a question.

    Args:
        model: that is asked beside the exact translator.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self._read: OrderedDict[str, Read] = OrderedDict()
        self._sessions: OrderedDict[tuple, tuple[TranslatorSession, str]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, text: str | None, question: str | None, reverse: bool = False) -> Shown:
        """What the page shows for rules and a question; an error's message stands in place of the translation."""
        try:
            return self._answer(text or "", question or "", reverse)
        except TranslationError as error:
            return Shown(drawing.message(str(error)))

    def _answer(self, text: str, question: str, reverse: bool) -> Shown:
        rules = read_rules(text)
        if not rules:
            return Shown(drawing.message("Write a rule: a sentence, =, and its translation in words of your own."))
        if len(question) > MAX_CHARACTERS:
            raise TranslationError(f"The sentence has more than {MAX_CHARACTERS} characters.")
        if sum(len(rule.source.split()) for rule in rules) + len(question.split()) > MAX_WORDS:
            raise TranslationError(f"The rules and the sentence have more than {MAX_WORDS} words together.")
        read = self._read_rules(text, rules)
        notes = drawing.notes(read.exact, rules)
        if not question.strip():
            return Shown(drawing.message("Now write a sentence to translate."), notes, read.facts)
        translation = read.exact.back(question) if reverse else read.exact(question)
        says, curve = self._ask_model(rules, question, reverse)
        answer = drawing.answer(translation, rules)
        hint = notes + drawing.hint(translation) + drawing.model(says, translation)
        return Shown(answer, hint, read.facts, curve)

    def _read_rules(self, text: str, rules: list[Rule]) -> Read:
        """The rules, read; from before, if they were."""
        with self._lock:
            if text in self._read:
                return keep(self._read, text)
        # Others are answered meanwhile.
        exact = ExactTranslator([rule[:2] for rule in rules])
        belief, sides = exact.understanding.belief, exact.sides
        facts = with_examples(learned(belief), belief, sides.examples)
        with self._lock:
            self._read[text] = Read(rules, exact, drawing.facts(facts, sides.source.written, rules))
            return keep(self._read, text)

    def _ask_model(self, rules: list[Rule], question: str, reverse: bool) -> tuple[dict | str, str]:
        """What the model says, or why it can't say anything; and the curve of how it came to know the rules."""
        pairs = tuple((rule.target, rule.source) if reverse else (rule.source, rule.target) for rule in rules)
        with self._lock:
            try:
                if pairs not in self._sessions:
                    session = TranslatorSession(self.model, pairs)
                    places = [rule.where.removeprefix("line ") for rule in rules]
                    self._sessions[pairs] = session, drawing.shots(session.shots(), places)
                session, curve = keep(self._sessions, pairs)
                return session(question), curve
            except TooManyWordsError as error:
                return f"{error}{who_has_room(error.number)}", ""
            except TranslationError as error:
                return str(error), ""


def keep(kept: OrderedDict[Key, Value], key: Key) -> Value:
    """A value that is kept, and now the last to be let go; the first ones go, if they are too many."""
    kept.move_to_end(key)
    while len(kept) > MAX_KEPT:
        kept.popitem(last=False)
    return kept[key]


class Game:
    """The model against a person: the same rules, the same question."""

    def __init__(self, seed: int | None = None) -> None:
        self.rng = random.Random(seed)
        self.rounds = self.yours = self.models = 0
        self.deal()

    def deal(self) -> None:
        """Starts a round with another language."""
        self.start, self.truth = make_language(self.rng)
        self.answered = False

    def play(self, model: PreTrainedModel, text: str | None) -> str:
        """A sentence that says who was right. Only the first answer of a round counts.

        Raises:
            TranslationError: the answer is empty or too long.
        """
        text = text or ""
        if len(text) > MAX_CHARACTERS:
            raise TranslationError(f"The answer has more than {MAX_CHARACTERS} characters.")
        if not text.strip():
            raise TranslationError("Write what you think it is in the new words.")
        try:
            said = TranslatorSession(model, self.start.rules)(self.start.question)["translation_text"]
            models = said == self.truth
            model_was = f"the model said “{said}” and was {'right' if models else 'wrong'}"
        except TranslationError:  # which isn't of words in place
            models, model_was = False, "the model can’t read such rules"
        side = Spelling()
        yours = [side.key(word) for word in side.split(text)] == [side.key(word) for word in self.truth.split()]
        if not self.answered:
            self.answered, self.rounds = True, self.rounds + 1
            self.yours, self.models = self.yours + yours, self.models + models
        return (
            f"It is “{self.truth}”: the rules allow nothing else. You were {'right' if yours else 'wrong'}, "
            f"{model_was}. "
            f"After {self.rounds} round{'s' * (self.rounds != 1)}: you {self.yours}, the model {self.models}."
        )
