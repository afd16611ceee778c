"""What each layer of the default knows: the place in the sentence, the word that stands there, its translation.

    python studies/layers.py [--episodes 2048] [--seeds 3] [--words 5]

Probes the models of configs/cpu.yaml where the next token is the translation of a word that was translated before. A
ridge regression maps each layer's outputs there to the word's place, to the source word at that place, and to its
translation. It is fitted on training's lexicons and measured on unseen ones.
"""

import os
import sys

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
ASKED = {"place in the sentence": GREY, "source word there": BLUE, "its translation": ORANGE}
LAYERS = {"lstm": "LSTM", "mlstm_example": "memory of the example", "mlstm": "memory of all examples"}


@torch.no_grad()
def outputs_of(model: PreTrainedModel, episodes: LexiconEpisodes, batch_size: int = 256) -> list[np.ndarray]:
    """The embeddings and each layer's outputs where a known word's translation is next, (n, D) float64 each."""
    ids = torch.as_tensor(episodes.input_ids, dtype=torch.long)  # (N, S)
    wanted = torch.as_tensor(episodes.determined)[:, 1:]  # (N, S − 1)
    parts: list[list[torch.Tensor]] = []
    for rows, where in zip(ids.split(batch_size), wanted.split(batch_size), strict=True):
        states = model(rows, output_hidden_states=True).hidden_states
        parts.append([state[:, :-1][where] for state in states])
    return [torch.cat(layer).double().numpy() for layer in zip(*parts, strict=True)]


def asked_of(episodes: LexiconEpisodes) -> dict[str, np.ndarray]:
    """The number of what is asked, (n,), in the order of `outputs_of`."""
    places = np.broadcast_to(np.arange(episodes.words.shape[2]), episodes.words.shape)
    values = dict(zip(ASKED, (places, episodes.words, episodes.targets), strict=True))
    return {
        name: episodes.lay_out(0, 0, 0, value, end=0, pad=0, dtype="int64")[episodes.determined]
        for name, value in values.items()
    }


def probe(model: PreTrainedModel, language: LanguageConfig, num_episodes: int) -> list[dict[str, float]]:
    """The fraction that is read right, by layer and by what is asked."""
    fit, test = (sample_episodes(language, range(num_episodes), split) for split in ("train", "test"))
    assert isinstance(fit, LexiconEpisodes) and isinstance(test, LexiconEpisodes)  # of this family
    wanted, expected = asked_of(fit), asked_of(test)
    found = []
    for x, y in zip(outputs_of(model, fit), outputs_of(model, test), strict=True):
        x, y = (np.concatenate([part, np.ones((len(part), 1))], 1) for part in (x, y))  # a constant for the bias
        gram = x.T @ x + RIDGE * len(x) * np.eye(x.shape[1])
        right = {}
        for name, numbers in wanted.items():
            weights = np.linalg.solve(gram, x.T @ np.eye(numbers.max() + 1)[numbers])
            right[name] = float(((y @ weights).argmax(-1) == expected[name]).mean())
        found.append(right)
    return found


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, config="cpu", episodes=2048, seeds=3, words=5)
    results: dict[str, list[dict[str, float]]] = {}
    for seed in range(options.seeds):
        model, run = trained(options, f"default-{seed}", "--seed", str(seed))
        knobs = run["config"]["language"] | {"sentence_length": options.words, "seed": FRESH}
        for layer, right in enumerate(probe(model, LanguageConfig(**knobs), options.episodes)):
            kinds = ["embedding", *(LAYERS[kind] for kind in model.config.layer_types)]
            results.setdefault(f"{layer}. {kinds[layer]}", []).append(right)
    rows = [[layer, *(spread([seed[name] for seed in seeds]) for name in ASKED)] for layer, seeds in results.items()]
    report(options, "layers", results, [markdown(["read off", *ASKED], rows)], draw(results))


def draw(results: dict) -> Figure:
    """The fractions that are read right, a group of bars a layer."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    for number, (name, colour) in enumerate(ASKED.items()):
        means = [np.mean([seed[name] for seed in seeds]) for seeds in results.values()]
        axes.bar(np.arange(len(results)) + 0.27 * (number - 1), means, 0.25, color=colour, label=name)
    axes.set_xticks(range(len(results)), [layer.replace(" of ", "\nof ") for layer in results])
    axes.set(ylabel="read right", ylim=(0, 1.03))
    axes.grid(alpha=0.25, axis="y")
    figure.legend(loc="outside upper center", ncols=len(ASKED), fontsize=8)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
