"""Other architectures with the same number of parameters, metatrained on the same episodes by the same command.

    python studies/peers.py [--peers NAME …] [--seeds 3] [--others 1]

Trains the LSTM of configs/optimum.yaml and the models of configs/peers/*.yaml: the LSTM, the default's stack
("memory") and the Llama from `seeds` seeds each, the others from `others`. Of peers that aren't asked for, the earlier
results are kept.
"""

import json
import os
import sys

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import numpy as np
from matplotlib.figure import Figure

from dataset_script import LanguageConfig
from dataset_script.baselines import BASELINES
from metatrans_lab.evaluation import evaluate_words
from metatrans_lab.experiments.cached import trained
from metatrans_lab.experiments.drawing import plain_log
from metatrans_lab.experiments.pages import markdown, with_interval
from metatrans_lab.experiments.runs import first_at, read_evaluations
from metatrans_lab.experiments.studies import read_arguments, report

PEERS = {
    "metalstm": "#d9730d",
    "memory": "#7a5230",
    "llama": "#2f6db3",
    "gpt2": "#5a9e4b",
    "mamba2": "#9b59b6",
    "xlstm": "#c0392b",
}
SEVERAL = ("metalstm", "memory", "llama")
NAMES = {
    "target_regret": "target regret",
    "determined_accuracy": "determined accuracy",
    "eliminated_accuracy": "eliminated accuracy",
    "exact_match": "exact match",
}


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, names={"peers": tuple(PEERS)}, seeds=3, others=1, episodes=20480)
    earlier = options.results / "peers.json"
    kept = json.loads(earlier.read_text()) if set(options.peers) < set(PEERS) and earlier.exists() else {}
    results: dict[str, dict] = {}
    rows = []
    for peer in PEERS:
        if peer not in options.peers:
            results |= {name: run for name, run in kept.items() if name.split()[0] == peer}
            continue
        for seed in range(options.seeds if peer in SEVERAL else options.others):
            # The LSTM's runs are those of studies/optimum.py.
            config = "optimum" if peer == "metalstm" else f"peers/{peer}"
            name = f"{config.replace('/', '-')}-{seed}"
            model, run = trained(options, name, "--seed", str(seed), config=config)
            run["parameters"] = sum(parameter.numel() for parameter in model.parameters())
            run["evaluations"] = read_evaluations(options.runs / name)
            results[f"{peer} {seed}"] = run
    for name, run in results.items():
        row = [", seed ".join(name.split()), run["parameters"], run["steps"], round(run["timing"]["train_seconds"])]
        row += [first_at(run["evaluations"], accuracy, "step") for accuracy in (0.99, 0.999)]
        rows.append([*row, *(with_interval(run, key) for key in NAMES)])
    language = LanguageConfig(**run["config"]["language"])
    for name, predict in BASELINES.items():
        figures = evaluate_words(predict, language, "test", options.episodes)
        cells = [with_interval(figures, key) for key in NAMES]
        rows.append([f"{name} (no model)", 0, 0, 0, "–", "–", *cells])
    columns = ["", "parameters", "steps", "seconds", "determined accuracy 0.99 at step", "0.999 at step"]
    by_shot = [[name, *(round(x, 4) for x in run["accuracy_by_shot"])] for name, run in results.items()]
    by_shot.append(["Bayes optimum", *(round(x, 4) for x in run["bayes_accuracy_by_shot"])])
    shots = [f"shot {shot}" for shot in range(1, language.num_pairs + 1)]
    tables = [
        markdown([*columns, *NAMES.values()], rows),
        markdown(["accuracy of target words", *shots], by_shot),
    ]
    report(options, "peers", results, tables, draw(results))


def draw(results: dict) -> Figure:
    """Regret over steps and over seconds, and excess over the optimum by shot."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    steps, seconds, shots = figure.subplots(1, 3)
    for name, run in results.items():
        peer, seed = name.split()
        style = {"color": PEERS[peer], "lw": 1.3, "alpha": 0.8, "label": peer if seed == "0" else None}
        regret = [line["target_regret"] for line in run["evaluations"]] + [run["target_regret"]]
        at = [line["step"] for line in run["evaluations"]] + [run["steps"]]
        when = [line["seconds"] for line in run["evaluations"]] + [run["timing"]["train_seconds"]]
        steps.plot(at, regret, **style)
        seconds.plot(when, regret, **style)
        numbers = np.arange(1, len(run["nll_by_shot"]) + 1)
        excess = np.maximum(run["excess_nll_by_shot"], 1e-5)
        shots.plot(numbers, excess, marker="o", ms=3, **style)
    for axes, label in ((steps, "training step"), (seconds, "seconds of training")):
        axes.set(xlabel=label, ylabel="target regret, nats")
    shots.set(xlabel="shot", ylabel="nats above the Bayes optimum, at the end")
    for axes in (steps, seconds, shots):
        plain_log(axes, "y")
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
