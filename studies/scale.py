"""Larger alphabets: how many words an LSTM can metalearn, and how long that takes.

    python studies/scale.py [--words 6 8 12 16] [--seed 0]

Trains configs/lstm/wordsN.yaml for each number of words N. An episode has N sentences of three words, in which 95% of the
words occur.
"""

import math
import os
import sys

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

from matplotlib.figure import Figure

from dataset_script import LanguageConfig
from dataset_script.baselines import BASELINES
from metatrans_lab.evaluation import evaluate_words
from metatrans_lab.experiments.cached import trained
from metatrans_lab.experiments.drawing import BLUE, GREY, ORANGE, plain_log
from metatrans_lab.experiments.pages import markdown, with_interval
from metatrans_lab.experiments.runs import first_at, read_evaluations
from metatrans_lab.experiments.studies import read_arguments, report

WORDS = (6, 8, 12, 16)
LEVELS = (0.9, 0.99, 0.999)


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, lists={"words": WORDS}, seed=0, episodes=4096)
    results: dict[str, dict] = {}
    rows, baseline_rows = [], []
    for words in options.words:
        name = f"words{words}-{options.seed}"
        model, run = trained(options, name, "--seed", str(options.seed), config=f"lstm/words{words}")
        language = LanguageConfig(**run["config"]["language"], seed=options.seed)
        lines = read_evaluations(options.runs / name)
        (T, _), K, L = language.length_range, language.num_pairs, language.num_source_words
        run["reached"] = {str(a): [first_at(lines, a, key) for key in ("step", "seconds")] for a in LEVELS}
        run["parameters"] = sum(parameter.numel() for parameter in model.parameters())
        results[str(words)] = run
        occur = 1 - (1 - 1 / L) ** (K * T)
        width = f"{model.config.num_hidden_layers} × {model.config.hidden_size}"
        row = [words, K, T, f"{occur:.1%}", width, run["parameters"], run["steps"]]
        row += [round(run["timing"]["train_seconds"])]
        row += [_step_and_seconds(run["reached"][str(a)]) for a in LEVELS]
        rows.append([*row, with_interval(run, "determined_accuracy"), with_interval(run, "target_regret")])
        for baseline in ("unigram", "copy", "induction", "family"):
            figures = evaluate_words(BASELINES[baseline], language, "test", options.episodes, batch_size=256)
            cells = [with_interval(figures, key) for key in ("determined_accuracy", "target_regret")]
            baseline_rows.append([f"{words} words, {baseline}", *cells])
    columns = ["words", "K", "T", "of them occur", "layers × width", "parameters", "steps", "seconds"]
    columns += [f"{a} at step (seconds)" for a in LEVELS] + ["determined accuracy", "target regret"]
    tables = [
        markdown(columns, rows),
        markdown(["without learning", "determined accuracy", "target regret"], baseline_rows),
    ]
    report(options, "scale", results, tables, draw(results))


def _step_and_seconds(reached: list) -> str:
    """A cell such as "800 (21)"; "–" if the accuracy wasn't reached."""
    step, seconds = reached
    return step if step == "–" else f"{step} ({seconds:.0f})"


def draw(results: dict) -> Figure:
    """Steps and seconds to reach each of LEVELS, against the number of words."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    steps, seconds = figure.subplots(1, 2)
    for axes, number, label in ((steps, 0, "training steps"), (seconds, 1, "seconds of training")):
        for level, colour in zip(LEVELS, (GREY, BLUE, ORANGE), strict=True):
            at = {int(words): run["reached"][str(level)][number] for words, run in results.items()}
            at = {words: float("nan") if value == "–" else value for words, value in at.items()}  # a gap in the line
            if not all(map(math.isnan, at.values())):
                axes.plot(list(at), list(at.values()), color=colour, marker="o", label=f"accuracy {level}")
        axes.set(xlabel="words", ylabel=label)
        plain_log(axes, "x", "y")
        axes.set_xticks([int(words) for words in results], list(results))
        axes.grid(alpha=0.25)
        if axes.lines:
            axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
