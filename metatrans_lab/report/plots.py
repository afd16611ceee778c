"""The post's two plots, with the computed levels beside the measured curves."""

import itertools
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dataset_script.episodes import Role, is_scored
from dataset_script.families.contract import Language
from dataset_script.predictor import levels

BLUE, ORANGE, GREY = "#2f6db3", "#d9730d", "#777777"


def plot_loss(path: Path, log: list[dict], language: Language, loss_on: str) -> None:
    """loss.png: the loss over steps, and the losses of known predictors (`predictor.levels`) as labelled lines.

    Args:
        log: lines of log.jsonl: those with `loss` are training, those with `eval_loss` evaluations on `language`.
    """
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    training = [(line["step"], line["loss"]) for line in log if line.get("loss") is not None]
    evaluations = [(line["step"], line["eval_loss"]) for line in log if "eval_loss" in line]
    if training:
        axes.plot(
            *zip(*training, strict=True), color=BLUE, lw=1, alpha=0.55, label="training batches, of other lengths too"
        )
    if evaluations:
        marker = "o" if len(evaluations) < 60 else None
        axes.plot(*zip(*evaluations, strict=True), color=ORANGE, marker=marker, ms=4, label=_task(language))
    stages = [(line["step"], line["stage"]) for line in log if "stage" in line]
    last = max([line["step"] for line in log], default=1)
    labelled = -math.inf
    for (step, before), (_, after) in itertools.pairwise(stages):
        if after > before:
            axes.axvline(step, color=GREY, lw=0.8, ls=":")
            if step - labelled > 0.025 * last:
                axes.annotate(
                    f"stage {after + 1}",
                    xy=(step - 0.004 * last, 0.97),
                    xycoords=("data", "axes fraction"),
                    ha="right",
                    va="top",
                    rotation=90,
                    fontsize=8,
                    color=GREY,
                )
                labelled = step
    known = levels(language, loss_on)
    floor, top = known["Bayes"], known["uniform"]
    label_height, label_gap = -math.inf, 0.052 * (top - min(floor, 0))
    for name, level in sorted(known.items(), key=lambda item: item[1]):
        axes.axhline(level, color=GREY, lw=0.8, ls="--")
        # Labels of levels that lie close together are moved up, so that they don't overlap.
        label_height = max(level, label_height + label_gap)
        axes.annotate(
            f"{name} {level:.3f}",
            xy=(1.005, label_height),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9,
            color=GREY,
        )
    axes.set_xlim(0, last)
    axes.set_ylim(min(0, floor - 0.05), top * 1.05)
    tokens = "predicted token" if is_scored(Role.SOURCE, loss_on) else "target word or delimiter"
    axes.set(xlabel="training step", ylabel=f"loss, nats per {tokens}")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=9, frameon=False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _save(figure, path)


