"""The post's experiment: its languages, model, loss and optimiser, and the steps of its plateaus.

    python studies/post.py [--steps 20000] [--width 1024] [--seed 42]

Trains configs/kyrylov2023.yaml, with fewer hidden units if told.
"""

import os
import sys

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from dataset_script import LanguageConfig
from dataset_script.predictor import levels as known_levels
from metatrans_lab.experiments.cached import trained
from metatrans_lab.experiments.drawing import BLUE, GREY, ORANGE
from metatrans_lab.experiments.pages import markdown
from metatrans_lab.experiments.runs import read_log
from metatrans_lab.experiments.studies import read_arguments, report

AVERAGED = 10
"""A loss is the mean over this many lines of the log, 20 steps apart: the line itself and those before."""

NEAR = 0.02
"""In nats: a level is reached when the loss is less than this above it, and left when it is more than this below."""


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, config="kyrylov2023", steps=20000, width=1024, seed=42)
    name = f"post-{options.width}-{options.seed}"
    settings: dict[str, object] = {
        "num_steps": options.steps,
        "model.hidden_size": options.width,
        "seed": options.seed,
    }
    settings |= {"num_parts": 2, "mixed_precision": "auto", "read_every": 1}
    _, run = trained(options, name, *(word for key, value in settings.items() for word in (f"--{key}", str(value))))
    language = LanguageConfig(**run["config"]["language"], seed=options.seed)
    lines = read_log(options.runs / name)
    steps, loss, accuracy = (
        np.array([line[key] for line in lines]) for key in ("step", "loss", "determined_accuracy")
    )
    loss = np.convolve(loss, np.ones(AVERAGED))[: len(loss)] / np.minimum(np.arange(1, len(loss) + 1), AVERAGED)
    levels = sorted(known_levels(language, "all").items(), key=lambda item: -item[1])
    rows = []
    for level, value in levels:
        there, below = np.flatnonzero(loss <= value + NEAR), np.flatnonzero(loss < value - NEAR)
        at = [int(steps[where[0]]) if len(where) else "–" for where in (there, below)]
        rows.append([level, round(value, 4), *at])
    learned = [shot for shot, value in enumerate(run["accuracy_by_shot"], 1) if value >= 0.99]
    results = {"levels": rows, "loss": loss.tolist(), "accuracy": accuracy.tolist(), "steps": steps.tolist()}
    results |= {key: run[key] for key in ("determined_accuracy", "target_regret", "token_regret", "accuracy_by_shot")}
    results |= {key: run[key] for key in ("nll_by_shot", "probability_by_position")}
    results |= {"loss_at_the_end": float(loss[-1])}
    last = [
        f"Loss at the end {loss[-1]:.4f} nats a token; determined accuracy {run['determined_accuracy']:.5f}; "
        f"target regret {run['target_regret']:.5f} nats. "
        f"Shots until 99% of target words are right: {learned[0] if learned else 'more than there are'}."
    ]
    tables = [markdown(["level of the loss", "nats a token", "reached at step", "left at step"], rows), *last]
    report(options, "post", results, tables, draw(results, levels))


def draw(results: dict, levels: list[tuple[str, float]]) -> Figure:
    """Loss and accuracy over steps, and the probability of the right token by place, a line a shot."""
    figure = Figure(figsize=(14, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    left.plot(results["steps"], results["loss"], color=ORANGE, lw=1.2)
    for name, level in levels:
        left.axhline(level, color=GREY, lw=0.8, ls="--")
        left.annotate(
            f"{name} {level:.3f}", (1.005, level), xycoords=("axes fraction", "data"), va="center", fontsize=8
        )
    left.set(xlabel="training step", ylabel="loss, nats a predicted token")
    middle.plot(results["steps"], results["accuracy"], color=BLUE, lw=1.2)
    middle.set(xlabel="training step", ylabel="accuracy on determined words", ylim=(0, 1.03))
    probabilities = np.array(results["probability_by_position"])
    T = probabilities.shape[1] // 2 - 1
    colours = colormaps["viridis"](np.linspace(0, 0.92, len(probabilities)))
    for shot, (row, colour) in enumerate(zip(probabilities, colours, strict=True), 1):
        label = f"shot {shot}" if shot in (1, 2, 3, len(probabilities)) else None
        right.plot(range(len(row)), row, color=colour, lw=1.4, label=label)
    places = [f"s{i}" for i in range(1, T + 1)] + ["STX"] + [f"t{i}" for i in range(1, T + 1)] + ["SOH"]
    right.set_xticks(range(len(places)), places)
    right.set(xlabel="token of the sentence pair", ylabel="mean probability of the right token", ylim=(0, 1.03))
    right.legend(fontsize=8)
    for axes in (left, middle, right):
        axes.grid(alpha=0.25)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
