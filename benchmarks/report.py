"""The tables in README.md and the picture results/benchmarks.png, from the JSON files of results/.

python benchmarks/report.py [--results DIR] [--readme FILE]
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from records import RECIPES
from records import table as record_table

from metatrans_lab.experiments.benchmarks import RESULTS
from metatrans_lab.experiments.goals import texts
from metatrans_lab.experiments.pages import fill

BENCHMARKS = (
    "data",
    "predictor",
    "training",
    "generation",
    "distributed",
    "step_profile",
    "time_to_optimum",
    "words",
    "architectures",
    "startup",
    "puzzles",
    "export",
    "demo",
    "page",
    "gpu",
)
OURS, PEER, BARE = "#2f6db3", "#d9730d", "#999999"
GROUP_COLOURS = ("#59a14f", "#2f6db3", "#76b7b2", "#edc948", "#d9730d", "#bbbbbb")


def table(results: dict[str, dict]) -> str:
    """Every benchmark's figures, in Markdown."""
    if not results:
        return "Nothing has been measured yet: `make bench`."
    lines = ["| | median | min…max | bar | moonshot | reached |", "|---|--:|--:|--:|--:|---|"]
    for name, result in results.items():
        quick = ", a quick run, which measures nothing" if result["options"]["quick"] else ""
        lines.append(f"| **[{name}](results/{name}.json)**{quick} | | | | | |")
        lines += [f"| {' | '.join([row['what'], *texts(row), row['reached'] or ''])} |" for row in result["figures"]]
    machines = sorted({result["machine"] for result in results.values()})
    torch = sorted({result["versions"]["torch"] for result in results.values()})
    return "\n".join([*lines, "", f"Machine: {'; '.join(machines)}. torch {', '.join(torch)}."])


def plot(path: Path, results: dict[str, dict]) -> None:
    """Training and generation side by side with the peers, and where a step's time goes."""
    panels = {"training": plot_training, "generation": plot_generation, "step_profile": plot_profile}
    panels = {name: draw for name, draw in panels.items() if name in results}
    if not panels:
        return
    figure = Figure(figsize=(5.2 * len(panels), 4.4), layout="constrained")
    for axes, (name, draw) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        draw(axes, results[name]["results"])
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png", dpi=130)


def plot_training(axes: Axes, results: dict) -> None:
    """The milliseconds of a training step, by shape and contestant."""
    shapes = {}
    for title, contestants in results.items():
        shapes[title] = {name: statistics.median(values["seconds_a_step"]) for name, values in contestants.items()}
    _grouped_bars(axes, shapes)
    axes.set(title="a training step", xlabel="milliseconds")


def plot_generation(axes: Axes, results: dict) -> None:
    """The milliseconds of a generated token, by size and contestant."""
    sizes = {}
    for title, measures in results.items():
        times = measures["seconds_a_token"]["batch 1"]
        sizes[title] = {name: statistics.median(seconds) for name, seconds in times.items()}
    _grouped_bars(axes, sizes)
    axes.set(title="a generated token, batch 1", xlabel="milliseconds")


def _grouped_bars(axes: Axes, groups: dict[str, dict[str, float]]) -> None:
    """Horizontal bars in groups, each with its name and its milliseconds, on a logarithmic axis.

    Args:
        groups: seconds by the groups' titles and the bars' names.
    """
    labels, values, ticks = [], [], []
    for title, seconds in groups.items():
        labels += [f"{title}:", *seconds]
        values += [None, *(1e3 * value for value in seconds.values())]
    for place, (label, value) in enumerate(zip(labels, values, strict=True)):
        ticks.append(label)
        if value is not None:
            colour = OURS if label.startswith("ours") else BARE if label.startswith("bare") else PEER
            axes.barh(place, value, color=colour)
            axes.annotate(f" {value:.3g}", (value, place), va="center", fontsize=8)
    axes.set_yticks(range(len(ticks)), ticks, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12)


def plot_profile(axes: Axes, results: dict) -> None:
    """The shares of a step's time, a stacked bar for each shape."""
    left = [0.0] * len(results)
    names = [group for group in next(iter(results.values())) if group != "whole"]
    for group, colour in zip(names, GROUP_COLOURS, strict=True):
        shares = []
        for seconds in results.values():
            medians = {name: statistics.median(seconds[name]) for name in names}
            shares.append(100 * medians[group] / sum(medians.values()))
        axes.barh(list(results), shares, left=left, color=colour, label=group, height=0.5)
        left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.invert_yaxis()
    axes.set(title="where a step's time goes", xlabel="per cent", xlim=(0, 100))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, fontsize=8, frameon=False)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON files and the picture")
    parser.add_argument("--readme", type=Path, default=RESULTS.parent / "README.md", help="file that gets the tables")
    options = parser.parse_args(arguments)
    paths = {name: options.results / f"{name}.json" for name in BENCHMARKS}
    results = {name: json.loads(path.read_text()) for name, path in paths.items() if path.is_file()}
    fill(options.readme, "figures", table(results))
    for name in RECIPES.values():
        records = options.results / f"{name}.json"
        if records.is_file():
            fill(options.readme, name, record_table(json.loads(records.read_text())))
    plot(options.results / "benchmarks.png", results)
    print(f"{options.readme} and {options.results / 'benchmarks.png'}: {', '.join(results) or 'no results yet'}")


if __name__ == "__main__":
    main(sys.argv[1:])
