"""Two processes against one: train.py on the CPU by DDP over gloo, at the same number of episodes a step.

    python benchmarks/distributed.py [--rounds 3] [--quick] [--output DIR]

Short runs of configs/lstm.yaml without a curriculum, in turn: one process with batches of 64, and two with 32 each. A
step's time is taken between the first and the last line of log.jsonl, so that the start of processes doesn't count.
"""

import os
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

from metatrans_lab.experiments.benchmarks import read_arguments, report
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.goals import figure
from metatrans_lab.experiments.runs import read_log, run_training
from metatrans_lab.experiments.timing import in_turn, ratios

BATCH = 64


def seconds_a_step(num_processes: int, quick: bool) -> float:
    """Mean seconds of a step of BATCH episodes, of a short run on so many processes."""
    config, num_steps, log_every = ("tiny", 6, 2) if quick else ("lstm", 120, 20)
    arguments = ["--config", str(ROOT / "configs" / f"{config}.yaml"), "--batch_size", str(BATCH // num_processes)]
    arguments += ["--num_steps", str(num_steps), "--log_every", str(log_every), "--curriculum", "[{}]"]
    arguments += ["--warmup_steps", "0", "--decay_steps", "0"]
    arguments += ["--eval_every", "0", "--save_every", "0", "--final_eval_episodes", "2"]
    with tempfile.TemporaryDirectory() as folder:
        first, *_, last = read_log(run_training(Path(folder), arguments, num_processes))
    return (last["seconds"] - first["seconds"]) / (last["step"] - first["step"])


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, rounds=3)
    runs = {
        f"{number} process{'es' if number > 1 else ''}": partial(seconds_a_step, number, options.quick)
        for number in (1, 2)
    }
    times = in_turn(runs, options.rounds)
    for name, seconds in times.items():
        print(f"{name:<12} {1e3 * statistics.median(seconds):>8.2f} ms a step of {BATCH} episodes")
    what = "training steps/s by DDP on 2 processes ÷ on 1, same number of episodes a step"
    results = {name: {"seconds_a_step": seconds} for name, seconds in times.items()}
    report("distributed", options, [figure(what, ratios(times["1 process"], times["2 processes"]))], results)


if __name__ == "__main__":
    main(sys.argv[1:])
