"""Time to the optimum: of the default recipe, from several seeds; and the steps it takes to learn larger alphabets.

    python benchmarks/time_to_optimum.py [--rounds 5] [--quick] [--output DIR] [--any_key_of_train.py value …]
    python benchmarks/time_to_optimum.py --words 6 8 12 [--rounds 1] [--num_steps 4000] …

A round is a seed: 0, 1, … Without --words: the figures in results.json of whole runs of configs/cpu.yaml and, in turn
with it, of configs/lstm.yaml. With it: the default recipe for L = R = that many words, and the first step of the last
stage at which the running accuracy on determined tokens (the mean of the last five lines of log.jsonl, one every five
steps) passes 0.9 and 0.99.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import yaml

from metatrans_lab.config.yaml_files import read_file
from metatrans_lab.experiments.benchmarks import argument_parser, complete, report
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.goals import figure
from metatrans_lab.experiments.recipes import scale_recipe
from metatrans_lab.experiments.runs import read_log, run_training
from metatrans_lab.experiments.timing import in_turn, ratios

ACCURACY, REGRET = 0.999, 0.01
RUNNING = 5
PASSED = (0.9, 0.99)


def run_seed(config: str, seed: int, overrides: list[str]) -> dict:
    """Runs a seed; gives figures of its results.json, and its log's lines about training."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--config", config, "--seed", str(seed), "--name", f"bench-{seed}", *overrides]
        run = run_training(Path(folder), arguments)
        results = json.loads((run / "results.json").read_text())
        log = read_log(run)
    names = ("determined_accuracy", "target_regret", "steps")
    return {"seed": seed, "train_seconds": results["timing"]["train_seconds"], "log": log} | {
        name: results[name] for name in names
    }


def measure_recipes(configs: dict[str, str], rounds: int, overrides: list[str]) -> tuple[dict, list[dict]]:
    """Each seed's figures by the recipe's name, and the benchmark's.

    Args:
        configs: the recipes' files by their names, the default's first.
    """

    def next_run(name: str, seeds: Iterator[int]) -> dict:
        run = run_seed(configs[name], next(seeds), overrides)
        del run["log"]
        print(
            f"{name}, seed {run['seed']}: {run['train_seconds']:.1f} s, {run['steps']} steps, "
            f"determined accuracy {run['determined_accuracy']:.5f}, target regret {run['target_regret']:.5f}",
            flush=True,
        )
        return run

    results = in_turn({name: partial(next_run, name, iter(range(rounds))) for name in configs}, rounds)
    seconds = {name: [run["train_seconds"] for run in runs] for name, runs in results.items()}
    default, *others = results
    figures = [figure(f"train_seconds of {default}", seconds[default], 25, 10, "s", lower=True)]
    figures += [figure(f"train_seconds of {name}", seconds[name], unit="s", lower=True) for name in others]
    figures += [
        figure(f"train_seconds: {name} ÷ {default}", ratios(seconds[name], seconds[default])) for name in others
    ]
    for name, runs in results.items():
        there = [run["determined_accuracy"] >= ACCURACY and run["target_regret"] <= REGRET for run in runs]
        figures += [
            figure(f"determined_accuracy, {name}", [run["determined_accuracy"] for run in runs], ACCURACY),
            figure(f"target_regret, {name}", [run["target_regret"] for run in runs], REGRET, lower=True),
            figure(f"share of seeds that get to both, {name}", [100 * statistics.mean(there)], 100, unit="%"),
        ]
    return results, figures


def first_step_at(log: list[dict], accuracy: float) -> int | None:
    """The first step of the last stage at which the running accuracy is at least this; None: there is none."""
    last_stage = [line for line in log if line["stage"] == log[-1]["stage"]]
    for end in range(RUNNING, len(last_stage) + 1):
        if statistics.mean(line["determined_accuracy"] for line in last_stage[end - RUNNING : end]) >= accuracy:
            return last_stage[end - 1]["step"]
    return None


def measure_words(config: str, words: list[int], seeds: range, overrides: list[str]) -> tuple[dict, list[dict]]:
    """Each seed's figures by number of words, and the benchmark's."""
    recipe = read_file(Path(config))
    results, figures = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for number in words:
            path = Path(folder) / f"{number}.yaml"
            path.write_text(yaml.safe_dump(scale_recipe(recipe, number)))
            runs = [run_seed(str(path), seed, ["--log_every", "5", *overrides]) for seed in seeds]
            for run in runs:
                log = run.pop("log")
                run |= {f"step_at_{accuracy}": first_step_at(log, accuracy) for accuracy in PASSED}
                run["last_stage"] = log[-1]["stage"] + 1
                print(f"L=R={number}:", ", ".join(f"{name} {value}" for name, value in run.items()), flush=True)
            results[f"{number} words"] = runs
            for accuracy in PASSED:
                steps = [run[f"step_at_{accuracy}"] for run in runs]
                if None not in steps:
                    figures.append(
                        figure(f"step at which accuracy passes {accuracy}, L=R={number}", steps, lower=True)
                    )
            figures.append(
                figure(f"determined_accuracy it ends at, L=R={number}", [run["determined_accuracy"] for run in runs])
            )
    return results, figures


def main(arguments: list[str]) -> None:
    parser = argument_parser(__doc__, rounds=5)
    parser.add_argument("--words", type=int, nargs="+", metavar="L", help="numbers of words of the alphabets")
    options, overrides = parser.parse_known_args(arguments)  # what isn't ours is train.py's
    complete(options).overrides = overrides
    folder = ROOT / "configs"
    config = str(folder / ("tiny.yaml" if options.quick else "cpu.yaml"))
    if options.words:
        results, figures = measure_words(config, options.words, range(options.rounds), overrides)
        report("words", options, figures, results)
    else:
        before = str(folder / ("tiny.yaml" if options.quick else "lstm.yaml"))
        configs = {"the default recipe": config, "two LSTM layers": before}
        results, figures = measure_recipes(configs, options.rounds, overrides)
        report("time_to_optimum", options, figures, results)


if __name__ == "__main__":
    main(sys.argv[1:])
