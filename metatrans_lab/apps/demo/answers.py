"""From what stands on the page to what it shows; knows nothing of the page's toolkit."""

import random
import re
from collections.abc import Sequence

from transformers import PreTrainedModel

from metatrans_lab.apps.conversation import who_has_room
from metatrans_lab.apps.demo import drawing
from metatrans_lab.apps.demo.ready_made import make_language
from modeling_metalstm import TranslationError, TranslatorSession
from modeling_metalstm.errors_metalstm import TooManyWordsError

MAX_CHARACTERS = 500
"""Of a field: more is nobody's sentence."""

MAX_WORDS = 200
"""Of all rules and the sentence: an answer is to come while one types."""

Fields = Sequence[str | None]


def read_rows(sources: Fields, targets: Fields) -> tuple[list[tuple[str, str]], list[int]]:
    """The rules on the page, and each one's row, from 1; empty rows are none.

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
    """An error that speaks of examples, in the page's words: rules, numbered as its rows."""

    def rename(match: re.Match) -> str:
        numbers = [row_of[int(number) - 1] for number in re.findall(r"\d+", match[0])]
        before = match[0][: match[0].lower().index("example")]
        word = "rules" if len(numbers) > 1 else "rule"
        return f"{before}{word if before else word.capitalize()} {' and '.join(map(str, numbers))}"

    # How errors about examples begin; what follows may quote anything.
    return re.sub(r"\A(?:Examples? \d+(?: and \d+)?|The (?:source|target) side of example \d+)", rename, text)


def answer(model: PreTrainedModel, question: str | None, sources: Fields, targets: Fields) -> tuple[str, str, str]:
    """The translation, the hint and the curve, as HTML; an error in place of the first, if there is one."""
    row_of: list[int] = []
    try:
        rules, row_of = read_rows(sources, targets)
        if not rules:
            return drawing.message("Write a rule: a sentence, and its translation in words of your own."), "", ""
        if len(question or "") > MAX_CHARACTERS:
            raise TranslationError(f"The sentence has more than {MAX_CHARACTERS} characters.")
        if sum(len(source.split()) for source, _ in rules) + len((question or "").split()) > MAX_WORDS:
            raise TranslationError(f"The rules and the sentence have more than {MAX_WORDS} words together.")
        session = TranslatorSession(model, rules)
        curve = drawing.shots(session.shots(), row_of)
        if not (question or "").strip():
            return drawing.message("Now write a sentence to translate."), "", curve
        result = session(question)
        return drawing.answer(result, row_of), drawing.hint(result), curve
    except TooManyWordsError as error:
        return drawing.message(by_rows(str(error), row_of) + who_has_room(error.number)), "", ""
    except TranslationError as error:
        return drawing.message(by_rows(str(error), row_of)), "", ""


class Game:
    """The model against a person: the same rules, the same question."""

    def __init__(self, seed: int | None = None):
        self.rng = random.Random(seed)
        self.rounds = self.yours = self.models = 0
        self.deal()

    def deal(self) -> None:
        """Another language."""
        self.start, self.truth = make_language(self.rng, num_words=5, num_rules=4)
        self.answered = False

    def play(self, model: PreTrainedModel, text: str | None) -> str:
        """Who was right, as a sentence; a round counts once.

        Raises:
            TranslationError: an answer too long, or none.
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
