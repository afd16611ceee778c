"""Larger alphabets: how many words a model can metalearn, and how long that takes, by what its layers are.

    python studies/scale.py [--words 6 8 12 16 32 64] [--lstm 6 8 12 16] [--seed 0]

Trains configs/wordsN.yaml, of the default stack, for each N of --words, and configs/lstm/wordsN.yaml, of two LSTM
layers, for each N of --lstm. An episode has N sentences of three words, in which 95% of the words occur. What isn't
asked for (`--lstm` without a number) stays as it is in the results.
"""

import argparse
import json
import math
import os
import sys

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import numpy as np
from matplotlib.figure import Figure

from dataset_script import LanguageConfig
from dataset_script.baselines import BASELINES
from metatrans_lab.evaluation import evaluate_words
from metatrans_lab.experiments.cached import trained
from metatrans_lab.experiments.drawing import BLUE, GREY, ORANGE, plain_log
from metatrans_lab.experiments.pages import markdown, with_interval
from metatrans_lab.experiments.runs import first_at, read_evaluations
from metatrans_lab.experiments.studies import read_arguments, report

WORDS = (6, 8, 12, 16, 32, 64)
LSTM_WORDS = (6, 8, 12, 16)
FOLDERS = {"default": "", "lstm": "lstm/"}
"""Where in configs/ a stack's recipes are."""

LEVELS = (0.9, 0.99, 0.999)


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, lists={"words": WORDS, "lstm": LSTM_WORDS}, seed=0, episodes=4096)
    written = options.results / "scale.json"
    results: dict[str, dict] = json.loads(written.read_text()) if written.exists() else {}
    for stack, asked in (("default", options.words), ("lstm", options.lstm)):
        for words in asked:
            name = f"words{words}-{stack}-{options.seed}"
            config = f"{FOLDERS[stack]}words{words}"
            _, run = trained(options, name, "--seed", str(options.seed), config=config)
            lines = read_evaluations(options.runs / name)
            run["reached"] = {str(a): [first_at(lines, a, key) for key in ("step", "seconds")] for a in LEVELS}
            results[f"{stack} {words}"] = run
    results = dict(sorted(results.items(), key=lambda item: (item[0].split()[0], int(item[0].split()[1]))))
    tables = [markdown(*rows_of(results)), markdown(*exponents_of(results)), markdown(*baselines_of(results, options))]
    report(options, "scale", results, tables, draw(results))


def language_of(run: dict) -> LanguageConfig:
    """The languages that a run is measured on."""
    return LanguageConfig(**run["config"]["language"], seed=run["config"]["seed"])


def rows_of(results: dict[str, dict]) -> tuple[list[str], list[list]]:
    """The table of the runs, a row each."""
    rows = []
    for name, run in results.items():
        words = int(name.split()[1])
        language, model = language_of(run), run["config"]["model"]
        (T, _), K, L = language.length_range, language.num_pairs, language.num_source_words
        layers = model.get("layer_types") or ["lstm"] * model.get("num_hidden_layers", 1)
        row = [words, ", ".join(layers), model["hidden_size"], K, T, f"{1 - (1 - 1 / L) ** (K * T):.1%}"]
        row += [run["num_parameters"], run["steps"], round(run["timing"]["train_seconds"])]
        row += [_step_and_seconds(run["reached"][str(a)]) for a in LEVELS]
        rows.append([*row, with_interval(run, "determined_accuracy"), with_interval(run, "target_regret")])
    columns = ["words", "layers", "width", "K", "T", "of them occur", "parameters", "steps", "seconds"]
    columns += [f"{a} at step (seconds)" for a in LEVELS] + ["determined accuracy", "target regret"]
    return columns, rows


def exponents_of(results: dict[str, dict]) -> tuple[list[str], list[list]]:
    """The power of the number of words with which the steps to each level grow, by least squares of logarithms."""
    rows = []
    for stack in FOLDERS:
        cells = []
        for level in LEVELS:
            at = _steps_at(results, stack, level)
            reached = {words: step for words, step in at.items() if not math.isnan(step)}
            slope = (
                np.polyfit(np.log(list(reached)), np.log(list(reached.values())), 1)[0] if len(reached) > 1 else None
            )
            cells.append("–" if slope is None else f"{slope:.2f} ({min(reached)} to {max(reached)} words)")
        rows.append([stack, *cells])
    return ["steps grow as the power", *(f"to {level}" for level in LEVELS)], rows


def _steps_at(results: dict[str, dict], stack: str, level: float, number: int = 0) -> dict[int, float]:
    """By number of words the step (or with 1 the seconds) at which a stack reached a level; nan: it didn't."""
    at = {int(name.split()[1]): run["reached"][str(level)][number] for name, run in results.items() if stack in name}
    return {words: math.nan if value == "–" else value for words, value in at.items()}


def baselines_of(results: dict[str, dict], options: argparse.Namespace) -> tuple[list[str], list[list]]:
    """What is known of each number of words without learning."""
    languages = {int(name.split()[1]): language_of(run) for name, run in results.items()}
    rows = []
    for words, language in sorted(languages.items()):
        for baseline in ("unigram", "copy", "induction", "family"):
            figures = evaluate_words(BASELINES[baseline], language, "test", options.episodes, batch_size=256)
            cells = [with_interval(figures, key) for key in ("determined_accuracy", "target_regret")]
            rows.append([f"{words} words, {baseline}", *cells])
    return ["without learning", "determined accuracy", "target regret"], rows


def _step_and_seconds(reached: list) -> str:
    """A cell such as "800 (21)"; "–" if the accuracy wasn't reached."""
    step, seconds = reached
    return step if step == "–" else f"{step} ({seconds:.0f})"


def draw(results: dict[str, dict]) -> Figure:
    """Steps and seconds to reach each of LEVELS, against the number of words: LSTMs dashed, the default stack not."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    steps, seconds = figure.subplots(1, 2)
    for axes, number, label in ((steps, 0, "training steps"), (seconds, 1, "seconds of training")):
        for stack, style, what in (("default", "-", "default"), ("lstm", "--", "two LSTM layers")):
            for level, colour in zip(LEVELS, (GREY, BLUE, ORANGE), strict=True):
                at = _steps_at(results, stack, level, number)
                if not all(map(math.isnan, at.values())):
                    axes.plot(list(at), list(at.values()), style, color=colour, marker="o", label=f"{what}, {level}")
        axes.set(xlabel="words", ylabel=label)
        plain_log(axes, "x", "y")
        words = sorted({int(name.split()[1]) for name in results})
        axes.set_xticks(words, list(map(str, words)))
        axes.grid(alpha=0.25)
        if axes.lines:
            axes.legend(fontsize=7)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
