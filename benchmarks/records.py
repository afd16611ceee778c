"""The record table of the recipe of two LSTM layers: what each change gained, and variants that were rejected.

    python benchmarks/records.py [--rounds 2] [--rows NAME …] [--quick] [--output DIR]

Every row runs today's code on configs/lstm.yaml with some changes, from several seeds (a round is a seed: 0, 1, …).
Configs and logs go into OUTPUT/records. `report.py` writes the table.
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

DEFAULT = ROOT / "configs" / "lstm.yaml"
MEASURES = {
    "train_seconds": lambda results: results["timing"]["train_seconds"],
    "determined_accuracy": lambda results: results["determined_accuracy"],
    "target_regret": lambda results: results["target_regret"],
    "ragged_exact_match": lambda results: results["ragged_exact_match"],
}


def rows_of(recipe: dict) -> dict[str, tuple[str, dict]]:
    """The rows by name: what is changed, in words, and the overrides of train.py that change it.

    Args:
        recipe: that recipe.
    """
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
    return row.replace(" ", "-")


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
    config, rows = str(DEFAULT), rows_of(read_file(DEFAULT))
    parser.add_argument("--rows", nargs="+", choices=rows, default=list(rows), metavar="NAME", help=", ".join(rows))
    options = complete(parser.parse_args(arguments))
    rows = {row: rows[row] for row in options.rows}
    if options.quick:
        config, rows = str(ROOT / "configs" / "tiny.yaml"), {"tiny": ("tiny", {"num_steps": 20})}
    logs = None if options.output is None else options.output / "records"
    results, figures = {}, []
    for row, (why, overrides) in rows.items():
        measures = measure_row(row, overrides, range(options.rounds), config, logs)
        results[row] = {"why": why, "overrides": overrides, "measures": measures}
        figures.append(figure(f"train_seconds: {row}", measures["train_seconds"], unit="s", lower=True))
    report("records", options, figures, results)


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
