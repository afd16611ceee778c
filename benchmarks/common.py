"""What the benchmarks share: contestants in turn, processes of their own, and figures as a table and as JSON.

Contestants are measured round by round, each for a short turn, so that a busy moment of the machine falls on all of
them; a ratio is the median of the rounds' ratios. All of it on all cores, whatever OMP_NUM_THREADS says.
"""

import argparse
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from unittest import mock

os.environ.pop("OMP_NUM_THREADS", None)  # read by torch at import

import torch

ENVIRONMENT = dict(os.environ)
"""The environment before train.py adds to it, which is what others train in."""

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def argument_parser(description: str, rounds: int) -> argparse.ArgumentParser:
    """The options of every benchmark.

    Args:
        description: the script's docstring.
        rounds: how many it takes if it isn't told.
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
    """What was left out of the options."""
    usual_rounds = vars(options).pop("usual_rounds")
    options.rounds = options.rounds or (1 if options.quick else usual_rounds)
    options.output = options.output or (None if options.quick else RESULTS)
    return options


def read_arguments(arguments: list[str], description: str, rounds: int) -> argparse.Namespace:
    return complete(argument_parser(description, rounds).parse_args(arguments))


def in_turn(contestants: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Every contestant's measure in each of the rounds."""
    measures = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            measures[name].append(contestant())
    return measures


def seconds_a_call(function: Callable[[], object], calls: int) -> float:
    """Seconds a call of a function, which returns when its work is done, on a GPU too."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def turn(seconds_a_call: Callable[[int], float], seconds: float) -> Callable[[], float]:
    """A contestant's turn: as many calls as take about so many seconds, going by one; gives the seconds of a call.

    Args:
        seconds_a_call: makes so many calls and says how long one takes.
    """
    calls = max(1, round(seconds / seconds_a_call(1)))
    return lambda: seconds_a_call(calls)


def ratios(over: list[float], under: list[float]) -> list[float]:
    """Round by round."""
    return [a / b for a, b in zip(over, under, strict=True)]


def figure(
    what: str, rounds: list[float], bar: float | None = None, moonshot: float | None = None, unit="", lower=False
) -> dict:
    """One number to reach, as "Numbers to reach" words it.

    Args:
        rounds: its value in each round.
        bar, moonshot: what it must reach, and what it would be grand to reach.
        lower: whether less is better.
    """
    median = statistics.median(rounds)
    goals = {"bar": bar, "moonshot": moonshot}
    reached = "no" if bar is not None else None
    for name, goal in goals.items():
        if goal is not None and (median <= goal if lower else median >= goal):
            reached = name
    spread = {"median": median, "min": min(rounds), "max": max(rounds), "rounds": rounds}
    return (
        {"what": what, "unit": unit} | spread | {"bar": bar, "moonshot": moonshot, "lower": lower, "reached": reached}
    )


def texts(row: dict) -> tuple[str, str, str, str]:
    """A figure in words: its median, its spread, the bar and the moonshot."""
    unit = f" {row['unit']}" if row["unit"] else ""
    goals = [row["bar"], row["moonshot"]]
    bar, moonshot = ["" if goal is None else f"{'≤' if row['lower'] else '≥'} {goal:g}{unit}" for goal in goals]
    return _number(row["median"]) + unit, f"{_number(row['min'])}…{_number(row['max'])}", bar, moonshot


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"


def report(name: str, options: argparse.Namespace, figures: list[dict], results: dict) -> None:
    """Prints the figures and writes OUTPUT/NAME.json: the machine, the figures, and all that was measured."""
    # Ours is imported late, so that the peers' processes stay without it.
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


class Worker:
    """A contestant in a process of its own: nobody else shares its threads, its environment or its memory.

    Args:
        make: called there with the arguments; returns the function that is measured.
        environment: the process's.
    """

    def __init__(self, make: Callable[..., Callable[[], object]], *arguments, environment: dict[str, str]):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, make, arguments), daemon=True)
        with mock.patch.dict(os.environ, environment, clear=True):
            self.process.start()
        theirs.close()

    def seconds_a_call(self, calls: int) -> float:
        return self._ask(calls)

    def memory(self) -> dict[str, int]:
        """Bytes: `before` the first call, and at the `peak` since."""
        return self._ask("memory")

    def _ask(self, request):
        try:
            self.pipe.send(request)
            return self.pipe.recv()
        except (EOFError, BrokenPipeError) as error:
            raise RuntimeError("a contestant's process ended: its error is above") from error

    def close(self) -> None:
        self.pipe.close()
        self.process.join()


def _serve(pipe: Connection, make: Callable, arguments: tuple) -> None:
    function = make(*arguments)
    before = _memory("VmRSS")
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return
        pipe.send(
            {"before": before, "peak": _memory("VmHWM")} if request == "memory" else seconds_a_call(function, request)
        )


def _memory(field: str) -> int:
    """Bytes of this process, of the GPU's memory if there is one.

    Not by getrusage, whose peak of a new process is that of its parent, if that was higher.
    """
    if torch.cuda.is_available():
        return torch.cuda.memory_allocated() if field == "VmRSS" else torch.cuda.max_memory_allocated()
    return int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) << 10


def run_training(folder: Path, arguments: list[str], num_processes: int = 1) -> Path:
    """Runs train.py in a folder, as `make train` does or on several processes of the CPU; returns the run's folder.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    launch = [
        "-m",
        "accelerate.commands.launch",
        "--quiet",
        "--num_processes",
        str(num_processes),
        "--num_machines",
        "1",
    ]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    environment = ENVIRONMENT
    if num_processes > 1:
        launch += ["--multi_gpu", "--main_process_port", "0"]
        environment = ENVIRONMENT | {"ACCELERATE_USE_CPU": "true"}
    output = folder / "run"
    command = [sys.executable, *launch, str(ROOT / "train.py"), *arguments, "--output_dir", str(output), "--overwrite"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"train.py {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return output


def read_log(run: Path) -> list[dict]:
    """The lines of a run's log.jsonl that are of training."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if "loss" in line]
