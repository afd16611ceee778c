"""The record tables: what each change gained, and variants that were rejected.

    python benchmarks/records.py [--recipe cpu|lstm] [--rounds 2] [--rows NAME …] [--quick] [--output DIR]

Every row runs today's code on the default recipe, or on that of two LSTM layers, with some changes, from several seeds
(a round is a seed: 0, 1, …). Of rows that aren't asked for, the earlier results are kept. Configs and logs go into
OUTPUT/records. `report.py` writes the tables.
"""

import json
import os
import re
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

from metatrans_lab.config.yaml_files import read_file
from metatrans_lab.experiments.benchmarks import argument_parser, complete, report
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.goals import figure
from metatrans_lab.experiments.pages import markdown
from metatrans_lab.experiments.recipes import all_or_some, with_last_stage
from metatrans_lab.experiments.runs import run_training

CONFIGS = ROOT / "configs"
RECIPES = {"cpu": "records", "lstm": "records_lstm"}
"""By the name of its file in configs/: the name of the recipe's JSON, and of its table."""

MEASURES = {
    "train_seconds": lambda results: results["timing"]["train_seconds"],
    "determined_accuracy": lambda results: results["determined_accuracy"],
    "target_regret": lambda results: results["target_regret"],
    "ragged_exact_match": lambda results: results["ragged_exact_match"],
}


Rows = dict[str, tuple[str, dict]]
"""By name: what is changed, in words, and the overrides of train.py that change it."""


def rows_of(name: str) -> Rows:
    """The rows of a recipe of RECIPES."""
    recipe = read_file(CONFIGS / f"{name}.yaml")
    return rows_of_lstm(recipe) if name == "lstm" else rows_of_default(recipe)


def rows_of_default(recipe: dict) -> Rows:
    """The rows of configs/cpu.yaml."""
    last = recipe["curriculum"][-1]["languages"]
    soft = {"soft_labels": "true"}
    return {
        "memory": ("**the recipe**: an LSTM and two matrix memories", {}),
        "memory, 200 steps": ("two thirds of the steps", {"num_steps": 200, "decay_steps": 100}),
        "memory, AdamW": ("AdamW at 3e-3 in place of Muon", {"optimizer": "adamw", "learning_rate": 3e-3}),
        "memory, 3 iterations": (
            "updates orthogonalised by 3 Newton–Schulz iterations, not 5",
            {"muon_iterations": 3},
        ),
        "memory, decay to a power": (
            "the last 220 steps' rates fall as the 1.5th power",
            {"decay_steps": 220, "decay_power": 1.5},
        ),
        "memory, average": ("the mean of the last 30 steps' weights", {"average_steps": 30}),
        "memory, longer average": (
            "the mean of the last 60 steps' weights, at rates that fall as the square root",
            {"average_steps": 60, "decay_power": 0.5},
        ),
        "memory, batch 32": ("half the episodes a step", {"batch_size": 32}),
        "memory, no curriculum": (
            "the last stage alone, from the start",
            {"curriculum": json.dumps([{"languages": last}])},
        ),
        "memory, no offsets": ("places that always begin at 0", {"model.max_place_offset": 0}),
        "memory, float32": ("without bf16", {"mixed_precision": "no"}),
        "memory, soft labels": ("soft labels", soft),
        "memory, soft labels, 160 steps": ("and half the steps", soft | {"num_steps": 160, "decay_steps": 80}),
    }


def rows_of_lstm(recipe: dict) -> Rows:
    """The rows of configs/lstm.yaml."""
    ragged = all_or_some(recipe["language"]["num_source_words"], sentence_length=[1, 5])
    before = with_last_stage(recipe, [{}, *ragged])["curriculum"]
    twelve = {"num_steps": 1200, "decay_steps": 300, "curriculum": json.dumps(before)}
    return {
        "AdamW": ("AdamW at 3e-3 in place of Muon", twelve | {"optimizer": "adamw", "learning_rate": 3e-3}),
        "Muon": ("Muon for the gates' matrices: it doesn't rest on the plateaus", twelve),
        "900 steps": (
            "**the recipe**: a shorter and later decay; long sentences, where the last mistakes were, in the last "
            "stage",
            {},
        ),
        "800 steps": ("still there, with less to spare", {"num_steps": 800, "decay_steps": 160}),
        "no curriculum": (
            "the last stage alone, from the start",
            {"curriculum": json.dumps([{"languages": [{}, {}, *ragged]}])},
        ),
        "all tokens": ("source words in the loss, as in the post", {"loss_on": "all"}),
        "one layer": ("one layer of 256", {"model.num_hidden_layers": 1}),
        "batch 32": ("half the episodes a step", {"batch_size": 32}),
        "float32": ("without bf16", {"mixed_precision": "no"}),
    }


