"""Training steps a second: ours against the post's loop, and against the bare matrix products.

    python benchmarks/training.py [--rounds 5] [--quick] [--output DIR]

At the post's shape (configs/kyrylov2023.yaml: embedding 512, hidden 1024, one layer, batch 32) and at the default one
(configs/lstm.yaml: 64, 256, two layers, batch 64), on batches of 81-token episodes. Every contestant runs
in a process of its own, and takes steps for two seconds when it is its turn.

- *the post's loop*: `post.training_step`. nn.LSTM in float32, its own generator, Adam, all of torch's threads.
- *ours*: train.py's `train_step` on that recipe, in bf16 where the processor multiplies it, and in float32.
- *the bare products*: what the recurrence multiplies in one step, by torch.mm, and nothing else: for each of 80 tokens
  batch·H·4H, forward and again backward; then the weights' gradient, 4H·(80·batch)·H. An upper layer adds its inputs'
  products (forward, backward, gradient); the lowest one's are a table's. In both dtypes; once with every product
  spread over all cores, once with half of the rows on each, side by side, as train.py has them.

Memory is the peak of the process (on a GPU: of torch's allocator), less what it held before its first step.
"""

import os
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import torch
from post import training_step as post_step

from metatrans_lab.experiments.benchmarks import read_arguments, report
from metatrans_lab.experiments.goals import figure
from metatrans_lab.experiments.runs import ENVIRONMENT
from metatrans_lab.experiments.timing import in_turn, ratios, turn
from metatrans_lab.experiments.worker import Worker

TURN = 2.0
"""Seconds of a contestant's turn."""


