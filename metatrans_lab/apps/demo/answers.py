"""From the texts that were typed on the page to what it shows; independent of the page's toolkit."""

import random
import re
from collections.abc import Sequence

from transformers import PreTrainedModel

from metatrans_lab.apps.demo import drawing
from metatrans_lab.apps.demo.ready_made import make_language
from metatrans_lab.model_names import who_has_room
from modeling_metalstm import TranslationError, TranslatorSession
from modeling_metalstm.errors_metalstm import TooManyWordsError

MAX_CHARACTERS = 500
"""The most characters of a field: no sentence is longer."""

MAX_WORDS = 200
"""The most words of all rules and the sentence together: answers are to come while one types."""

Fields = Sequence[str | None]


def read_rows(sources: Fields, targets: Fields) -> tuple[list[tuple[str, str]], list[int]]:
    """The rules on the page, and the row of each, counted from 1; empty rows are skipped.

    Raises:
        TranslationError: a row that is half empty, or too long.
    """
    rules, row_of = [], []
    for row, (source, target) in enumerate(zip(sources, targets, strict=True), 1):
        source, target = source or "", target or ""
        if max(len(source), len(target)) > MAX_CHARACTERS:
            raise TranslationError(f"Rule {row} has more than {MAX_CHARACTERS} characters.")
        if bool(source.strip()) != bool(target.strip()):
            missing = "its translation" if source.strip() else "the sentence that it translates"
            raise TranslationError(f"Rule {row} is missing {missing}.")
        if source.strip():
            rules.append((source, target))
            row_of.append(row)
    return rules, row_of


def by_rows(text: str, row_of: Sequence[int]) -> str:
    """An error about examples in the page's words, as one about rules, which are numbered by their rows."""

    def rename(match: re.Match) -> str:
        numbers = [row_of[int(number) - 1] for number in re.findall(r"\d+", match[0])]
        before = match[0][: match[0].lower().index("example")]
        word = "rules" if len(numbers) > 1 else "rule"
        return f"{before}{word if before else word.capitalize()} {' and '.join(map(str, numbers))}"

    # Only at the beginning, where errors name examples; what follows may quote anything.
    return re.sub(r"\A(?:Examples? \d+(?: and \d+)?|The (?:source|target) side of example \d+)", rename, text)


def answer(model: PreTrainedModel, question: str | None, sources: Fields, targets: Fields) -> tuple[str, str, str]:
    """The translation, the hint and the curve, as HTML; an error's message stands in place of the translation."""
    row_of: list[int] = []
    try:
        rules, row_of = read_rows(sources, targets)
        if not rules:
            return drawing.message("Write a rule: a sentence, and its translation in words of your own."), "", ""
        question = question or ""
        if len(question) > MAX_CHARACTERS:
            raise TranslationError(f"The sentence has more than {MAX_CHARACTERS} characters.")
        if sum(len(source.split()) for source, _ in rules) + len(question.split()) > MAX_WORDS:
            raise TranslationError(f"The rules and the sentence have more than {MAX_WORDS} words together.")
        session = TranslatorSession(model, rules)
        curve = drawing.shots(session.shots(), row_of)
        if not question.strip():
            return drawing.message("Now write a sentence to translate."), "", curve
        result = session(question)
        return drawing.answer(result, row_of), drawing.hint(result), curve
    except TooManyWordsError as error:
        return drawing.message(by_rows(str(error), row_of) + who_has_room(error.number)), "", ""
    except TranslationError as error:
        return drawing.message(by_rows(str(error), row_of)), "", ""


class Game:
    """The model against a person: the same rules, the same question."""

    def __init__(self, seed: int | None = None) -> None:
        self.rng = random.Random(seed)
        self.rounds = self.yours = self.models = 0
        self.deal()

    def deal(self) -> None:
        """Starts a round with another language."""
        self.start, self.truth = make_language(self.rng, num_words=5, num_rules=4)
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
        session = TranslatorSession(model, self.start.rules)
        said = session(self.start.question)["translation_text"]
        key = session.spelling
        yours = [key.key(word) for word in key.split(text)] == [key.key(word) for word in self.truth.split()]
        models = said == self.truth
        if not self.answered:
            self.answered, self.rounds = True, self.rounds + 1
            self.yours, self.models = self.yours + yours, self.models + models
        right = {True: "right", False: "wrong"}
        return (
            f"It is “{self.truth}”. You were {right[yours]}, the model said “{said}” and was {right[models]}. "
            f"After {self.rounds} round{'s' * (self.rounds != 1)}: you {self.yours}, the model {self.models}."
        )
