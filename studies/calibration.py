"""Does a model lean on the lexicons that it was trained on? Labels, every lexicon, and soft labels.

    python studies/calibration.py [--seeds 3] [--steps 300 …] [--episodes 4096]

Trains the default recipe three ways, and measures one reading of each episode in lexicons that the default never saw:

- labels: the word that came, as everywhere; a tenth of the lexicons is held out.
- every lexicon: no lexicon is held out. So it is for whoever renames the target words of each row of a batch at
  random: renamed, a lexicon of training may be any.
- soft labels: the exact predictor's distribution of each word, which knows no lexicon; a tenth is held out.
"""

import os
import sys

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import numpy as np
from matplotlib.figure import Figure

from dataset_script import LanguageConfig
from metatrans_lab.evaluation import evaluate
from metatrans_lab.experiments.cached import trained
from metatrans_lab.experiments.drawing import BLUE, GREY, ORANGE, plain_log
from metatrans_lab.experiments.pages import markdown, spread
from metatrans_lab.experiments.runs import read_evaluations
from metatrans_lab.experiments.studies import read_arguments, report

WAYS: dict[str, tuple[str, ...]] = {
    "labels": (),
    "every lexicon": ("--language.held_out_languages", "0"),
    "soft labels": ("--soft_labels", "true"),
}
DECAY = 0.5
"""The share of the steps in which the rates fall."""

KEYS = ("determined_accuracy", "target_regret", "undetermined_regret")
ERRORS = {"expected_calibration_error": "calibration error of the first choice", "probability_error": "of all"}
BINDINGS = 8


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, lists={"steps": (300,)}, config="cpu", seeds=3, episodes=4096)
    held_out = 0.0
    results: dict[str, dict] = {}
    rows = []
    for steps in options.steps:
        for way, overrides in WAYS.items():
            runs: list[dict] = []
            for seed in range(options.seeds):
                name = f"calibration-{steps}-{way.replace(' ', '-')}-{seed}"
                schedule = ("--num_steps", str(steps), "--decay_steps", str(round(DECAY * steps)))
                every = ("--eval_every", "20", "--eval_episodes", "128")
                model, run = trained(options, name, "--seed", str(seed), *schedule, *every, *overrides)
                knobs = run["config"]["language"]
                held_out = knobs["held_out_languages"] or held_out  # where nothing is held out, what was elsewhere
                language = LanguageConfig(**knobs | {"held_out_languages": held_out, "seed": seed})
                figures = {}
                for bindings in (0, BINDINGS):
                    of = evaluate(model, language, "test", options.episodes, exact_match=False, num_bindings=bindings)
                    figures[str(bindings)] = {key: of[key] for key in KEYS} | {
                        key: of["reliability"][key] for key in ERRORS
                    }
                lines = [
                    {key: line[key] for key in ("step", "target_regret")}
                    for line in read_evaluations(options.runs / name)
                ]
                runs.append(figures | {"evaluations": lines})
            results[f"{way}, {steps} steps"] = {"runs": runs}
            row = [way, steps]
            row += [spread([run["0"][key] for run in runs]) for key in (*KEYS, *ERRORS)]
            rows.append([*row, spread([run[str(BINDINGS)]["expected_calibration_error"] for run in runs])])
    columns = ["training", "steps", *(key.replace("_", " ") for key in KEYS), *ERRORS.values()]
    table = markdown([*columns, f"of the first, {BINDINGS} bindings"], rows)
    report(options, "calibration", results, [table], draw(results))


def draw(results: dict) -> Figure:
    """Regret by step of each way's first seed, and each way's calibration error."""
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    colours = dict(zip(WAYS, (GREY, BLUE, ORANGE), strict=True))
    for name, result in results.items():
        way = name.split(", ")[0]
        lines = result["runs"][0]["evaluations"]
        steps, regrets = ([line[key] for line in lines] for key in ("step", "target_regret"))
        left.plot(steps, regrets, color=colours[way], lw=1.2, label=name)
    left.set(xlabel="training step", ylabel="target regret, nats")
    plain_log(left, "y")
    left.legend(fontsize=7)
    names = [*results]
    errors = [[run["0"]["expected_calibration_error"] for run in results[name]["runs"]] for name in names]
    colour = [colours[name.split(", ")[0]] for name in names]
    right.barh(names, [float(np.mean(error)) for error in errors], color=colour)
    right.invert_yaxis()
    right.set(xlabel="calibration error of one reading, unseen lexicons")
    for axes in (left, right):
        axes.grid(alpha=0.25)
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
