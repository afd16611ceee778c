"""A benchmark's command-line options, and its figures on the terminal and as JSON."""

import argparse
import json
from pathlib import Path

import torch

from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.goals import texts

RESULTS = ROOT / "benchmarks" / "results"


def argument_parser(description: str, rounds: int) -> argparse.ArgumentParser:
    """The options of every benchmark.

    Args:
        description: the script's docstring.
        rounds: the default number of rounds.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=int, help=f"turns of every contestant, {rounds} if not given")
    parser.add_argument(
        "--quick", action="store_true", help="a tiny run, which shows that it works and measures nothing"
    )
    parser.add_argument("--output", type=Path, help="folder of the JSON; a quick run writes none unless it is told")
    parser.set_defaults(usual_rounds=rounds)
    return parser


def complete(options: argparse.Namespace) -> argparse.Namespace:
    """The options, with those that were left out set to their defaults."""
    usual_rounds = vars(options).pop("usual_rounds")
    options.rounds = options.rounds or (1 if options.quick else usual_rounds)
    options.output = options.output or (None if options.quick else RESULTS)
    return options


def read_arguments(arguments: list[str], description: str, rounds: int) -> argparse.Namespace:
    """The options of a benchmark that has no others than all have."""
    return complete(argument_parser(description, rounds).parse_args(arguments))


def report(name: str, options: argparse.Namespace, figures: list[dict], results: dict) -> None:
    """Prints the figures and writes OUTPUT/NAME.json: the machine, the figures, and all measurements.

    Args:
        figures: as of `goals.figure`.
        results: plain values; every measurement.
    """
    # Imported late: a `Worker` that measures a peer imports this module, and must not load our data and models.
    from metatrans_lab.report.provenance import describe_device, versions

    print(f"\n{'':<84} {'median':>10} {'min…max':>16}   bar, moonshot")
    for row in figures:
        median, spread, *goals = texts(row)
        reached = f"   reached: {row['reached']}" if row["reached"] else ""
        print(f"{row['what']:<84} {median:>10} {spread:>16}   {', '.join(filter(None, goals))}{reached}")
    if options.output is None:
        return
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    settings = {key: value for key, value in vars(options).items() if key != "output"}
    about = {"benchmark": name, "machine": describe_device(device), "versions": versions(), "options": settings}
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"{name}.json"
    path.write_text(json.dumps(about | {"figures": figures, "results": results}, indent=1) + "\n")
