"""How long `metatrans` takes to start: from Enter to the exact answer, to the model's, and to its help, each against
an empty process that imports torch.

    .venv/bin/python benchmarks/startup.py [--rounds 7] [--quick] [--output DIR]
"""

import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

from metatrans_lab.experiments.benchmarks import read_arguments, report
from metatrans_lab.experiments.goals import figure

COMMAND = [str(Path(sys.executable).with_name("metatrans"))]
RULES = ["--example", "red = dax", "--example", "blue red = wif dax"]
TORCH = [sys.executable, "-c", "import torch"]
CONTESTANTS = {
    "import of torch": TORCH,
    "exact answer": [*COMMAND, "translate", *RULES, "blue red"],
    "exact answer alone": [*COMMAND, "translate", *RULES, "--no_model", "blue red"],
    "model's answer": [*COMMAND, "translate", *RULES, "blue red"],
    "help": [*COMMAND, "--help"],
    "misspelt model": [*COMMAND, "translate", "translatr", *RULES, "blue red"],
}
AT_FIRST_LINE = {"exact answer"}
"""Of these the time is that to the first line; of the others, to the end of the process."""


def seconds(name: str) -> float:
    """How long a contestant takes."""
    start = time.perf_counter()
    process = subprocess.Popen(CONTESTANTS[name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.readline()
    first = time.perf_counter() - start
    process.stdout.read()
    process.wait()
    return first if name in AT_FIRST_LINE else time.perf_counter() - start


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__ or "", rounds=7)
    for name in CONTESTANTS:
        seconds(name)  # from a warm disk
    rounds = [{name: seconds(name) for name in CONTESTANTS} for _ in range(options.rounds)]
    times = {name: [one[name] for one in rounds] for name in CONTESTANTS}
    ratios = {name: [one[name] / one["import of torch"] for one in rounds] for name in CONTESTANTS}
    figures = [
        figure("from Enter to the exact answer ÷ an empty import of torch", ratios["exact answer"], 1.5, lower=True),
        figure("the same in seconds", times["exact answer"], 2, 0.5, "s", lower=True),
        figure("the exact answer alone, to the end of the process", times["exact answer alone"], 2, 0.5, "s", True),
        figure("from Enter to the model's answer ÷ an empty import of torch", ratios["model's answer"]),
        figure("the same in seconds", times["model's answer"], unit="s"),
        figure("help ÷ an empty import of torch", ratios["help"], 1.5, lower=True),
        figure("until a misspelt model's name is told", times["misspelt model"], 2, 0.5, "s", lower=True),
    ]
    report("startup", options, figures, {"seconds": times})


if __name__ == "__main__":
    main(sys.argv[1:])
