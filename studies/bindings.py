"""Averaging predictions over random bindings of words to symbols: what it gains in regret, and what it costs in time.

    python studies/bindings.py [--episodes 1024] [--seeds 3] [--rounds 30]

Evaluates the default recipe's models and those of studies/optimum.py.
"""

import os
import sys
import time

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import numpy as np
import torch
from matplotlib.figure import Figure
from transformers import PreTrainedModel

from dataset_script import LanguageConfig
from metatrans_lab.evaluation import evaluate
from metatrans_lab.experiments.cached import trained
from metatrans_lab.experiments.drawing import BLUE, ORANGE, plain_log
from metatrans_lab.experiments.pages import markdown, spread
from metatrans_lab.experiments.studies import read_arguments, report
from modeling_metalstm import TranslatorSession

BINDINGS = (1, 2, 4, 8, 16, 32)
EXAMPLES = [("red", "dax"), ("blue red", "wif dax"), ("green blue", "lug wif"), ("red green green", "dax lug lug")]
KEYS = ("target_regret", "determined_accuracy")


def milliseconds(model: PreTrainedModel, num_bindings: int, rounds: int) -> float:
    """The median time of reading four examples and a question and answering it."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        TranslatorSession(model, EXAMPLES, num_bindings=num_bindings)("blue green red")
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, episodes=1024, seeds=3, rounds=30)
    results: dict[str, dict] = {}
    tables = []
    for config, folder in (("lstm", "cpu"), ("optimum", "optimum")):
        runs = []
        for seed in range(options.seeds):
            model, run = trained(options, f"{folder}-{seed}", "--seed", str(seed), config=config)
            runs.append((model, LanguageConfig(**run["config"]["language"], seed=seed)))
        rows = []
        for number in (0, *BINDINGS):
            figures = [
                evaluate(model, language, "test", options.episodes, exact_match=False, num_bindings=number)
                for model, language in runs
            ]
            of = {key: [seed[key] for seed in figures] for key in KEYS}
            of["calibration error"] = [seed["reliability"]["expected_calibration_error"] for seed in figures]
            results.setdefault(config, {})[number] = of
            rows.append([number or "none", *map(spread, of.values())])
        tables.append(markdown([f"configs/{config}.yaml, bindings", *of], rows))
    torch.set_num_threads(1)
    cost = {number: milliseconds(model, number, options.rounds) for number in BINDINGS}
    tables.append(
        "Four examples and a question, on one core, with 1, 2, 4, … bindings: "
        + ", ".join(f"{value:.0f}" for value in cost.values())
        + " milliseconds (times vary from run to run)."
    )
    report(options, "bindings", results, tables, draw(results))


def draw(results: dict) -> Figure:
    """Regret against the number of bindings."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for (config, by_number), colour in zip(results.items(), (ORANGE, BLUE), strict=True):
        numbers = [number for number in by_number if number]
        seeds = np.array([by_number[number]["target_regret"] for number in numbers])
        axes.plot(numbers, seeds.mean(1), color=colour, marker="o", label=f"configs/{config}.yaml")
        axes.axhline(np.mean(by_number[0]["target_regret"]), color=colour, lw=0.8, ls="--")
    axes.set(xlabel="bindings averaged (dashed: none)", ylabel="target regret, nats a word")
    plain_log(axes, "x", "y")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
