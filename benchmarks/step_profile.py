"""Where the time of a training step goes, on the CPU.

    python benchmarks/step_profile.py [--rounds 5] [--quick] [--output DIR]

train.py's steps under torch.profiler, all threads recorded, at the shapes of training.py. A step's wall-clock time is
divided into

- data: episodes, labels, Bayes costs
- matrix products: mm and the like, and nn.LSTM's fused kernels, which include elementwise work
- elementwise: all other operations, with copies
- embedding, head, loss: operations that have the vocabulary's size among their dimensions
- optimiser: the updates, and the clipping of the gradients
- rest: Python, and waiting for the slower thread

Work of parallel threads counts by its mean over the threads. The profiler slows small operations down, so read the
shares rather than the times; a step's time without the profiler is given too.
"""

import os
import re
import statistics
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import
os.environ["ACCELERATE_USE_CPU"] = "true"
os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it tells when it starts and stops

from ours import QUICK_SHAPES, SHAPES, prepared, steps_of
from torch._C._profiler import _ExperimentalConfig
from torch.profiler import ProfilerActivity, profile, record_function

from dataset_script import Episodes
from metatrans_lab.experiments.benchmarks import read_arguments, report
from metatrans_lab.experiments.goals import figure
from metatrans_lab.experiments.timing import seconds_a_call
from metatrans_lab.training.training import Training

GROUPS = ("data", "matrix products", "elementwise", "embedding, head, loss", "optimiser", "rest")
PRODUCT = re.compile(r"::_?((add|badd)?b?mm|matmul|linear|lstm|mkldnn_rnn|reorder)")
STEP = "a training step"


def marked(function: Callable, name: str) -> Callable:
    """The function, with its calls marked in the profile by a name."""

    def call(*arguments: Any, **keywords: Any) -> Any:
        with record_function(name):
            return function(*arguments, **keywords)

    return call


def profile_steps(training: Training, next_step: Callable[[], object], steps: int) -> list:
    """The profiler's events of so many steps, with marks around the steps, the data and the optimiser."""
    marks = [
        (training.curriculum, "batch", "data"),
        (Episodes, "labels", "data"),
        (Episodes, "floor", "data"),
    ]
    marks += [(training.accelerator, "clip_grad_norm_", "optimiser")]
    marks += [(optimizer, name, "optimiser") for optimizer in training.optimizers for name in ("step", "zero_grad")]
    with ExitStack() as stack:
        for owner, attribute, name in marks:
            function = marked(getattr(owner, attribute), name)
            stack.enter_context(mock.patch.object(owner, attribute, function))
        every_thread = _ExperimentalConfig(profile_all_threads=True)
        with profile(
            activities=[ProfilerActivity.CPU], record_shapes=True, experimental_config=every_thread
        ) as profiler:
            for _ in range(steps):
                with record_function(STEP):
                    next_step()
    return list(profiler.events())


def seconds_by_group(events: list, vocab_size: int, num_threads: int) -> dict[str, float]:
    """Wall-clock seconds of each of GROUPS, summed over all steps."""
    main_thread = next(event.thread for event in events if event.name == STEP)
    total = sum(event.time_range.elapsed_us() for event in events if event.name == STEP)
    spans = sorted(
        (event.time_range.start, event.time_range.end, event.name)
        for event in events
        if event.thread == main_thread and event.name in ("data", "optimiser")
    )
    starts = [start for start, _, _ in spans]
    groups: defaultdict[str, float] = defaultdict(float)
    for start, end, name in spans:
        groups[name] += end - start
    for event in events:
        if "::" not in event.name or event.name.startswith("autograd::"):
            continue  # a mark or a node of autograd's graph: its operations are events of their own
        before = bisect_right(starts, event.time_range.start) - 1
        if before >= 0 and event.time_range.start < spans[before][1]:
            continue
        share = 1 if event.thread == main_thread else 1 / num_threads
        groups[group_of(event, vocab_size)] += share * event.self_cpu_time_total
    groups["rest"] = total - sum(groups.values())
    return {name: groups[name] / 1e6 for name in GROUPS}


def group_of(event: Any, vocab_size: int) -> str:
    """The group of an operation, by its name, and by whether the vocabulary's size is among its inputs' dimensions."""
    if vocab_size in _flat(event.input_shapes):
        return "embedding, head, loss"
    return "matrix products" if PRODUCT.search(event.name) else "elementwise"


def _flat(shapes: list) -> list[int]:
    """All numbers in nested lists."""
    return [size for shape in shapes for size in (_flat(shape) if isinstance(shape, list) else [shape])]


def measure(name: str, overrides: dict[str, str], rounds: int, steps: int) -> dict:
    """Seconds a step by group, a list of rounds each; and `whole`, the step without the profiler."""
    training = prepared(name, overrides)
    vocab_size = training.model.config.vocab_size
    num_threads = 1 if training.parts is None else training.parts.num_parts
    next_step = steps_of(training)
    for _ in range(2):
        next_step()
    seconds: dict[str, list[float]] = {name: [] for name in ("whole", *GROUPS)}
    for _ in range(rounds):
        seconds["whole"].append(seconds_a_call(next_step, steps))
        for group, value in seconds_by_group(
            profile_steps(training, next_step, steps), vocab_size, num_threads
        ).items():
            seconds[group].append(value / steps)
    return seconds


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, rounds=5)
    results, figures = {}, []
    for title, (name, overrides) in (QUICK_SHAPES if options.quick else SHAPES).items():
        steps = 1 if options.quick or name == "kyrylov2023" else 5
        results[title] = seconds = measure(name, overrides, options.rounds, steps)
        median = {group: statistics.median(values) for group, values in seconds.items()}
        profiled = sum(median[group] for group in GROUPS)
        print(f"\n{title}: {1e3 * median['whole']:.1f} ms a step; under the profiler {1e3 * profiled:.1f}, of which")
        for group in GROUPS:
            print(f"    {group:<24} {1e3 * median[group]:>9.2f} ms {100 * median[group] / profiled:>6.1f}%")
            parts = [list(parts) for parts in zip(*(seconds[group] for group in GROUPS), strict=True)]
            share = [100 * value / sum(all_parts) for value, all_parts in zip(seconds[group], parts, strict=True)]
            figures.append(figure(f"share of a step at {title}: {group}", share, unit="%"))
    report("step_profile", options, figures, results)


if __name__ == "__main__":
    main(sys.argv[1:])
