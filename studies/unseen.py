"""Seen and unseen languages: how far a model generalises, and how much it has memorised.

    python studies/unseen.py [--episodes 20480] [--seed 0]

Trains configs/lstm.yaml with 10%, 50% and 90% of all lexicons held out, and on pools of 8, 32, 128 and 512 lexicons.
"Seen" means new episodes of training's lexicons. The enumerated predictor knows the training lexicons, the family
predictor doesn't: a model that is nearer to the enumerated one than the family predictor is has memorised them.
"""

import os
import sys
from typing import Any

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import numpy as np
from matplotlib.figure import Figure
from transformers import PreTrainedModel

from dataset_script import LanguageConfig, sample_episodes
from dataset_script.baselines import pool_probabilities
from dataset_script.lexicons import split_lexicons
from dataset_script.predictor import family_probabilities
from metatrans_lab.evaluation import evaluate
from metatrans_lab.evaluation.readings import next_token_log_probabilities
from metatrans_lab.experiments.cached import trained
from metatrans_lab.experiments.drawing import BLUE, GREY, ORANGE, plain_log
from metatrans_lab.experiments.pages import markdown, with_interval
from metatrans_lab.experiments.studies import FRESH, read_arguments, report

HELD_OUT, POOLS = (0.1, 0.5, 0.9), (8, 32, 128, 512)


def to_enumerated(
    model: PreTrainedModel, language: LanguageConfig, num_episodes: int, batch_size: int = 512
) -> dict[str, float]:
    """KL from the enumerated predictor to the model and the family predictor: nats a target word of seen languages."""
    lexicons, words = split_lexicons(language, "train"), slice(language.num_source_words, language.soh)
    assert lexicons is not None  # so few can be listed
    sums, count = np.zeros(2), 0
    for first in range(0, num_episodes, batch_size):
        episodes = sample_episodes(language, range(first, min(first + batch_size, num_episodes)), "train")
        is_target = episodes.is_target[:, 1:]  # (N, S − 1); of these words, M in all, come (M, R) distributions
        p = pool_probabilities(episodes, lexicons)[:, 1:][is_target]
        log_q = next_token_log_probabilities(model, episodes)[is_target][:, words]
        family = family_probabilities(language, episodes.input_ids)[:, :-1][is_target][:, words]
        for row, log in enumerate((log_q.astype(np.float64), np.log(np.maximum(family, 1e-300)))):
            sums[row] += np.sum(p * (np.log(np.maximum(p, 1e-300)) - np.maximum(log, -1e4)), where=p > 0)
        count += len(p)
    return {"model": float(sums[0] / count), "family predictor": float(sums[1] / count)}


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, config="lstm", episodes=20480, seed=0)
    runs = {f"{held_out:.0%} held out": {"held_out_languages": held_out} for held_out in HELD_OUT}
    runs |= {f"a pool of {pool}": {"num_training_languages": pool} for pool in POOLS}
    results: dict[str, dict[str, Any]] = {}
    rows = []
    for name, knobs in runs.items():
        overrides = [word for key, value in knobs.items() for word in (f"--language.{key}", str(value))]
        folder = "unseen-" + "-".join(str(value) for value in knobs.values())
        model, run = trained(options, folder, "--seed", str(options.seed), *overrides)
        language = LanguageConfig(**run["config"]["language"], seed=FRESH)
        lexicons = split_lexicons(language, "train")
        assert lexicons is not None  # so few can be listed
        row: dict[str, Any] = {
            kind: evaluate(model, language, split, options.episodes, exact_match=False)
            for kind, split in (("seen", "train"), ("unseen", "test"))
        }
        row["lexicons"] = len(lexicons)
        row["from the enumerated predictor"] = to_enumerated(model, language, options.episodes)
        results[name] = row
        gap = row["seen"]["determined_accuracy"] - row["unseen"]["determined_accuracy"]
        accuracies, regrets = (
            [with_interval(row[kind], key) for kind in ("seen", "unseen")]
            for key in ("determined_accuracy", "target_regret")
        )
        rows.append(
            [name, row["lexicons"], *accuracies, gap, *regrets, *row["from the enumerated predictor"].values()]
        )
    columns = ["training", "lexicons", "determined accuracy, seen", "unseen", "difference", "regret, seen", "unseen"]
    columns += ["KL from the enumerated predictor, seen: model", "family predictor"]
    report(options, "unseen", results, [markdown(columns, rows)], draw(results))


def draw(results: dict) -> Figure:
    """Accuracy and regret on seen and unseen languages, a pair of bars a run."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    accuracy, divergence = figure.subplots(1, 2)
    names, places = list(results), np.arange(len(results))
    for axes, key in ((accuracy, "determined_accuracy"), (divergence, "target_regret")):
        for shift, kind, colour in ((-0.18, "seen", BLUE), (0.18, "unseen", ORANGE)):
            axes.bar(places + shift, [results[name][kind][key] for name in names], 0.34, color=colour, label=kind)
        axes.set_xticks(places, names, rotation=30, ha="right", fontsize=8)
        axes.grid(alpha=0.25, axis="y")
    accuracy.set(ylabel="determined accuracy", ylim=(0, 1.03))
    above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "fontsize": 8, "frameon": False}
    accuracy.legend(**above, ncols=2)
    divergence.set(ylabel="target regret, nats a word")
    plain_log(divergence, "y")
    family = [results[name]["from the enumerated predictor"]["model"] for name in names]
    divergence.plot(places, family, color=GREY, marker="s", ms=5, ls="", label="seen, from the enumerated predictor")
    divergence.legend(**above, ncols=3)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