def bare_products(
    dtype: torch.dtype, num_parts: int, num_tokens: int, batch_size: int, hidden_size: int, num_layers: int
) -> Callable[[], None]:
    """A function that computes the matrix products of one training step; the rows are in `num_parts` parts, each of
    which has a thread.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = batch_size // num_parts

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, device=device).to(dtype)

    weight = random(4 * hidden_size, hidden_size)

    def part() -> Callable[[], None]:
        h, gates = random(rows, hidden_size), random(rows, 4 * hidden_size)
        all_h, all_gates = random(num_tokens * rows, hidden_size), random(num_tokens * rows, 4 * hidden_size)
        out_h, out_gates, out_weight = torch.empty_like(h), torch.empty_like(gates), torch.empty_like(weight)
        out_all_h, out_all_gates = torch.empty_like(all_h), torch.empty_like(all_gates)

        def multiply() -> None:
            for layer in range(num_layers):
                if layer > 0:
                    torch.mm(all_h, weight.t(), out=out_all_gates)
                for _ in range(num_tokens):
                    torch.mm(h, weight.t(), out=out_gates)
            for layer in reversed(range(num_layers)):
                for _ in range(num_tokens):
                    torch.mm(gates, weight, out=out_h)
                torch.mm(all_gates.t(), all_h, out=out_weight)
                if layer > 0:
                    torch.mm(all_gates.t(), all_h, out=out_weight)
                    torch.mm(all_gates, weight, out=out_all_h)

        return multiply

    parts = [part() for _ in range(num_parts)]
    threads = max(1, torch.get_num_threads() // num_parts)
    pool = ThreadPoolExecutor(num_parts, initializer=torch.set_num_threads, initargs=(threads,))

    def step() -> None:
        if num_parts == 1:
            parts[0]()
        else:
            list(pool.map(lambda multiply: multiply(), parts))
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def our_step(name: str, overrides: dict[str, str]) -> Callable[[], dict]:
    """A function that takes the next step of our training, as of `ours.training_step`."""
    from ours import training_step  # late, so that the peers' processes don't load our code

    return training_step(name, overrides)


def measure(title: str, name: str, overrides: dict[str, str], rounds: int, quick: bool) -> tuple[dict, list[dict]]:
    """Times all contestants at one shape: their measurements, and the figures."""
    from ours import recipe

    from metatrans_lab.machine import choose_mixed_precision

    config = recipe(name, overrides)
    language = config.language_config()
    words = {
        "K": language.num_pairs,
        "L": language.num_source_words,
        "R": language.num_target_words,
        "T": language.sentence_length,
    }
    hidden_size, num_layers = config.model["hidden_size"], config.model.get("num_hidden_layers", 1)
    precisions = {"float32": "no"}
    if choose_mixed_precision("auto") == "bf16":
        precisions = {"bf16": "bf16"} | precisions
    # By contestant: a function that makes the step, and its arguments.
    makers: dict[str, tuple[Any, ...]] = {
        "the post's loop": (
            *(post_step, words, config.batch_size, config.model["embedding_size"], hidden_size, num_layers),
        )
    }
    parts = {"": 1} if torch.cuda.is_available() else {", all cores on each": 1, ", half of the rows each": 2}
    for precision, setting in precisions.items():
        makers[f"ours, {precision}"] = (our_step, name, overrides | {"mixed_precision": setting})
        shape = (language.max_episode_length - 1, config.batch_size, hidden_size, num_layers)
        for how, num_parts in parts.items():
            dtype = torch.bfloat16 if precision == "bf16" else torch.float32
            makers[f"bare products, {precision}{how}"] = (bare_products, dtype, num_parts, *shape)
    # train.py asks for large pages by an environment variable; the post's loop gets the environment without it.
    workers = {
        contestant: Worker(*make, environment=ENVIRONMENT if make[0] is post_step else dict(os.environ))
        for contestant, make in makers.items()
    }

    turns = {}
    for contestant, worker in workers.items():
        worker.seconds_a_call(1)  # the first is slow
        turns[contestant] = turn(worker.seconds_a_call, 0.0 if quick else TURN)
    times = in_turn(turns, rounds)
    memory = {contestant: worker.memory() for contestant, worker in workers.items()}
    for worker in workers.values():
        worker.close()

    print(f"\n{title + ':':<42} {'ms a step':>10} {'steps/s':>9} {'peak MB':>8} {'added MB':>9}")
    for contestant, values in times.items():
        seconds, peak, before = statistics.median(values), memory[contestant]["peak"], memory[contestant]["before"]
        added = f"{peak / 1e6:>8.0f} {(peak - before) / 1e6:>9.0f}"
        print(f"{contestant:<42} {1e3 * seconds:>10.2f} {1 / seconds:>9.2f} {added}")
    return _results(times, memory), _figures(title, times, memory, precisions)


def _results(times: dict, memory: dict) -> dict:
    """The measurements by contestant."""
    return {name: {"seconds_a_step": values} | {"memory": memory[name]} for name, values in times.items()}


def _figures(title: str, times: dict, memory: dict, precisions: dict) -> list[dict]:
    """Ours against the others, in each precision; goals are set at the post's shape in the best one."""
    post, on_gpu = times["the post's loop"], torch.cuda.is_available()
    best = next(iter(precisions))
    has_goals, no_goals = title == "the post's shape", (None, None)
    figures = []
    for precision in precisions:
        ours = times[f"ours, {precision}"]
        is_goal = has_goals and precision == best
        bar, moonshot = ((8, 15) if on_gpu else (3, 5)) if is_goal else no_goals
        what = f"training steps/s at {title} ÷ the post's loop, {precision}"
        figures.append(figure(what, ratios(post, ours), bar, moonshot))
        slowest, hoped_for = (2.0, 1.2) if is_goal else no_goals
        for products, values in times.items():
            if products.startswith(f"bare products, {precision}"):
                what = f"a step's time at {title} ÷ the {products}"
                figures.append(figure(what, ratios(ours, values), slowest, hoped_for, lower=True))
    if on_gpu and has_goals:
        figures.append(figure(f"training steps/s at {title}", [1 / s for s in times[f"ours, {best}"]], 1000, 2000))
    added = {name: memory[name]["peak"] - memory[name]["before"] for name in memory}
    ratio = added[f"ours, {best}"] / added["the post's loop"]
    return [*figures, figure(f"memory that training adds at {title} ÷ the post's loop, {best}", [ratio], lower=True)]


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, rounds=5)
    from ours import QUICK_SHAPES, SHAPES

    results, figures = {}, []
    for title, (name, overrides) in (QUICK_SHAPES if options.quick else SHAPES).items():
        results[title], more = measure(title, name, overrides, options.rounds, options.quick)
        figures += more
    report("training", options, figures, results)


if __name__ == "__main__":
    main(sys.argv[1:])
