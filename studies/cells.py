"""Which cell holds words: LSTMs and matrix memories in several stacks, with equally many parameters.

    python studies/cells.py [--words 6 16] [--seeds 3]

Each stack is trained by the default recipe for 6 words (configs/cpu.yaml) and for 16 (configs/words16.yaml, 400 steps
of it), its width chosen for as many parameters as the default has. What the library doesn't have is trained by
variants.py.
"""

import argparse
import os
import statistics
import sys

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

from typing import Any

from matplotlib import colormaps
from matplotlib.figure import Figure

from dataset_script import LanguageConfig
from metatrans_lab.config import read_config
from metatrans_lab.evaluation import evaluate
from metatrans_lab.experiments.cached import finished_run
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.drawing import plain_log
from metatrans_lab.experiments.pages import markdown
from metatrans_lab.experiments.runs import first_at, read_evaluations
from metatrans_lab.experiments.studies import read_arguments, report
from metatrans_lab.models import build_model, load_model

CELLS: dict[str, dict[str, Any]] = {
    "LSTM, LSTM": {"layer_types": ["lstm", "lstm"], "lstm_size": None},
    "LSTM, mLSTM": {"layer_types": ["lstm", "mlstm"], "lstm_size": None},
    "LSTM, delta rule": {"layer_types": ["lstm", "delta"], "lstm_size": None},
    "mLSTM, mLSTM": {"layer_types": ["mlstm", "mlstm"]},
    "mLSTM, mLSTM, convolution": {"layer_types": ["mlstm", "mlstm"]},
    "mLSTM of the example, mLSTM": {"layer_types": ["mlstm_example", "mlstm"]},
    "the default": {},
    "the default, delta rule": {"layer_types": ["lstm", "delta_example", "delta"]},
    "the default, 1 head": {"num_heads": 1},
    "the default, 8 heads": {"num_heads": 8},
}
VARIANTS = {"convolution": "convolution"}
"""How a cell's name ends, and the variant that it is trained in."""

SHORTER = {16: ("--num_steps", "400", "--decay_steps", "250", "--final_eval_episodes", "2048")}
"""By number of words: long enough to tell stacks apart."""

LONG = 10
"""Words of sentences that are longer than any of training, which has 5 at most."""

LEVELS = (0.9, 0.99, 0.999)
STEP = 16
"""Widths are multiples of this, which any number of heads of CELLS divides."""


def shape(config: str, changes: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """A recipe's model with another stack, as wide as makes its number of parameters the recipe's; and that number."""
    recipe = read_config(str(ROOT / "configs" / f"{config}.yaml"), {})
    wanted = _num_parameters(recipe.model, recipe)
    sizes = {}
    for width in range(STEP, 513, STEP):
        model = recipe.model | changes | {"hidden_size": width}
        if model["lstm_size"] is None:
            model["lstm_size"] = width
        sizes[width] = model, _num_parameters(model, recipe)
    return min(sizes.values(), key=lambda size: abs(size[1] - wanted))


def _num_parameters(model: dict[str, Any], recipe: Any) -> int:
    return sum(parameter.numel() for parameter in build_model(model, recipe.language_config(), 2).parameters())


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, lists={"words": (6, 16)}, seeds=3)
    results: dict[str, dict] = {}
    for words in options.words:
        config = "cpu" if words == 6 else f"words{words}"
        for cell, changes in CELLS.items():
            settings, number = shape(config, changes)
            of = f"cells-{words}-{'-'.join(cell.replace(',', '').split())}"
            variant = VARIANTS.get(cell.split(", ")[-1])
            shorter = SHORTER.get(words, ())
            runs = [measure(options, f"{of}-{n}", n, config, settings, variant, shorter) for n in range(options.seeds)]
            results[f"{words} words, {cell}"] = {"width": settings["hidden_size"], "parameters": number, "runs": runs}
    rows = []
    for name, result in results.items():
        runs = result["runs"]
        reached = [[run["reached"][str(a)] for run in runs] for a in LEVELS]
        row = [name, result["width"], result["parameters"], *(_median(steps) for steps in reached)]
        row += [f"{min(run['determined_accuracy'] or 0 for run in runs):.5f}"]
        row += [f"{statistics.median(run['target_regret'] for run in runs):.5f}"]
        long = [run["long_determined_accuracy"] for run in runs]
        row += ["–" if None in long else f"{min(long):.5f}"]
        rows.append([*row, f"{statistics.median(run['train_seconds'] for run in runs):.0f}"])
    columns = ["stack", "width", "parameters", *(f"{a} at step, median" for a in LEVELS)]
    columns += ["determined accuracy, worst", "target regret, median"]
    columns += [f"accuracy at {LONG} words a sentence, worst", "seconds, median"]
    report(options, "cells", results, [markdown(columns, rows)], draw(results))


def measure(
    options: argparse.Namespace,
    name: str,
    seed: int,
    config: str,
    model: dict[str, Any],
    variant: str | None,
    shorter: tuple[str, ...],
) -> dict[str, Any]:
    """A run's figures: at the end, in longer sentences, and on the way."""
    overrides = ["--seed", str(seed), "--model", str(model), "--eval_every", "20", "--eval_episodes", "128", *shorter]
    script = ("train.py",) if variant is None else ("studies/variants.py", variant)
    run = finished_run(options, name, *overrides, config=config, script=script)
    found = {key: run[key] for key in ("determined_accuracy", "target_regret", "steps")}
    found |= {"train_seconds": run["timing"]["train_seconds"], "long_determined_accuracy": None}
    if variant is None:  # else it can't be loaded
        language = LanguageConfig(**run["config"]["language"] | {"sentence_length": LONG, "seed": seed})
        long = evaluate(load_model(str(options.runs / name)), language, "test", 512, exact_match=False)
        found["long_determined_accuracy"] = long["determined_accuracy"]
    lines = read_evaluations(options.runs / name)
    kept = ("step", "seconds", "determined_accuracy", "target_regret")
    return (
        found
        | {"reached": {str(level): first_at(lines, level, "step") for level in LEVELS}}
        | {"evaluations": [{key: line[key] for key in kept} for line in lines]}
    )


def _median(steps: list[int | str]) -> int | str:
    """The middle one; "–", which stands for never, is the largest."""
    return sorted(steps, key=lambda step: float("inf") if step == "–" else step)[len(steps) // 2]


def draw(results: dict[str, dict]) -> Figure:
    """Regret by step and by second of each stack's first seed, a row for each number of words."""
    numbers = list(dict.fromkeys(name.split(" words, ")[0] for name in results))
    figure = Figure(figsize=(11, 4 * len(numbers)), layout="constrained")
    colours = [colormaps["tab10"](index) for index in range(10)]
    for row, words in zip(figure.subplots(len(numbers), 2, squeeze=False), numbers, strict=True):
        for axes, key in zip(row, ("step", "seconds"), strict=True):
            stacks = [name for name in results if name.startswith(f"{words} words")]
            for name, colour in zip(stacks, colours, strict=False):
                lines = results[name]["runs"][0]["evaluations"]
                regrets = [line["target_regret"] for line in lines]
                label = name.split(" words, ")[1]
                axes.plot([line[key] for line in lines], regrets, color=colour, lw=1.2, label=label)
            axes.set(xlabel=key, ylabel="target regret", title=f"{words} words")
            plain_log(axes, "y")
            axes.grid(alpha=0.25)
        row[1].legend(fontsize=7)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
