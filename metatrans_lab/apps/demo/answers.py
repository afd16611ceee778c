"""From the texts that were typed on the page to what it shows; independent of the page's toolkit."""

import random
import threading
from collections import OrderedDict
from typing import NamedTuple

from metatrans_lab.apps.asked import Asked, keep
from metatrans_lab.apps.demo import drawing
from metatrans_lab.apps.demo.ready_made import make_language
from metatrans_lab.exact.learned import learned, with_examples
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.model_names import who_has_room
from modeling_metalstm.errors_metalstm import TooManyWordsError, TranslationError
from modeling_metalstm.rules_metalstm import Rule, read_lines, read_question
from modeling_metalstm.spelling_metalstm import Spelling

MAX_CHARACTERS = 500
"""The most characters of a sentence."""

MAX_RULES_CHARACTERS = 20_000
"""The most characters of all rules together."""

MAX_WORDS = 600
"""The most words of all rules and the sentence together: answers are to come while one types."""


class Shown(NamedTuple):
    """What the page shows, as HTML: the translation or what is wrong, what would help, what was learned, a curve."""

    answer: str
    hint: str = ""
    facts: str = ""
    curve: str = ""


def read_rules(text: str, unread: list[str]) -> list[Rule]:
    """The rules on the page.

    Args:
        unread: takes what is wrong with lines that are no rules, such as one that is being typed.

    Raises:
        TranslationError: too much of them.
    """
    if len(text) > MAX_RULES_CHARACTERS:
        raise TranslationError(f"The rules have more than {MAX_RULES_CHARACTERS:,} characters.")
    rules = read_lines(text, unread=unread)
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
        asked: the model that is asked beside the exact translator.
    """

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self._read: OrderedDict[str, Read] = OrderedDict()
        self._curves: OrderedDict[tuple, str] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, text: str | None, question: str | None, reverse: bool = False) -> Shown:
        """What the page shows for rules and a question; an error's message stands in place of the translation."""
        try:
            return self._answer(text or "", question or "", reverse)
        except TranslationError as error:
            return Shown(drawing.message(str(error)))

    def _answer(self, text: str, question: str, reverse: bool) -> Shown:
        unread: list[str] = []
        rules = read_rules(text, unread)
        skipped = drawing.skipped(unread)
        if not rules:
            empty = drawing.message("Write a rule: a sentence, =, and its translation in words of your own.")
            return Shown(empty, skipped)
        if len(question) > MAX_CHARACTERS:
            raise TranslationError(f"The sentence has more than {MAX_CHARACTERS} characters.")
        if sum(len(rule.source.split()) for rule in rules) + len(question.split()) > MAX_WORDS:
            raise TranslationError(f"The rules and the sentence have more than {MAX_WORDS} words together.")
        read = self._read_rules(text, rules)
        notes = skipped + drawing.notes(read.exact, rules)
        question = read_question(question)
        if not question.strip():
            return Shown(drawing.message("Now write a sentence to translate."), notes, read.facts)
        translation = read.exact.back(question) if reverse else read.exact(question)
        says, curve = self._ask_model(read.exact, rules, question, reverse)
        answer = drawing.answer(translation, read.exact, rules)
        hint = notes + drawing.hint(translation) + drawing.model(says, translation)
        return Shown(answer, hint, read.facts, curve)

    def _read_rules(self, text: str, rules: list[Rule]) -> Read:
        """The rules, read; from before, if they were."""
        with self._lock:
            if text in self._read:
                return keep(self._read, text)
        # Others are answered meanwhile.
        exact = ExactTranslator([rule[:2] for rule in rules])
        belief = exact.understanding.belief
        facts = with_examples(learned(belief), belief, exact.sides.examples)
        with self._lock:
            self._read[text] = Read(rules, exact, drawing.facts(facts, exact, rules))
            return keep(self._read, text)

    def _ask_model(
        self, exact: ExactTranslator, rules: list[Rule], question: str, reverse: bool
    ) -> tuple[dict | str, str]:
        """What the model says, or why it can't say anything; and the curve of how it came to know the rules, if it
        reads them in place.
        """
        pairs = tuple(rule[:2] for rule in rules)
        with self._lock:
            try:
                said = self.asked.say(exact, pairs, question, reverse)
                return said, self._curve(pairs, rules, reverse) if said["name"] == self.asked.name else ""
            except TooManyWordsError as error:
                return f"{error}{who_has_room(error.number) if exact.is_in_place else ''}", ""
            except TranslationError as error:
                return str(error), ""

    def _curve(self, pairs: tuple[tuple[str, str], ...], rules: list[Rule], reverse: bool) -> str:
        if (pairs, reverse) not in self._curves:
            places = [str(number) for number in drawing.places(rules)[1]]
            self._curves[pairs, reverse] = drawing.shots(self.asked.session(pairs, reverse).shots(), places)
        return keep(self._curves, (pairs, reverse))


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

    def play(self, asked: Asked, text: str | None) -> str:
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
            exact = ExactTranslator(self.start.rules)
            said = asked.say(exact, self.start.rules, self.start.question)["translation_text"]
            models = said == self.truth
            model_was = f"the model said “{said}” and was {'right' if models else 'wrong'}"
        except TranslationError:
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
