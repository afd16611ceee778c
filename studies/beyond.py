"""Beyond the training range: more examples, longer sentences, fewer words in use.

    python studies/beyond.py [--episodes 4096] [--seed 0]

Of the model that studies/optimum.py trained; it saw 10 pairs of 1 to 5 words. Languages that it never saw, throughout.
"""

import sys
from dataclasses import replace

import numpy as np
from common import GREY, ORANGE, markdown, read_arguments, report, trained
from matplotlib.figure import Figure

from dataset_script import LanguageConfig
from metatrans_lab.evaluation import evaluate

PAIRS, LENGTHS = (10, 20, 50, 100), range(1, 13)


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, episodes=4096, seed=0)
    model, run = trained(options, f"optimum-{options.seed}", "--seed", str(options.seed))
    language = LanguageConfig(**run["config"]["language"], seed=options.seed)

    def figures(**knobs) -> dict:
        changed = replace(language, **knobs)
        tokens = changed.max_episode_length
        return evaluate(
            model, changed, "test", options.episodes, exact_match=False, batch_size=max(16, 512 * 81 // tokens)
        )

    # Once a language is known, all words are determined: accuracy by shot is theirs.
    results = {
        "pairs": {K: figures(num_pairs=K) for K in PAIRS},
        "words a sentence": {T: figures(sentence_length=T) for T in LENGTHS},
        "words in use": {a: figures(num_active_words=a) for a in range(1, language.num_source_words + 1)},
    }
    tables = []
    for title, rows in results.items():
        written = [
            [knob, f["determined_accuracy"], f["target_regret"], f["accuracy_by_shot"][-1]] for knob, f in rows.items()
        ]
        tables.append(markdown([title, "determined accuracy", "target regret", "accuracy of the last pair"], written))
    far = results["pairs"][max(PAIRS)]["accuracy_by_shot"]
    near, late = np.mean(far[8:10]), np.mean(far[90:100])
    tables.append(f"Of {max(PAIRS)} pairs: accuracy of pairs 9–10 {near:.5f}, of pairs 91–100 {late:.5f}.")
    report(options, "beyond", results, tables, draw(results))


def draw(results: dict) -> Figure:
    figure = Figure(figsize=(13, 4), layout="constrained")
    shots, lengths, words = figure.subplots(1, 3)
    far = results["pairs"][max(PAIRS)]
    number = np.arange(1, len(far["accuracy_by_shot"]) + 1)
    shots.plot(number, far["bayes_accuracy_by_shot"], color=GREY, ls="--", label="Bayes optimum")
    shots.plot(number, far["accuracy_by_shot"], color=ORANGE, label="model")
    shots.axvspan(0.5, 10.5, color=GREY, alpha=0.12, lw=0, label="trained on")
    shots.set(xlabel=f"shot, of {len(number)}", ylabel="accuracy of target words", ylim=(0.9, 1.003))
    shots.legend(fontsize=8)
    for axes, name, until in ((lengths, "words a sentence", 5.5), (words, "words in use", 6.5)):
        rows = results[name]
        axes.plot(list(rows), [f["determined_accuracy"] for f in rows.values()], color=ORANGE, marker="o", ms=4)
        axes.axvspan(0.5, until, color=GREY, alpha=0.12, lw=0)
        axes.set(xlabel=name, ylabel="determined accuracy", ylim=(0, 1.03))
    for axes in (shots, lengths, words):
        axes.grid(alpha=0.25)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
