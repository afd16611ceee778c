"""Beyond the training range: more examples, longer sentences, fewer words in use, and words that the examples show one
by one.

    python studies/beyond.py [--episodes 2048] [--seeds 3]

Evaluates the models of studies/optimum.py, which were trained on 10 pairs of 1 to 5 words, on unseen languages.
"""

import os
import sys
from dataclasses import replace

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import numpy as np
from matplotlib.figure import Figure
from transformers import PreTrainedModel

from dataset_script import LanguageConfig, sample_episodes
from dataset_script.families.lexicon import LexiconEpisodes
from metatrans_lab.evaluation import evaluate
from metatrans_lab.evaluation.readings import next_token_log_probabilities
from metatrans_lab.experiments.cached import trained
from metatrans_lab.experiments.drawing import GREY, ORANGE
from metatrans_lab.experiments.pages import markdown, spread
from metatrans_lab.experiments.studies import read_arguments, report

PAIRS, LENGTHS = (10, 20, 50, 100), range(1, 13)
COLUMNS = ("determined accuracy", "target regret", "accuracy of the last pair")


def measure(model: PreTrainedModel, language: LanguageConfig, num_episodes: int) -> dict:
    """A model's figures on a language config, by COLUMNS, and its accuracies by shot."""
    tokens = language.max_episode_length
    figures = evaluate(
        model, language, "test", num_episodes, exact_match=False, batch_size=max(16, 512 * 81 // tokens)
    )
    # In the last pairs all words are determined, so their accuracy by shot is that of determined words.
    values = (figures["determined_accuracy"], figures["target_regret"], figures["accuracy_by_shot"][-1])
    by_shot = {key: figures[key] for key in ("accuracy_by_shot", "bayes_accuracy_by_shot")}
    return dict(zip(COLUMNS, values, strict=True)) | by_shot


def one_by_one(language: LanguageConfig, length: int, num_episodes: int) -> LexiconEpisodes:
    """Episodes whose first L examples are the L words, one each, in random order; the last sentence combines `length`
    of them.
    """
    L = language.num_source_words
    whole = replace(language, num_pairs=L + 1, sentence_length=(1, max(length, 2)))
    drawn = sample_episodes(whole, range(num_episodes), "test")
    assert isinstance(drawn, LexiconEpisodes) and drawn.lengths is not None  # lengths are drawn
    rng = np.random.default_rng(language.seed)
    words = drawn.words.copy()  # (N, L + 1, T)
    words[:, :L, 0] = rng.permuted(np.tile(np.arange(L), (num_episodes, 1)), axis=1)
    words[:, L] = rng.integers(0, L, words[:, L].shape)
    lengths = np.ones((num_episodes, L + 1), dtype=drawn.lengths.dtype)
    lengths[:, L] = length
    return LexiconEpisodes(whole, None, words, lengths, drawn.lexicons)


def measure_combinations(
    model: PreTrainedModel, language: LanguageConfig, length: int, num_episodes: int
) -> dict[str, float]:
    """The fractions of words, and of whole sentences, that are right in the last sentences of `one_by_one`."""
    episodes = one_by_one(language, length, num_episodes)
    asked = ((episodes.shot == language.num_source_words) & episodes.is_target)[:, 1:]  # (N, S − 1), as `right`
    right = next_token_log_probabilities(model, episodes).argmax(-1) == episodes.input_ids[:, 1:]
    return {"words right": float(right[asked].mean()), "sentences right": float((right | ~asked).all(1).mean())}


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, episodes=2048, seeds=3)
    results: dict[str, dict] = {}
    for seed in range(options.seeds):
        model, run = trained(options, f"optimum-{seed}", "--seed", str(seed))
        language = LanguageConfig(**run["config"]["language"], seed=seed)
        ranges = {
            "pairs": ("num_pairs", PAIRS),
            "words a sentence": ("sentence_length", LENGTHS),
            "words in use": ("num_active_words", range(1, language.num_source_words + 1)),
        }
        for title, (knob, values) in ranges.items():
            for value in values:
                figures = measure(model, replace(language, **{knob: value}), options.episodes)
                results.setdefault(title, {}).setdefault(value, []).append(figures)
        for length in LENGTHS:
            figures = measure_combinations(model, language, length, options.episodes)
            results.setdefault("words put together", {}).setdefault(length, []).append(figures)
    tables = []
    for title, rows in results.items():
        columns = [key for key in next(iter(rows.values()))[0] if not key.endswith("by_shot")]
        written = [[value, *(spread([of[key] for of in seeds]) for key in columns)] for value, seeds in rows.items()]
        tables.append(markdown([title, *columns], written))
    far = np.array([figures["accuracy_by_shot"] for figures in results["pairs"][max(PAIRS)]])
    near, late = (spread(far[:, shots].mean(1)) for shots in (slice(8, 10), slice(90, 100)))
    tables.append(f"Of {max(PAIRS)} pairs: accuracy of pairs 9–10 {near}, of pairs 91–100 {late}.")
    report(options, "beyond", results, tables, draw(results))


def draw(results: dict) -> Figure:
    """Accuracy by shot of 100 pairs, and against sentence length, words in use, and words put together."""
    figure = Figure(figsize=(12, 8), layout="constrained")
    (shots, lengths), (words, together) = figure.subplots(2, 2)
    number = np.arange(1, max(PAIRS) + 1)
    far = results["pairs"][max(PAIRS)]
    shots.plot(number, far[0]["bayes_accuracy_by_shot"], color=GREY, ls="--", label="Bayes optimum")
    for figures in far:
        shots.plot(number, figures["accuracy_by_shot"], color=ORANGE, alpha=0.6, lw=1)
    shots.axvspan(0.5, 10.5, color=GREY, alpha=0.12, lw=0, label="trained on")
    shots.set(xlabel=f"shot, of {len(number)}", ylabel="accuracy of target words", ylim=(0.9, 1.003))
    shots.legend(fontsize=8)
    for axes, title, key, until in (
        (lengths, "words a sentence", "determined accuracy", 5.5),
        (words, "words in use", "determined accuracy", 6.5),
        (together, "words put together", "words right", 5.5),
    ):
        for seeds in zip(*results[title].values(), strict=True):
            values = [figures[key] for figures in seeds]
            axes.plot(list(results[title]), values, color=ORANGE, marker="o", ms=4, alpha=0.6)
        axes.axvspan(0.5, until, color=GREY, alpha=0.12, lw=0)
        axes.set(xlabel=title, ylabel=key, ylim=(0, 1.03))
    for axes in (shots, lengths, words, together):
        axes.grid(alpha=0.25)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
