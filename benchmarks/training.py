"""Training steps a second: ours against the post's loop, and against the bare matrix products.

    python benchmarks/training.py [--rounds 5] [--quick] [--output DIR]

At the post's shape (configs/kyrylov2023.yaml: embedding 512, hidden 1024, one layer, batch 32), at two LSTM layers of
256 (configs/lstm.yaml: batch 64) and at the default (configs/cpu.yaml: batch 64), on batches of 81-token episodes.
Every contestant runs in a process of its own, and takes steps for two seconds when it is its turn.

- *the post's loop*: `post.training_step`. nn.LSTM in float32, its own generator, Adam, all of torch's threads. Not at
  the default, which isn't made of LSTMs alone.
- *ours*: train.py's `train_step` on that recipe, in bf16 where the processor multiplies it, and in float32.
- *the bare products*: what the layers multiply in one step, by torch.mm and torch.bmm, and nothing else (see
  `products.py`). Of an LSTM for each of 80 tokens batch·H·4H, forward and again backward; then the weights' gradient,
  4H·(80·batch)·H, and the inputs' products (forward, backward, gradient), which are a table's where it is the only
  kind of layer and the lowest. Of a matrix memory its linear layers and the products of all pairs of tokens. In both
  dtypes; once with every product spread over all cores, once with half of the rows on each, side by side, as train.py
  has them.

Memory is the peak of the process (on a GPU: of torch's allocator), less what it held before its first step.
"""

import os
import statistics
import sys
from collections.abc import Callable
from typing import Any

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import torch
from post import training_step as post_step
from products import bare_products

from metatrans_lab.experiments.benchmarks import read_arguments, report
from metatrans_lab.experiments.goals import figure
from metatrans_lab.experiments.runs import ENVIRONMENT
from metatrans_lab.experiments.timing import in_turn, ratios, turn
from metatrans_lab.experiments.worker import Worker

TURN = 2.0
"""Seconds of a contestant's turn."""


def our_step(name: str, overrides: dict[str, str]) -> Callable[[], dict]:
    """A function that takes the next step of our training, as of `ours.training_step`."""
    from ours import training_step  # late, so that the peers' processes don't load our code

    return training_step(name, overrides)


def measure(title: str, name: str, overrides: dict[str, str], rounds: int, quick: bool) -> tuple[dict, list[dict]]:
    """Times all contestants at one shape: their measurements, and the figures."""
    from ours import recipe

    from metatrans_lab.machine import choose_mixed_precision
    from modeling_metalstm import MetaLSTMConfig

    config = recipe(name, overrides)
    language = config.language_config()
    words = {
        "K": language.num_pairs,
        "L": language.num_source_words,
        "R": language.num_target_words,
        "T": language.sentence_length,
    }
    model = MetaLSTMConfig(**config.model)
    kinds: Any = model.layer_types
    only_lstms = set(kinds) == {"lstm"}
    read = [0, *model.input_sizes[1:]] if only_lstms else model.input_sizes
    widths = [model.lstm_size if kind == "lstm" else model.hidden_size for kind in kinds]
    layers = [*zip(kinds, read, widths, strict=True)]
    precisions = {"float32": "no"}
    if choose_mixed_precision("auto") == "bf16":
        precisions = {"bf16": "bf16"} | precisions
    # By contestant: a function that makes the step, and its arguments.
    makers: dict[str, tuple[Any, ...]] = {}
    if only_lstms:
        sizes = model.embedding_size, model.hidden_size, model.num_hidden_layers
        makers["the post's loop"] = (post_step, words, config.batch_size, *sizes)
    parts = {"": 1} if torch.cuda.is_available() else {", all cores on each": 1, ", half of the rows each": 2}
    for precision, setting in precisions.items():
        makers[f"ours, {precision}"] = (our_step, name, overrides | {"mixed_precision": setting})
        shape = (language.max_episode_length - 1, config.batch_size, layers, model.num_heads)
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
    post, on_gpu = times.get("the post's loop"), torch.cuda.is_available()
    best = next(iter(precisions))
    has_goals, no_goals = title == "the post's shape", (None, None)
    figures = []
    for precision in precisions:
        ours = times[f"ours, {precision}"]
        is_goal = has_goals and precision == best
        if post is not None:
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
    if post is None:
        return figures
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
