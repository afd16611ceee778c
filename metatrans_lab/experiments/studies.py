"""A study's options, and what it leaves: JSON, a picture, and its tables on a page."""

import argparse
import json
from pathlib import Path

from matplotlib.figure import Figure

from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.pages import fill

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
    parser.add_argument(
        "--results", type=Path, default=ROOT / "studies" / "results", help="folder of the JSON and the figures"
    )
    parser.add_argument("--page", type=Path, default=ROOT / "RESULTS.md", help="file that gets the tables")
    return parser.parse_args(arguments)


def report(options: argparse.Namespace, name: str, results: dict, tables: list[str], figure: Figure) -> None:
    """Writes NAME.json and NAME.png, and prints the tables; the page gets them between the marks of that name."""
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    figure.savefig(options.results / f"{name}.png", format="png", dpi=110, metadata={"Software": None})
    text = "\n\n".join(tables)
    print(text)
    fill(options.page, name, text)
