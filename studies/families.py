"""Architectures on languages of every family: regret against each family's exact floor, in structures seen and unseen.

    python studies/families.py [--architectures NAME …] [--steps 1500] [--seeds 1]

Each is trained on configs/mixed.yaml for so many steps, as wide as makes it as large as the recipe's own model, with
the learning rates that configs/peers/ has for it, and measured on lexicons that training never had; grammars too on
settings of the switches that training never had. Of architectures that aren't asked for, the earlier results are kept.
"""

import json
import os
import sys

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

from typing import Any

import numpy as np
import yaml
from matplotlib.figure import Figure

from metatrans_lab.config import read_config
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.evaluation.structures import SEEN
from metatrans_lab.experiments.cached import finished_run
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.pages import markdown
from metatrans_lab.experiments.studies import read_arguments, report
from metatrans_lab.models import build_model

RECIPE = "mixed"

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "LSTM": {"layer_types": ["lstm", "lstm"], "lstm_size": None},
    "LSTM, mLSTM": {"layer_types": ["lstm", "mlstm"], "lstm_size": None},
    "mixed": {},
    "mixed, untold": {},
    "llama": {},
    "gpt2": {},
    "mamba2": {},
}
"""What is changed of the recipe's model; of a name in configs/peers/, that file's model."""

TOLD = {"mixed"}
"""Who learns by the recipe's alignment too, which tells a layer which words say the same."""

WIDTHS: dict[str, tuple[str, ...]] = {
    "llama": ("hidden_size", "intermediate_size"),
    "gpt2": ("n_embd",),
    "mamba2": ("hidden_size",),
}
"""The settings of a peer's model that its width scales."""

RATES = ("muon_learning_rate", "learning_rate")
STEP = 16
"""Widths are multiples of this, which any number of heads divides."""

NUM_HEADS = 8
"""Of a Mamba-2."""

LATEST = (1 / 15, 2 / 15, 1 / 2)
"""The shares of the steps by which each stage of the recipe's curriculum but the last ends, whatever the accuracy: who
isn't good at the first would never see the others.
"""


def shape(architecture: str) -> tuple[TrainingConfig, dict[str, Any], int]:
    """An architecture's config, its model as wide as makes it as large as the recipe's, its number of parameters."""
    recipe = read_config(str(ROOT / "configs" / f"{RECIPE}.yaml"), {})
    wanted = _num_parameters(recipe.model, recipe)
    if architecture not in WIDTHS:
        peer, plain = recipe, recipe.model | ARCHITECTURES[architecture]
        if not ARCHITECTURES[architecture]:
            return recipe, plain, wanted
    else:
        peer = read_config(str(ROOT / "configs" / "peers" / f"{architecture}.yaml"), {})
        longest = recipe.language_config().max_episode_length
        reach = {"max_position_embeddings", "n_positions"} & set(peer.model)
        plain = peer.model | dict.fromkeys(reach, longest)
    sizes = []
    for width in range(STEP, 513, STEP):
        model = _as_wide(plain, width, WIDTHS.get(architecture, ("hidden_size",)))
        sizes.append((model, _num_parameters(model, recipe)))
    model, number = min(sizes, key=lambda size: abs(size[1] - wanted))
    return peer, model, number


def _until_steps(steps: int) -> list[dict[str, Any]]:
    """The recipe's curriculum, with the step by which each stage ends of so many."""
    stages = yaml.safe_load((ROOT / "configs" / f"{RECIPE}.yaml").read_text())["curriculum"]
    return [
        stage | ({"until_step": round(share * steps)} if share else {})
        for stage, share in zip(stages, (*LATEST, None), strict=True)
    ]


