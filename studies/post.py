"""The post's experiment: its languages, its loss, its optimiser, a narrower LSTM; where its phases begin.

    python studies/post.py [--steps 20000] [--width 256] [--seed 42]

Trains configs/kyrylov2023.yaml with fewer hidden units (the post has 1024, for a GPU).
"""

import json
import sys

import numpy as np
from common import BLUE, GREY, ORANGE, markdown, read_arguments, report, trained
from matplotlib.figure import Figure

from dataset_script import LanguageConfig
from metatrans_lab.plots import plateaus

AVERAGED = 10
"""Lines of the log, 20 steps apart, that a loss is averaged over."""

NEAR = 0.02
"""Nats: a level is reached where the loss is less than this above it."""


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, config="kyrylov2023", steps=20000, width=256, seed=42)
    name = f"post-{options.width}-{options.seed}"
    settings = {"num_steps": options.steps, "model.hidden_size": options.width, "seed": options.seed}
    settings |= {"num_parts": 2, "mixed_precision": "auto", "read_every": 1}
    _, run = trained(options, name, *(word for key, value in settings.items() for word in (f"--{key}", str(value))))
    language = LanguageConfig(**run["config"]["language"], seed=options.seed)
    lines = map(json.loads, (options.runs / name / "log.jsonl").read_text().splitlines())
    lines = [line for line in lines if "loss" in line]
    steps = np.array([line["step"] for line in lines])[AVERAGED - 1 :]
    loss = np.convolve([line["loss"] for line in lines], np.full(AVERAGED, 1 / AVERAGED), "valid")
    accuracy = np.array([line["determined_accuracy"] for line in lines])[AVERAGED - 1 :]
    levels = sorted(plateaus(language, "all").items(), key=lambda item: -item[1])
    rows = []
    for level, value in levels:
        there = np.flatnonzero(loss <= value + NEAR)
        rows.append([level, round(value, 4), int(steps[there[0]]) if len(there) else "not reached"])
    learned = [shot for shot, value in enumerate(run["accuracy_by_shot"], 1) if value >= 0.99]
    results = {"levels": rows, "loss": loss.tolist(), "accuracy": accuracy.tolist(), "steps": steps.tolist()}
    results |= {key: run[key] for key in ("determined_accuracy", "target_regret", "token_regret", "accuracy_by_shot")}
    results |= {"nll_by_shot": run["nll_by_shot"], "loss_at_the_end": float(loss[-1])}
    last = [
        f"Loss at the end {loss[-1]:.4f} nats a token; determined accuracy {run['determined_accuracy']:.5f}; "
        f"target regret {run['target_regret']:.5f} nats. "
        f"Shots until 99% of target words are right: {learned[0] if learned else 'more than there are'}."
    ]
    tables = [markdown(["level of the loss", "nats a token", "reached at step"], rows), *last]
    report(options, "post", results, tables, draw(results, levels))


def draw(results: dict, levels: list[tuple[str, float]]) -> Figure:
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(results["steps"], results["loss"], color=ORANGE, lw=1.2)
    for name, level in levels:
        left.axhline(level, color=GREY, lw=0.8, ls="--")
        left.annotate(
            f"{name} {level:.3f}", (1.005, level), xycoords=("axes fraction", "data"), va="center", fontsize=8
        )
    left.set(xlabel="training step", ylabel="loss, nats a predicted token")
    right.plot(results["steps"], results["accuracy"], color=BLUE, lw=1.2)
    right.set(xlabel="training step", ylabel="accuracy on determined words", ylim=(0, 1.03))
    for axes in (left, right):
        axes.grid(alpha=0.25)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
