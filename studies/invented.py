"""Languages as people might invent them, of one phenomenon each: how well they are answered, exactly and by the model.

    python studies/invented.py [--languages 200] [--examples 8] [--questions 3] [--threads 1]

Each language is drawn at random, as are eight examples and then three questions of words that the examples have. A
question is *settled* where the exact answer is certain. The model is `translator` where the language may be a word for
a word in place, else `grammarian`. The regret is of the latter: nats that the true translation costs it more than the
exact answer. Words are compared at their places, and, as the determined accuracy of a model is measured everywhere
here, each after the right ones before it.
"""

import contextlib
import math
import os
import random
import re
import shlex
import sys

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import torch
from matplotlib.figure import Figure

from metatrans_lab.apps.asked import GRAMMARIAN, Asked
from metatrans_lab.apps.files import read_expected
from metatrans_lab.apps.printing import words_of
from metatrans_lab.exact.by_model import MixedReader
from metatrans_lab.exact.invented import PHENOMENA, Invented, invent
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.drawing import BLUE, GREY, ORANGE
from metatrans_lab.experiments.pages import markdown
from metatrans_lab.experiments.studies import read_arguments, report
from metatrans_lab.models.load import load_model, mixed_language
from modeling_metalstm import TranslationError


def ask(
    language: Invented, rng: random.Random, asked: Asked, reader: MixedReader, num_examples: int, num_questions: int
) -> list[dict]:
    """What was answered to questions of one language."""
    sentences = [language.sentence(rng) for _ in range(num_examples)]
    rules = [(language.write(sentence), language.translate(sentence)) for sentence in sentences]
    translator = ExactTranslator(rules)
    seen = sorted({word for sentence in sentences for word in sentence})
    answers = []
    for _ in range(num_questions):
        question = language.sentence(rng, seen)
        written, truth = language.write(question), language.translate(question)
        exact = translator(written)
        odds = {exact.text: exact.probability, **dict(exact.others)}
        answer = {
            "settled": exact.is_settled,
            "right": exact.text == truth,
            "probability": exact.probability,
            "of_truth": odds.get(truth, 0.0),
            "model": None,
            "words": (0, 0),
            "determined": (0, 0),
            "model_of_truth": None,
        }
        with contextlib.suppress(TranslationError):
            said = asked.say(translator, rules, written)["translation_text"]
            answer["model"] = said == exact.text
            answer["words"] = answer["determined"] = alike(said, exact.text)
            if asked.who(translator) == GRAMMARIAN and exact.is_settled:
                right = reader.right_words(translator, written, exact.text)
                answer["determined"] = sum(right), len(right)
            if answer["of_truth"] and not answer["settled"]:
                answer["model_of_truth"] = reader.probability(translator, written, truth)
        answers.append(answer)
    return answers


def alike(said: str, expected: str) -> tuple[int, int]:
    """How many words of a translation are said, each at its place, and how many there are."""
    words, others = (re.split("[ -]", text) for text in (expected, said))
    return sum(one == other for one, other in zip(words, others, strict=False)), len(words)


def summarise(answers: list[dict]) -> dict:
    """Shares and means over questions; None where there is no question of a kind."""

    def mean(values: list[float]) -> float | None:
        return sum(values) / len(values) if values else None

    settled = [answer for answer in answers if answer["settled"]]
    left = [answer for answer in answers if not answer["settled"]]
    read = [answer for answer in settled if answer["model"] is not None]
    possible = [answer for answer in left if answer["of_truth"] > 0]
    said = [answer for answer in possible if answer["model_of_truth"] is not None]

    def share(kind: str) -> float | None:
        return sum(a[kind][0] for a in read) / sum(a[kind][1] for a in read) if read else None

    return {
        "questions": len(answers),
        "settled": mean([answer["settled"] for answer in answers]),
        "settled, right": mean([answer["right"] for answer in settled]),
        "open, right": mean([answer["right"] for answer in left]),
        "open, expected right": mean([answer["probability"] for answer in left]),
        "open, truth among the answers": mean([answer["of_truth"] > 0 for answer in left]),
        "model reads": mean([answer["model"] is not None for answer in answers]),
        "model, as settled": mean([answer["model"] for answer in read]),
        "words in place": share("words"),
        "determined words": share("determined"),
        "open, regret": mean([math.log(answer["of_truth"] / answer["model_of_truth"]) for answer in said]),
    }


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__ or "", languages=200, examples=8, questions=3, threads=1)
    torch.set_num_threads(options.threads)
    asked, language = Asked(), mixed_language(GRAMMARIAN)
    assert language is not None
    reader = MixedReader(load_model(GRAMMARIAN), language, 16)
    results: dict[str, dict] = {}
    for phenomenon in PHENOMENA:
        answers = []
        for number in range(options.languages):
            rng = random.Random(f"{phenomenon} {number}")
            answers += ask(invent(rng, phenomenon), rng, asked, reader, options.examples, options.questions)
        results[phenomenon] = summarise(answers)
    columns = list(next(iter(results.values())))
    rows = [
        [phenomenon, *("–" if row[c] is None else f"{row[c]:.3f}" if c != "questions" else row[c] for c in columns)]
        for phenomenon, row in results.items()
    ]
    gallery = markdown(["gallery", "questions", "exact", "model", "which"], ask_gallery(asked))
    report(options, "invented", results, [markdown(["phenomenon", *columns], rows), gallery], draw(results))


def ask_gallery(asked: Asked) -> list[list]:
    """Of each language of examples/gallery: its name, the number of its questions, and how many of them are answered
    as expected, exactly and by the model; and the model's name.
    """
    rows = []
    for path in sorted((ROOT / "examples" / "gallery").glob("*.txt")):
        line = next((line for line in path.read_text().splitlines() if line.startswith("# options:")), "")
        options = shlex.split(line.removeprefix("# options:"))
        separator = options[options.index("--separator") + 1] if "--separator" in options else None
        rules, questions = read_expected(str(path))
        exact = ExactTranslator([rule[:2] for rule in rules], separator, "--exact" in options)
        of_model = asked if separator is None else Asked(separator=separator)
        right, models = 0, []
        for question in questions:
            expected = words_of(question.target)
            right += words_of(exact(question.source).text) == expected
            with contextlib.suppress(TranslationError):
                said = of_model.say(exact, [rule[:2] for rule in rules], question.source)
                models.append(words_of(said["translation_text"]) == expected)
        which = [sum(models), of_model.who(exact)] if models else ["–", "–"]
        rows.append([path.stem, len(questions), right, *which])
    return rows


def draw(results: dict[str, dict]) -> Figure:
    """The share of settled questions, of right answers, and of the model's that are as settled."""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    places = range(len(results))
    kinds = {"settled": GREY, "settled, right": BLUE, "model, as settled": ORANGE}
    for number, (kind, colour) in enumerate(kinds.items()):
        heights = [row[kind] or 0.0 for row in results.values()]
        axes.bar([place + 0.27 * (number - 1) for place in places], heights, 0.25, color=colour, label=kind)
    axes.set_xticks(list(places), list(results), rotation=30, ha="right")
    axes.set_ylabel("share of questions")
    axes.legend(loc="lower right")
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
