"""How near the model comes to the Bayes optimum on unseen languages, and whether its probabilities are calibrated.

    python studies/optimum.py [--seeds 3] [--episodes 20480] [--bindings 8]

Trains configs/optimum.yaml from each seed, unless outputs/optimum-SEED is there.
"""

import os
import sys
from dataclasses import replace

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import numpy as np
from matplotlib.figure import Figure

from dataset_script import LanguageConfig
from dataset_script.baselines import BASELINES
from metatrans_lab.evaluation import evaluate, evaluate_words
from metatrans_lab.experiments.cached import trained
from metatrans_lab.experiments.drawing import BLUE, GREY, ORANGE
from metatrans_lab.experiments.pages import markdown, with_interval
from metatrans_lab.experiments.studies import FRESH, read_arguments, report

NAMES = {
    "target_regret": "target regret",
    "undetermined_regret": "… on undetermined words",
    "determined_regret": "… on determined words",
    "determined_accuracy": "determined accuracy",
    "eliminated_accuracy": "eliminated accuracy",
}


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, seeds=3, episodes=20480, bindings=8)
    results: dict[str, dict] = {}
    rows, calibration_rows = [], []
    for seed in range(options.seeds):
        model, run = trained(options, f"optimum-{seed}", "--seed", str(seed))
        language = LanguageConfig(**run["config"]["language"], seed=seed)
        figures = evaluate(model, language, "test", options.episodes, exact_match=False)
        averaged = evaluate(
            model, language, "test", options.episodes, exact_match=False, num_bindings=options.bindings
        )
        # New episodes of training's lexicons: a model gains here if it knows that a tenth of all lexicons never occur.
        fresh = replace(language, seed=FRESH)
        seen = evaluate(model, fresh, "train", options.episodes, exact_match=False)
        calibration = {
            "unseen languages": figures["reliability"],
            f"averaged over {options.bindings} bindings": averaged["reliability"],
            "seen languages": seen["reliability"],
        }
        results[f"seed {seed}"] = figures | {"averaged": averaged, "seen": seen}
        for name, of in ((f"seed {seed}", figures), (f"seed {seed}, {options.bindings} bindings", averaged)):
            rows.append([name, *(with_interval(of, key) for key in NAMES)])
        calibration_rows += [
            [f"seed {seed}, {name}", curve["expected_calibration_error"], curve["probability_error"]]
            for name, curve in calibration.items()
        ]
    for name, predict in BASELINES.items():
        results[name] = evaluate_words(predict, language, "test", options.episodes)
        rows.append([f"{name} (no model)", *(with_interval(results[name], key) for key in NAMES)])
    tables = [
        markdown(["", *NAMES.values()], rows),
        markdown(["", "calibration error of the first choice", "of all probabilities"], calibration_rows),
    ]
    report(
        options, "optimum", results, tables, draw({name: of for name, of in results.items() if name not in BASELINES})
    )


def draw(results: dict) -> Figure:
    """Nats by shot, excess over the optimum by shot, and the reliability diagram."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    cost, excess, reliability = figure.subplots(1, 3)
    first = next(iter(results.values()))
    shots = np.arange(1, len(first["nll_by_shot"]) + 1)
    cost.plot(shots, first["bayes_nll_by_shot"], color=GREY, ls="--", marker="s", ms=4, label="Bayes optimum")
    for number, (name, figures) in enumerate(results.items()):
        fade = {"alpha": max(0.2, 1 - 0.3 * number)}
        cost.plot(shots, figures["nll_by_shot"], color=ORANGE, marker="o", ms=3, label=f"model, {name}", **fade)
        middle = np.array(figures["excess_nll_by_shot"])
        low, high = np.array(figures["excess_nll_by_shot_intervals"]).T
        bars = [middle - low, high - middle]
        excess.errorbar(shots + 0.12 * number, middle, bars, color=ORANGE, marker="o", ms=3, lw=1, label=name, **fade)
        curve = figures["reliability"]
        reliability.plot(
            curve["probability"], curve["frequency"], color=BLUE, marker="o", ms=4, lw=1, label=name, **fade
        )
    cost.set_yscale("symlog", linthresh=0.01, linscale=0.5)
    cost.set_ylim(0)
    cost.set_yticks([0, 0.01, 0.1, 1], ["0", "0.01", "0.1", "1"])
    cost.set(xlabel="shot", ylabel="nats per target word (linear below 0.01)")
    excess.axhline(0, color=GREY, lw=0.8, ls="--")
    excess.set(xlabel="shot", ylabel="nats above the Bayes optimum, 95% intervals")
    reliability.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls="--")
    reliability.set(xlabel="probability given to a target word", ylabel="how often that word came")
    for axes in (cost, excess, reliability):
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