def _as_wide(model: dict[str, Any], width: int, names: tuple[str, ...]) -> dict[str, Any]:
    """The model with this width; further settings of those names keep their ratio to the first."""
    wide = model | {name: model[name] * width // model[names[0]] if name != names[0] else width for name in names}
    if model.get("lstm_size", 0) is None:
        wide["lstm_size"] = width
    if model.get("model_type") == "mamba2":  # its heads share twice the width
        wide |= {"num_heads": NUM_HEADS, "head_dim": 2 * width // NUM_HEADS}
    return wide


def _num_parameters(model: dict[str, Any], recipe: TrainingConfig) -> int:
    return sum(parameter.numel() for parameter in build_model(model, recipe.language_config(), 2).parameters())


def main(arguments: list[str]) -> None:
    names = {"architectures": tuple(ARCHITECTURES)}
    options = read_arguments(arguments, __doc__, config=RECIPE, names=names, steps=1500, seeds=1)
    earlier = options.results / "families.json"
    kept = (
        json.loads(earlier.read_text()) if set(options.architectures) < set(ARCHITECTURES) and earlier.exists() else {}
    )
    results: dict[str, dict] = {}
    for architecture in ARCHITECTURES:
        if architecture not in options.architectures:
            results |= {name: run for name, run in kept.items() if name.rsplit(" ", 1)[0] == architecture}
            continue
        peer, model, number = shape(architecture)
        rates = [word for name in RATES for word in (f"--{name}", str(getattr(peer, name)))]
        rates += [] if architecture in TOLD else ["--alignment_weight", "0"]
        for seed in range(options.seeds):
            name = f"families-{architecture.replace(', ', '-').lower()}-{options.steps}-{seed}"
            shorter = ("--num_steps", str(options.steps), "--decay_steps", str(options.steps // 2))
            stages = ("--curriculum", str(_until_steps(options.steps)))
            run = finished_run(options, name, "--seed", str(seed), "--model", str(model), *rates, *shorter, *stages)
            results[f"{architecture} {seed}"] = {
                "parameters": number,
                "steps": run["steps"],
                "train_seconds": run["timing"]["train_seconds"],
                "target_regret": run["target_regret"],
                "determined_accuracy": run["determined_accuracy"],
                "groups": _figures(run["groups"]),
                "seen": _figures(run[SEEN]["groups"]),
            }
    groups = list(next(iter(results.values()))["groups"])
    families = [group for group in groups if ", " not in group]
    rows, by_phenomenon = [], []
    for name, run in results.items():
        label = name.rsplit(" ", 1)[0] if options.seeds == 1 else ", seed ".join(name.rsplit(" ", 1))
        cells = [_cell(run["seen"][family]) for family in families]
        rows.append([label, run["parameters"], round(run["train_seconds"]), *cells])
        parts = [_cell(run[of][group]) for group in groups if group.startswith("grammar") for of in ("seen", "groups")]
        by_phenomenon.append([label, *parts])
    titles = [group.removeprefix("grammar, ") for group in groups if group.startswith("grammar")]
    tables = [
        markdown(["regret / determined accuracy", "parameters", "seconds", *families], rows),
        markdown(["grammar", *(f"{title}{of}" for title in titles for of in ("", ", held out"))], by_phenomenon),
    ]
    report(options, "families", results, tables, draw(results, families))


def _figures(groups: dict[str, dict]) -> dict[str, dict]:
    names = ("target_regret", "determined_accuracy", "num_tokens")
    return {group: {name: figures[name] for name in names} for group, figures in groups.items()}


def _cell(figures: dict[str, Any]) -> str:
    """Regret / determined accuracy; – where there is nothing to measure."""
    shown = (figures["target_regret"], figures["determined_accuracy"])
    return " / ".join("–" if figure is None else f"{figure:.3f}" for figure in shown)


def draw(results: dict[str, dict], families: list[str]) -> Figure:
    """Regret by family, a group of bars each, and of grammars in held-out structures."""
    columns = [*((family, "seen") for family in families), ("grammar", "groups")]
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(results)
    for number, (name, run) in enumerate(results.items()):
        places = np.arange(len(columns)) + (number - (len(results) - 1) / 2) * width
        heights = [max(run[of][family]["target_regret"] or 0, 1e-4) for family, of in columns]
        axes.bar(places, heights, width, label=name.rsplit(" ", 1)[0])
    axes.set_xticks(np.arange(len(columns)), [*families, "grammar,\nheld-out structures"], fontsize=9)
    axes.set_yscale("log")
    axes.set(ylabel="target regret, nats")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(results), fontsize=8, frameon=False)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
