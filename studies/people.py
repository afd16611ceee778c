"""What people answer after a few examples, beside the exact predictor, and a model if one is given.

    python studies/people.py FOLDER [--model outputs/mixed]

FOLDER is `data_human` of github.com/brendenlake/MLC, the answers of Lake & Baroni, "Human-like systematic
generalization through a meta-learning neural network", Nature 623 (2023). The repository names no licence: nothing of
it is kept here but the shares that this script computes.

Three of their tasks are languages of ours, where no sentence is nested and no two words mean the same:

- operators (few_shot): words, "thrice", "after" and "surround", in the family `repetition`. Right is what follows from
  the examples.
- a new word (data_behavior_probes, ME_1ex): one word is given and another asked, of 2 or 6 possible answers, in the
  family `lexicon`. Right is an answer that no word has yet.
- two known words in a new sentence (concat_11), in the family `order`. Right is to say them in the order of the
  source, as people do, though the family has five other orders.
"""

import argparse
import os
import re
import sys

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from transformers import PreTrainedModel

from dataset_script import make_language
from dataset_script.families.mixed import MixedConfig
from dataset_script.families.order import ORDERS, OrderConfig
from dataset_script.families.planned import PlannedLanguage
from dataset_script.families.repetition import RepetitionConfig
from dataset_script.mixtures import mixture_costs
from metatrans_lab.errors import UserError, exit_with
from metatrans_lab.evaluation.readings import log_probabilities
from metatrans_lab.experiments.drawing import BLUE, GREY, ORANGE
from metatrans_lab.experiments.pages import markdown
from metatrans_lab.experiments.studies import read_arguments, report
from metatrans_lab.models.load import load_model, training_config

Pair = tuple[tuple[str, ...], tuple[str, ...]]

OPERATORS = ("thrice", "after", "surround")
"""Words of the first task that say how others are said; the others are translated."""

NUM_OPERATORS = 4
"""Operators that the family has: the last of the source words; "thrice" is the first, the others the last two."""


@dataclass(frozen=True)
class Item:
    """A question that people answered.

    Attributes:
        task: its kind. examples: what they were shown. source: what was asked. outputs: what they could answer with.
        answers: how many people gave each answer. right: the answers that count as right.
    """

    task: str
    examples: tuple[Pair, ...]
    source: tuple[str, ...]
    outputs: tuple[str, ...]
    answers: Counter
    right: frozenset[tuple[str, ...]]

    @property
    def share(self) -> float:
        """The share of people who were right."""
        return sum(self.answers[answer] for answer in self.right) / sum(self.answers.values())


def read_episode(path: Path) -> tuple[list[Pair], list[Pair], str]:
    """The examples, the questions with their answers, and what is written below, of a file as MLC publishes it.

    Raises:
        UserError: it isn't one.
    """
    parts = re.fullmatch(r"\s*\*SUPPORT\*(.*)\*QUERY\*(.*)\*GRAMMAR\*(.*)", path.read_text(), flags=re.S)
    if parts is None:
        raise UserError(f"{path} is no file of MLC's: it has no *SUPPORT*, *QUERY* and *GRAMMAR*")
    support, query, below = parts.groups()

    def pairs(text: str) -> list[Pair]:
        lines = re.findall(r"(?m)^IN:(.*)OUT:(.*)$", text)
        return [(tuple(source.split()), tuple(target.split())) for source, target in lines]

    return pairs(support), pairs(query), below


def read_items(folder: Path) -> list[Item]:
    """The items of the three tasks.

    Raises:
        UserError: the folder has no such files.
    """
    gold_file = folder / "few_shot" / "val_gold" / "mini_scan.txt"
    behaviour = sorted((folder / "few_shot" / "val_behavior").glob("*.txt"))
    probes = folder / "data_behavior_probes" / "val"
    news, orders = sorted(probes.glob("ME_1ex_*.txt")), sorted(probes.glob("concat_11*.txt"))
    if not (gold_file.is_file() and behaviour and news and orders):
        raise UserError(f"{folder} isn't MLC's folder data_human: it has no few_shot and data_behavior_probes")
    gold = {source: frozenset([target]) for source, target in read_episode(gold_file)[1]}
    items = []
    for path in behaviour:
        examples, asked, _ = read_episode(path)
        source = asked[0][0]
        if not is_nested(source):
            flat = tuple(pair for pair in examples if not is_nested(pair[0]))
            outputs = tuple(sorted({symbol for _, target in examples for symbol in target}))
            answers = Counter(target for _, target in asked)
            items.append(Item("operators", flat, source, outputs, answers, gold[source]))
    for task, paths in (("a new word", news), ("two known words", orders)):
        for path in paths:
            examples, asked, below = read_episode(path)
            source, outputs = asked[0][0], tuple(below.split("allowed outputs:")[1].split())
            known = dict(examples)
            right: set[tuple[str, ...]]
            if task == "a new word":
                right = {(symbol,) for symbol in outputs if (symbol,) not in known.values()}
                name = f"{task}, of {len(outputs)} answers"
            else:
                right = {tuple(symbol for word in source for symbol in known[(word,)])}
                name = f"{task}, {len(source)} in a sentence"
            answers = Counter(target for _, target in asked)
            items.append(Item(name, tuple(examples), source, outputs, answers, frozenset(right)))
    return items


def is_nested(source: tuple[str, ...]) -> bool:
    """Does a sentence have more than one operator between terms, which the family `repetition` hasn't?"""
    return sum(word in OPERATORS[1:] for word in source) > 1


