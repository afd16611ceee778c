"""What the studies share: runs of train.py that are made once, results as JSON, and their tables in RESULTS.md."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.pop("OMP_NUM_THREADS", None)  # read by torch at import

from transformers import PreTrainedModel

from metatrans_lab.models.load import load_model

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "studies" / "results"
BLUE, ORANGE, GREY = "#2f6db3", "#d9730d", "#777777"

FRESH = 1000
"""The seed of episodes that training never saw, of lexicons that it did."""


def read_arguments(
    arguments: list[str],
    description: str,
    config: str = "optimum",
    lists: dict[str, tuple[int, ...]] | None = None,
    **defaults: int,
) -> argparse.Namespace:
    """The options of every study: numbers with their defaults, the folder of the runs, and that of the results."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"{value} if not given")
    for name, values in (lists or {}).items():
        parser.add_argument(f"--{name}", type=int, nargs="+", default=values, help=f"{values} if not given")
    parser.set_defaults(config=config)
    parser.add_argument("--runs", type=Path, default=ROOT / "outputs", help="folder of the trained runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON and the figures")
    parser.add_argument("--page", type=Path, default=ROOT / "RESULTS.md", help="file that gets the tables")
    return parser.parse_args(arguments)


def trained(
    options: argparse.Namespace, name: str, *overrides: str, config: str | None = None
) -> tuple[PreTrainedModel, dict]:
    """The model of a run and its results.json; the run is made first if its folder isn't there yet.

    Args:
        config: of the run, if it isn't the study's.

    Raises:
        SystemExit: train.py failed; it has said why.
    """
    folder = options.runs / name
    if not (folder / "results.json").is_file():
        recipe = ROOT / "configs" / f"{config or options.config}.yaml"
        command = [sys.executable, str(ROOT / "train.py"), "--config", str(recipe), "--output_dir", str(folder)]
        print(f"training {name}", flush=True)
        done = subprocess.run([*command, "--overwrite", "true", *overrides], stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            sys.exit(done.returncode)
    return load_model(str(folder)), json.loads((folder / "results.json").read_text())


def evaluations(options: argparse.Namespace, name: str) -> list[dict]:
    """The lines of a run's log that are evaluations on held-out languages."""
    lines = map(json.loads, (options.runs / name / "log.jsonl").read_text().splitlines())
    return [line for line in lines if "eval_loss" in line]


def first_at(lines: list[dict], accuracy: float, key: str):
    """The step (or the seconds) of the first of a run's evaluations with that determined accuracy; – if none has."""
    there = [line[key] for line in lines if line["determined_accuracy"] >= accuracy]
    return there[0] if there else "–"


def markdown(columns: list[str], rows: list[list]) -> str:
    """A table; numbers are written with as many digits as tell."""
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join(['---', *['--:'] * (len(columns) - 1)])}|"]
    return "\n".join(lines + [f"| {' | '.join(map(_text, row))} |" for row in rows])


def with_interval(figures: dict, key: str) -> str:
    """One of `evaluate`'s figures, and half the width of its 95% interval."""
    low, high = figures["intervals"][key]
    return f"{figures[key]:.5f} ({(high - low) / 2:.5f})"


def spread(values) -> str:
    """Of several seeds: the mean, the least and the greatest."""
    return f"{sum(values) / len(values):.5f} ({min(values):.5f}…{max(values):.5f})"


def _text(value) -> str:
    if isinstance(value, float):
        return f"{value:.5f}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)


def plain_log(axes, *which: str) -> None:
    """Logarithmic axes whose labels are plain numbers, in the fonts that are there."""
    for name in which:
        getattr(axes, f"set_{name}scale")("log")
        axis = getattr(axes, f"{name}axis")
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(lambda *_: "")


def report(options: argparse.Namespace, name: str, results: dict, tables: list[str], figure=None) -> None:
    """Writes NAME.json and NAME.png, and prints the tables; the page gets them between the marks of that name."""
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    text = "\n\n".join(tables)
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, rest = options.page.read_text().split(begin)
    options.page.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}")
    if figure is not None:
        figure.savefig(options.results / f"{name}.png", format="png", dpi=110, metadata={"Software": None})
    print(text)
