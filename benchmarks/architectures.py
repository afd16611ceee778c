"""Seconds of a training step of each architecture: the same number of parameters, the same episodes, the same loop.

    python benchmarks/architectures.py [--rounds 3] [--quick] [--output DIR]

Short runs of configs/optimum.yaml (two LSTM layers) and configs/peers/*.yaml ("memory": the default's stack), without
a curriculum, in turn. A step's time is taken between the first and the last line of log.jsonl, so that the start of
the process doesn't count. Transformers' models run in float32, in which their figures of RESULTS.md are, Mamba-2 and
xLSTM without their CUDA kernels.
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

PEERS = ("memory", "llama", "gpt2", "mamba2", "xlstm")
OURS = ("optimum", "peers/memory")
"""The configs of our own models, which run in bf16 where the processor multiplies it."""


def seconds_a_step(config: str, quick: bool) -> float:
    """Mean seconds of a step, of a short run of a file of configs/."""
    num_steps, log_every = (4, 2) if quick else (24, 4)
    arguments = ["--config", str(ROOT / "configs" / f"{config}.yaml"), "--curriculum", "[{}]"]
    arguments += ["--num_steps", str(num_steps), "--log_every", str(log_every)]
    arguments += ["--warmup_steps", "0", "--decay_steps", "0"]
    arguments += ["--eval_every", "0", "--save_every", "0", "--final_eval_episodes", "2"]
    arguments += ["--batch_size", "2"] if quick else []
    arguments += ["--mixed_precision", "auto" if config in OURS else "no"]
    with tempfile.TemporaryDirectory() as folder:
        first, *_, last = read_log(run_training(Path(folder), arguments))
    return (last["seconds"] - first["seconds"]) / (last["step"] - first["step"])


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, rounds=3)
    configs = {"LSTM": "optimum"} | {peer: f"peers/{peer}" for peer in PEERS[: 1 if options.quick else None]}
    runs = {name: partial(seconds_a_step, config, options.quick) for name, config in configs.items()}
    times = in_turn(runs, options.rounds)
    for name, seconds in times.items():
        print(f"{name:<12} {1e3 * statistics.median(seconds):>8.2f} ms a step")
    figures = [
        figure(f"a training step of {name} ÷ the LSTM's, equal parameters", ratios(seconds, times["LSTM"]))
        for name, seconds in times.items()
        if name != "LSTM"
    ]
    results = {name: {"seconds_a_step": seconds} for name, seconds in times.items()}
    report("architectures", options, figures, results)


if __name__ == "__main__":
    main(sys.argv[1:])
