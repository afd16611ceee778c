"""The translator: many words, long sentences, many examples.

    python studies/translator.py [--episodes 128] [--seeds 3]

Trains configs/translator.yaml, for up to 64 words, on up to 100 pairs and on sentences of up to 12 words, from several
seeds. Each is measured on unseen languages with 16, 32 and 64 words in use, after 10, 30 and 100 pairs, with 1 to 24
words a sentence.
"""

import os
import sys
from dataclasses import replace

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import numpy as np
from matplotlib.figure import Figure

from dataset_script import LanguageConfig
from metatrans_lab.evaluation import evaluate
from metatrans_lab.experiments.cached import trained
from metatrans_lab.experiments.drawing import BLUE, GREY, ORANGE
from metatrans_lab.experiments.pages import markdown, spread
from metatrans_lab.experiments.studies import read_arguments, report

WORDS, PAIRS, LENGTHS = (16, 32, 64), (10, 30, 100), (1, 3, 5, 8, 12, 18, 24)
LONGEST = 12
"""Words of the longest sentence in training."""

KEYS = ("determined_accuracy", "target_regret")


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, config="translator", episodes=128, seeds=3)
    results: dict[str, dict] = {}
    runs = []
    for seed in range(options.seeds):
        model, run = trained(options, f"translator-{seed}", "--seed", str(seed))
        language = LanguageConfig(**run["config"]["language"], seed=seed)
        reliability = run["reliability"]["expected_calibration_error"]
        runs.append(
            [seed, run["steps"], round(run["timing"]["train_seconds"]), *(f"{run[k]:.5f}" for k in KEYS), reliability]
        )
        for words in (number for number in WORDS if number <= language.num_source_words):
            for pairs in PAIRS:
                for length in LENGTHS:
                    asked = replace(language, num_pairs=pairs, sentence_length=length, num_active_words=words)
                    batch = max(1, 40_000 // asked.max_episode_length)
                    figures = evaluate(model, asked, "test", options.episodes, exact_match=False, batch_size=batch)
                    of = results.setdefault(f"{words} words, {pairs} pairs", {}).setdefault(str(length), [])
                    of.append({key: figures[key] for key in KEYS} | {"interval": figures["intervals"][KEYS[0]]})
    columns = ["words in use, pairs", *(f"sentences of {length}" for length in LENGTHS)]
    tables = [
        markdown(["seed", "steps", "seconds", *(key.replace("_", " ") for key in KEYS), "calibration error"], runs)
    ]
    for key in KEYS:
        rows = [
            [name, *(spread([seed[key] for seed in row[str(length)]]) for length in LENGTHS)]
            for name, row in results.items()
        ]
        tables.append(f"{key.replace('_', ' ').capitalize()}, mean over the seeds (least…greatest).")
        tables.append(markdown(columns, rows))
    report(options, "translator", results, tables, draw(results))


def draw(results: dict) -> Figure:
    """Determined accuracy against the words of a sentence, a panel for each number of pairs."""
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    for axes, pairs in zip(figure.subplots(1, len(PAIRS), sharey=True, squeeze=False)[0], PAIRS, strict=True):
        for words, colour in zip(WORDS, (GREY, BLUE, ORANGE), strict=False):
            row = results.get(f"{words} words, {pairs} pairs")
            if row is not None:
                means = [np.mean([seed["determined_accuracy"] for seed in row[str(length)]]) for length in LENGTHS]
                axes.plot(LENGTHS, means, color=colour, marker="o", ms=4, label=f"{words} words")
        axes.axvspan(0.5, LONGEST + 0.5, color=GREY, alpha=0.12, lw=0)
        axes.set(title=f"after {pairs} pairs", xlabel="words a sentence (shaded: trained on)")
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8)
    figure.axes[0].set_ylabel("determined accuracy")
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
