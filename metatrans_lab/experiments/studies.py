"""A study's command-line options, and its results: JSON, a picture, and tables on a page."""

import argparse
import json
from pathlib import Path

from matplotlib.figure import Figure

from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.pages import fill

FRESH = 1000
"""The seed of new episodes, for evaluation on the lexicons that training used."""


def read_arguments(
    arguments: list[str],
    description: str,
    config: str = "optimum",
    lists: dict[str, tuple[int, ...]] | None = None,
    names: dict[str, tuple[str, ...]] | None = None,
    **defaults: int,
) -> argparse.Namespace:
    """The options of a study: its own numbers, and the folders of the runs and of the results, which all have.

    Args:
        description: the script's docstring.
        config: name of the file of configs/ that the study trains.
        lists: options that take several numbers, and their defaults.
        names: options that take some of these names, and take all by default.
        defaults: options that take one number, and their defaults.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"{value} if not given")
    for name, values in (lists or {}).items():
        parser.add_argument(f"--{name}", type=int, nargs="*", default=values, help=f"{values} if not given")
    for name, choices in (names or {}).items():
        parser.add_argument(f"--{name}", nargs="+", choices=choices, default=choices, help="all if not given")
    parser.set_defaults(config=config)
    parser.add_argument("--runs", type=Path, default=ROOT / "outputs", help="folder of the trained runs")
    parser.add_argument(
        "--results", type=Path, default=ROOT / "studies" / "results", help="folder of the JSON and the figures"
    )
    parser.add_argument("--page", type=Path, default=ROOT / "RESULTS.md", help="file that gets the tables")
    return parser.parse_args(arguments)


def report(options: argparse.Namespace, name: str, results: dict, tables: list[str], figure: Figure) -> None:
    """Writes NAME.json and NAME.png, prints the tables, and puts them between the page's marks of that name."""
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    figure.savefig(options.results / f"{name}.png", format="png", dpi=110, metadata={"Software": None})
    text = "\n\n".join(tables)
    print(text)
    fill(options.page, name, text)