def own_family(item: Item) -> PlannedLanguage:
    """The language family that an item is of, no larger than it needs."""
    words = {word for source, _ in [*item.examples, (item.source, ())] for word in source} - set(OPERATORS)
    longest = max(len(source) for source, _ in [*item.examples, (item.source, ())])
    number = max(len(words), len(item.outputs))
    if item.task == "operators":
        size = number + NUM_OPERATORS
        return RepetitionConfig(num_source_words=size, num_target_words=size, sentence_length=(1, 5))
    orders = tuple(ORDERS) if item.task.startswith("two known words") else ("straight",)
    return OrderConfig(num_source_words=number, num_target_words=number, sentence_length=(1, longest), orders=orders)


def as_tokens(item: Item, answers: list[tuple[str, ...]], language: PlannedLanguage | MixedConfig) -> np.ndarray:
    """(answers, S): the examples, the question and each answer, closed, in a language's alphabet."""
    L = language.num_source_words
    places = dict(zip(OPERATORS, (L - NUM_OPERATORS, L - 2, L - 1), strict=True))
    symbols: dict[str, int] = {}

    def token(word: str) -> int:
        return places[word] if word in places else symbols.setdefault(word, len(symbols))

    outputs = {symbol: L + number for number, symbol in enumerate(item.outputs)}
    prompt: list[int] = []
    for source, target in item.examples:
        prompt += [language.soh, *map(token, source), language.stx, *(outputs[symbol] for symbol in target)]
    prompt += [language.soh, *map(token, item.source), language.stx]
    rows = [[*prompt, *(outputs[symbol] for symbol in answer), language.soh] for answer in answers]
    width = max(map(len, rows))
    return np.array([row + [language.pad] * (width - len(row)) for row in rows])


def of_answers(tokens: np.ndarray, nll: np.ndarray, language: PlannedLanguage | MixedConfig) -> np.ndarray:
    """(answers,): the probability of each answer and its end, by what tokens cost, (answers, S)."""
    counted = (np.cumsum(tokens == language.stx, 1) == (tokens[0] == language.stx).sum()) & (tokens != language.stx)
    return np.exp(-np.where(counted & (tokens != language.pad), nll, 0).sum(1))


def exact(item: Item, language: PlannedLanguage | MixedConfig) -> float:
    """The probability of a right answer under the exact predictor."""
    tokens = as_tokens(item, sorted(item.right), language)
    components = language.components if isinstance(language, MixedConfig) else [language]
    return float(of_answers(tokens, mixture_costs(components, tokens), language).sum())


def of_model(item: Item, model: PreTrainedModel, language: MixedConfig) -> float:
    """The probability of a right answer under a model."""
    tokens = as_tokens(item, sorted(item.right), language)
    log_q = log_probabilities(model, tokens[:, :-1])
    nll = -np.take_along_axis(log_q, tokens[:, 1:, None], -1)[..., 0]
    return float(of_answers(tokens, np.pad(nll, ((0, 0), (1, 0))), language).sum())


def main(arguments: list[str]) -> None:
    options = _options(arguments)
    items = read_items(options.folder)
    lines = ["people", "exact, of its family"]
    mixed: MixedConfig | None = None
    model: PreTrainedModel | None = None
    if options.model is not None:
        language = make_language(**training_config(options.model).get("language", {}))
        if not isinstance(language, MixedConfig):
            raise UserError(f"{options.model} was trained on the family {language.family}; give a model of mixed")
        mixed, model = language, load_model(options.model)
        lines += ["exact, of the mixture", "model"]
    results: dict[str, dict] = {}
    for item in items:
        found = [item.share, exact(item, own_family(item))]
        if mixed is not None and model is not None:
            found += [exact(item, mixed), of_model(item, model, mixed)]
        of_task = results.setdefault(item.task, {"items": 0, "answers": 0} | dict.fromkeys(lines, 0.0))
        of_task["items"] += 1
        of_task["answers"] += sum(item.answers.values())
        for line, value in zip(lines, found, strict=True):
            of_task[line] += value
    for of_task in results.values():
        for line in lines:
            of_task[line] /= of_task["items"]
    rows = [
        [task, of_task["items"], of_task["answers"], *(f"{of_task[line]:.3f}" for line in lines)]
        for task, of_task in results.items()
    ]
    report(options, "people", results, [markdown(["task", "items", "answers", *lines], rows)], draw(results, lines))


def draw(results: dict[str, dict], lines: list[str]) -> Figure:
    """A group of bars for each task, one a line."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots()
    colours = [GREY, BLUE, "#8fb4dc", ORANGE]
    for number, (line, colour) in enumerate(zip(lines, colours, strict=False)):
        width = 0.8 / len(lines)
        places = np.arange(len(results)) + (number - (len(lines) - 1) / 2) * width
        axes.bar(places, [of_task[line] for of_task in results.values()], width, color=colour, label=line)
    axes.set_xticks(np.arange(len(results)), list(results), fontsize=9)
    axes.set(ylim=(0, 1.02), ylabel="share, or probability, of right answers")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(lines), fontsize=9, frameon=False)
    return figure


def _options(arguments: list[str]) -> argparse.Namespace:
    """Those of every study, and the folder and the model."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model")
    if {"-h", "--help"} & set(arguments):
        read_arguments(arguments, __doc__)
    own, rest = parser.parse_known_args(arguments)
    options = read_arguments(rest, __doc__)
    options.folder, options.model = own.folder, own.model
    return options


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        exit_with(error, "people.py")