def plot_shots(path: Path, results: dict, language: Language, loss_on: str) -> None:
    """shots.png: how fast the language is learned within the episode.

    Left: nats per target word by shot, and the Bayes optimum's. Right, as in the post: the probability of the right
    token by its place in the sentence pair, one line for each shot; dashed, the Bayes optimum's.

    Args:
        results: as of `evaluate`.
    """
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    shots = np.arange(1, language.num_pairs + 1)
    left.plot(shots, results["bayes_nll_by_shot"], color=GREY, ls="--", marker="s", ms=4, label="Bayes optimum")
    left.plot(shots, results["nll_by_shot"], color=ORANGE, marker="o", ms=4, label="model")
    left.set(
        xlabel="shot (sentence pair)",
        ylabel="nats per target word (linear below 0.01)",
        xlim=(0.6, language.num_pairs + 0.4),
    )
    left.set_yscale("symlog", linthresh=0.01, linscale=0.5)
    left.set_ylim(0, max(math.log(language.num_target_words) * 1.4, 1.2 * max(results["nll_by_shot"])))
    ticks = [0, 0.01, 0.1, 1]
    left.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.legend(fontsize=9)
    left.grid(alpha=0.25)

    probabilities = np.array(results["probability_by_position"])
    T = language.length_range[1]
    targets = range(1, language.max_target_length + 1)
    places = [f"source {i}" for i in range(1, T + 1)] + ["␂"] + [f"target {i}" for i in targets] + ["␁"]
    first = 0 if is_scored(Role.SOURCE, loss_on) else T  # predictions of tokens outside the loss mean nothing
    colours = colormaps["viridis"](np.linspace(0, 0.92, len(probabilities)))
    optimum = np.array(results["bayes_probability_by_position"])
    for row, best, colour in zip(probabilities, optimum, colours, strict=True):
        right.plot(range(first, len(row)), row[first:], color=colour, lw=1.4)
        right.plot(range(first, len(row)), best[first:], color=colour, lw=1, ls="--")
    kinds = [Line2D([], [], color=GREY, lw=1.4, label="model"), Line2D([], [], color=GREY, lw=1, ls="--")]
    kinds[1].set_label("Bayes optimum")
    right.legend(handles=kinds, loc="center left", fontsize=9)
    every = 1 + T // 8  # of longer sentences, only some places have room for their labels
    named = [i for i, place in enumerate(places) if place in "␂␁" or (int(place.split()[1]) - 1) % every == 0]
    right.set_xticks(named, [_printable(places[i]) for i in named])
    right.set(xlabel="token of the sentence pair", ylabel="mean probability of the right token", ylim=(0, 1.03))
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    right.axvspan(-0.5, T - 0.5, color=GREY, alpha=0.1, lw=0)
    right.set_xlim(-0.5, len(places) - 0.5)
    source = "random, so no one\ncan know them" if is_scored(Role.SOURCE, loss_on) else "left out\nof the loss"
    right.text((T - 1) / 2, 0.97, f"source words:\n{source}", ha="center", va="top", fontsize=8, color=GREY)
    right.grid(alpha=0.25)
    scale = ScalarMappable(Normalize(0.5, len(probabilities) + 0.5), ListedColormap(colours))
    bar = figure.colorbar(scale, ax=right, label="shot")
    bar.locator = MaxNLocator(integer=True, nbins=10)
    bar.update_ticks()
    figure.suptitle(f"{_task(language)}, {results['num_eval_episodes']:,} episodes", fontsize=10)
    _save(figure, path)


def plot_runs(path: Path, runs: Mapping[str, list[dict]]) -> None:
    """Several runs in one picture, over their steps: the loss, and the accuracy on determined words. Training batches
    are a thin line, evaluations have marks.

    Args:
        runs: lines of log.jsonl, by what the run is called.
    """
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, (name, lines) in enumerate(runs.items()):
        colour = colormaps["tab10"](number % 10)
        for axes, trained, evaluated in (
            (left, "loss", "eval_loss"),
            (right, "determined_accuracy", "determined_accuracy"),
        ):
            for key, kind, style in (
                (trained, "loss", {"lw": 1, "alpha": 0.5}),
                (evaluated, "eval_loss", {"marker": "o", "ms": 4, "label": name}),
            ):
                points = [(line["step"], line[key]) for line in lines if kind in line and line[key] is not None]
                axes.plot([step for step, _ in points], [value for _, value in points], color=colour, **style)
    left.set(xlabel="training step", ylabel="loss, nats per predicted token", ylim=(0, None))
    right.set(xlabel="training step", ylabel="accuracy on determined words", ylim=(0, 1.03))
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
    right.legend(loc="lower right", fontsize=9)
    figure.suptitle("marks: evaluations on the task; thin: training batches, of other lengths too", fontsize=10)
    _save(figure, path)


def _printable(place: str) -> str:
    """The label of a place. Few fonts have ␁ and ␂, so their names are drawn instead."""
    return {"␁": "SOH", "␂": "STX"}.get(place, place)


def _task(language: Language) -> str:
    """The languages in a few words, for labels."""
    m, M = language.length_range
    words = f"L=R={language.num_source_words}"
    if language.num_source_words != language.num_target_words:
        words = f"L={language.num_source_words}, R={language.num_target_words}"
    unseen = "unseen languages" if language.held_out_languages else "fresh episodes"
    return f"{unseen}, K={language.num_pairs}, {words}, T={m if m == M else f'{m}–{M}'}"


def _save(figure: Figure, path: Path) -> None:
    """Writes the picture aside and moves it into place, so that nobody ever reads half of it."""
    temporary = path.with_name(f".{path.name}")
    figure.savefig(temporary, format="png", dpi=130)
    temporary.replace(path)
