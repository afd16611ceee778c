"""What the state knows: a linear probe reads the lexicon from the hidden state, shot by shot.

    python studies/probe.py [--episodes 8192] [--seed 0]

Of the model that studies/optimum.py trained. After each sentence pair a ridge regression maps the last layer's hidden
state to the translation of every source word; fitted on training's lexicons, measured on those never seen.
"""

import sys

import numpy as np
import torch
from common import BLUE, FRESH, GREY, ORANGE, markdown, read_arguments, report, trained
from matplotlib.figure import Figure

from dataset_script import LanguageConfig, sample_episodes

RIDGE = 1e-3


@torch.no_grad()
def states(model, episodes, batch_size: int = 512) -> np.ndarray:
    """The top layer's hidden state after each pair, at the ␁ that closes it: (N, K, H)."""
    ids = torch.as_tensor(episodes.input_ids, dtype=torch.long)
    K, T = episodes.words.shape[1:]
    closing = torch.arange(1, K + 1) * (2 * T + 2)
    parts = [model(part, output_hidden_states=True).hidden_states[-1][:, closing] for part in ids.split(batch_size)]
    return torch.cat(parts).double().numpy()


def known_by(episodes) -> np.ndarray:
    """(N, K, L): was this source word translated in this pair or before?"""
    L = episodes.config.num_source_words
    seen = (episodes.words[..., None] == np.arange(L)).any(2)
    return np.logical_or.accumulate(seen, axis=1)


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, episodes=8192, seed=0)
    model, run = trained(options, f"optimum-{options.seed}", "--seed", str(options.seed))
    language = LanguageConfig(**run["config"]["language"], seed=FRESH)
    fit, test = (sample_episodes(language, range(options.episodes), split) for split in ("train", "test"))
    x_fit, x_test = states(model, fit), states(model, test)
    L, R = language.num_source_words, language.num_target_words
    wanted = np.eye(R)[fit.lexicons].reshape(len(fit), L * R)
    known = known_by(test)
    curves = {"words that were translated": [], "words that weren't": [], "all words": [], "best possible": []}
    for shot in range(language.num_pairs):
        x, y = (np.concatenate([part[:, shot], np.ones((len(part), 1))], 1) for part in (x_fit, x_test))
        weights = np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(x.shape[1]), x.T @ wanted)
        right = (y @ weights).reshape(len(y), L, R).argmax(-1) == test.lexicons
        told = known[:, shot]
        curves["words that were translated"].append(float(right[told].mean()))
        curves["words that weren't"].append(float(right[~told].mean()) if (~told).any() else None)
        curves["all words"].append(float(right.mean()))
        # What wasn't translated is one of the words left: 1 of R − d.
        left = np.maximum(R - told.sum(1), 1)
        curves["best possible"].append(float((told.sum(1) + (L - told.sum(1)) / left).mean() / L))
    rows = [
        [shot + 1, *(curve[shot] if curve[shot] is not None else "–" for curve in curves.values())]
        for shot in range(language.num_pairs)
    ]
    report(options, "probe", curves, [markdown(["shot", *curves], rows)], draw(curves))


def draw(curves: dict) -> Figure:
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    styles = ({"color": ORANGE}, {"color": BLUE}, {"color": ORANGE, "ls": ":"}, {"color": GREY, "ls": "--"})
    for (name, values), style in zip(curves.items(), styles, strict=True):
        shots = [shot for shot, value in enumerate(values, 1) if value is not None]
        axes.plot(shots, [values[shot - 1] for shot in shots], marker="o", ms=3, label=name, **style)
    axes.set(xlabel="after shot", ylabel="translations read off the state, right", ylim=(0, 1.03))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