def file_name(row: str) -> str:
    """How the names of a row's files in OUTPUT/records begin; without blanks, as the table links to them."""
    return row.replace(",", "").replace(" ", "-")


def measure_row(row: str, overrides: dict, seeds: range, config: str, logs: Path | None) -> dict[str, list[float]]:
    """The MEASURES of each seed's run; its log and config are copied into the folder `logs`."""
    arguments = [word for key, value in overrides.items() for word in (f"--{key}", str(value))]
    measures: dict[str, list[float]] = {name: [] for name in MEASURES}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            run = run_training(Path(folder), ["--config", config, "--seed", str(seed), *arguments])
            results = json.loads((run / "results.json").read_text())
            for name, measure in MEASURES.items():
                measures[name].append(measure(results))
            if logs is not None:
                logs.mkdir(parents=True, exist_ok=True)
                shutil.copy(run / "log.jsonl", logs / f"{file_name(row)}-{seed}.jsonl")
                config_text = (run / "training_config.yaml").read_text()
                # It ran in a temporary folder.
                config_text = re.sub(r"(?m)^output_dir: .*$", "output_dir: null", config_text)
                (logs / f"{file_name(row)}.yaml").write_text(config_text)
        values = ", ".join(f"{name} {values[-1]:.5g}" for name, values in measures.items())
        print(f"{row}, seed {seed}: {values}", flush=True)
    return measures


def main(arguments: list[str]) -> None:
    parser = argument_parser(__doc__, rounds=2)
    parser.add_argument("--recipe", choices=RECIPES, default="cpu", help="the name of its file in configs/")
    parser.add_argument("--rows", nargs="+", metavar="NAME", help="of the table; all if not given")
    options = complete(parser.parse_args(arguments))
    config, rows, name = str(CONFIGS / f"{options.recipe}.yaml"), rows_of(options.recipe), RECIPES[options.recipe]
    for row in options.rows or ():
        if row not in rows:
            parser.error(f"there is no row {row!r}; there are: {'; '.join(rows)}")
    asked, logs = options.rows or [*rows], None
    results: dict[str, dict] = {}
    if options.output is not None:
        logs, earlier = options.output / "records", options.output / f"{name}.json"
        if len(asked) < len(rows) and earlier.exists():
            results = json.loads(earlier.read_text())["results"]
    if options.quick:
        config, rows, asked = str(CONFIGS / "tiny.yaml"), {"tiny": ("tiny", {"num_steps": 20})}, ["tiny"]
    for row in asked:
        why, overrides = rows[row]
        measures = measure_row(row, overrides, range(options.rounds), config, logs)
        results[row] = {"why": why, "overrides": overrides, "measures": measures}
    results = {row: results[row] for row in rows if row in results}  # in the table's order
    figures = [
        figure(f"train_seconds: {row}", of["measures"]["train_seconds"], unit="s", lower=True)
        for row, of in results.items()
    ]
    report(name, options, figures, results)


def table(results: dict) -> str:
    """The table in Markdown: of seconds the median of the seeds, of other measures the worst."""
    columns = ["recipe", "seconds", "determined accuracy, worst", "regret, worst", "prompts as typed", "what changed"]
    lines = []
    for row, result in results["results"].items():
        measures = result["measures"]
        seconds = statistics.median(measures["train_seconds"])
        accuracy, regret = min(measures["determined_accuracy"]), max(measures["target_regret"])
        typed = min(measures["ragged_exact_match"])
        link = f"[{row}](results/records/{file_name(row)}.yaml)"
        lines.append([link, f"{seconds:.1f}", f"{accuracy:.5f}", f"{regret:.4f}", f"{typed:.3f}", result["why"]])
    seeds = results["options"]["rounds"]
    written = markdown(columns, lines, words=("what changed",))
    return f"{written}\n\n{seeds} seeds a row; their logs are in `results/records`."


if __name__ == "__main__":
    main(sys.argv[1:])
