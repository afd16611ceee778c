"""Linear probes of the hidden state: how much of the lexicon can be read from it after each shot.

    python studies/probe.py [--episodes 8192] [--seeds 3]

Probes the models of studies/optimum.py. After each sentence pair a ridge regression maps the top layer's hidden state
to the translation of every source word. It is fitted on training's lexicons and measured on unseen ones.
"""

import os
import sys
from typing import Any

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import numpy as np
import torch
from matplotlib.figure import Figure
from transformers import PreTrainedModel

from dataset_script import LanguageConfig, sample_episodes
from dataset_script.families.lexicon import LexiconEpisodes
from metatrans_lab.experiments.cached import trained
from metatrans_lab.experiments.drawing import BLUE, GREY, ORANGE
from metatrans_lab.experiments.pages import markdown, spread
from metatrans_lab.experiments.studies import FRESH, read_arguments, report

RIDGE = 1e-3

STYLES: dict[str, dict[str, Any]] = {
    "words that were translated": {"color": ORANGE},
    "words that weren't": {"color": BLUE},
    "all words": {"color": ORANGE, "ls": ":"},
    "best possible": {"color": GREY, "ls": "--"},
}


@torch.no_grad()
def states(model: PreTrainedModel, episodes: LexiconEpisodes, batch_size: int = 512) -> np.ndarray:
    """(N, K, H) float64: the top layer's hidden state after each pair, at the ␁ that ends it."""
    ids = torch.as_tensor(episodes.input_ids, dtype=torch.long)  # (N, S)
    K, T = episodes.words.shape[1:]
    closing = torch.arange(1, K + 1) * (2 * T + 2)  # (K,), as all sentences have T words
    parts = [model(part, output_hidden_states=True).hidden_states[-1][:, closing] for part in ids.split(batch_size)]
    return torch.cat(parts).double().numpy()


def known_by(episodes: LexiconEpisodes) -> np.ndarray:
    """(N, K, L): was this source word translated in this pair or before?"""
    L = episodes.config.num_source_words
    seen = (episodes.words[..., None] == np.arange(L)).any(2)  # (N, K, L)
    return np.logical_or.accumulate(seen, axis=1)


def probe(model: PreTrainedModel, language: LanguageConfig, num_episodes: int) -> dict[str, list[float | None]]:
    """The fraction of translations that the probe reads right, a value a shot; None where there is no such word."""
    fit, test = (sample_episodes(language, range(num_episodes), split) for split in ("train", "test"))
    assert isinstance(fit, LexiconEpisodes) and isinstance(test, LexiconEpisodes)  # of this family
    x_fit, x_test = states(model, fit), states(model, test)  # (N, K, H) each
    L, R = language.num_source_words, language.num_target_words
    wanted = np.eye(R)[fit.lexicons].reshape(len(fit), L * R)  # one-hot translations
    known = known_by(test)  # (N, K, L)
    curves: dict[str, list[float | None]] = {name: [] for name in STYLES}
    for shot in range(language.num_pairs):
        # (N, H + 1) each, with a constant for the bias
        x, y = (np.concatenate([part[:, shot], np.ones((len(part), 1))], 1) for part in (x_fit, x_test))
        weights = np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(x.shape[1]), x.T @ wanted)  # (H + 1, L·R)
        right = (y @ weights).reshape(len(y), L, R).argmax(-1) == test.lexicons  # (N, L)
        told = known[:, shot]  # (N, L)
        # The best reader guesses a word that wasn't translated among the R − d target words left.
        left = np.maximum(R - told.sum(1), 1)
        best = (told.sum(1) + (L - told.sum(1)) / left).mean() / L
        untold = float(right[~told].mean()) if (~told).any() else None
        for name, value in zip(STYLES, (float(right[told].mean()), untold, right.mean(), best), strict=True):
            curves[name].append(value if value is None else float(value))
    return curves


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, episodes=8192, seeds=3)
    results: dict[str, dict[str, list[float | None]]] = {}
    rows = []
    for seed in range(options.seeds):
        model, run = trained(options, f"optimum-{seed}", "--seed", str(seed))
        language = LanguageConfig(**run["config"]["language"], seed=FRESH)
        results[f"seed {seed}"] = probe(model, language, options.episodes)
    for shot in range(language.num_pairs):
        values = [[curves[name][shot] for curves in results.values()] for name in STYLES]
        rows.append([shot + 1, *map(_cell, values)])
    report(options, "probe", results, [markdown(["shot", *STYLES], rows)], draw(results))


def _cell(seeds: list[float | None]) -> str:
    """The spread over seeds; "–" if one of them has no value."""
    values = [value for value in seeds if value is not None]
    return spread(values) if len(values) == len(seeds) else "–"


def draw(results: dict) -> Figure:
    """The fractions that the probe reads right, by shot."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, curves in enumerate(results.values()):
        for (name, values), style in zip(curves.items(), STYLES.values(), strict=True):
            shots = [shot for shot, value in enumerate(values, 1) if value is not None]
            heights = [values[shot - 1] for shot in shots]
            axes.plot(shots, heights, marker="o", ms=3, alpha=0.6, label=None if number else name, **style)
    axes.set(xlabel="after shot", ylabel="translations read off the state, right", ylim=(0, 1.03))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
