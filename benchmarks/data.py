"""How fast episodes are made, and what share of a training step that takes.

    python benchmarks/data.py [--rounds 7] [--quick] [--output DIR]

1. Episodes a second on one core: our batches of 4,096 against the post's procedure, which makes one sequence at a time
   from Python lists and torch. "Token arrays" are the input_ids; "full rows" have labels and the Bayes costs too. The
   process keeps its memory, as in train.py: otherwise half of the time would be page faults.
2. In every stage of configs/cpu.yaml: making what one training step needs (the episodes, their labels, determined
   tokens, Bayes costs) against the whole step, both as train.py runs them.
"""

import os
import statistics
import sys
from collections.abc import Callable, Iterator
from functools import partial

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import numpy as np
import torch
from ours import prepared, steps_of
from post import one_sequence

from dataset_script import LanguageConfig, bayes_nll, sample_episodes
from metatrans_lab.experiments.benchmarks import read_arguments, report
from metatrans_lab.experiments.goals import figure
from metatrans_lab.experiments.timing import in_turn, ratios, seconds_a_call
from metatrans_lab.machine import keep_memory

BATCH = 4096


def one_sequence_of_integers(K: int = 10, L: int = 6, R: int = 6, T: int = 3) -> torch.Tensor:
    """The post's procedure with plain integers as words, its simplest improvement."""
    soh, stx = L + R, L + R + 1
    target_words, source_words = (torch.randperm(R) + L).tolist(), torch.randperm(L).tolist()
    sequence = []
    for sentence in torch.randint(0, L, (K, T)).tolist():
        sequence.append(soh)
        sequence.extend(source_words[word] for word in sentence)
        sequence.append(stx)
        sequence.extend(target_words[word] for word in sentence)
    sequence.append(soh)
    return torch.tensor(sequence)


def measure_episodes(rounds: int, quick: bool) -> tuple[dict, list[dict]]:
    """Times how episodes are made, on one core: seconds an episode by contestant, and the figures."""
    config = LanguageConfig()
    assert len(one_sequence()) == len(one_sequence_of_integers()) == config.max_episode_length
    batches = iter(range(0, 1 << 40, BATCH))

    def token_arrays() -> np.ndarray:
        first = next(batches)
        return sample_episodes(config, range(first, first + BATCH)).input_ids

    def full_rows() -> tuple[np.ndarray, ...]:
        first = next(batches)
        episodes = sample_episodes(config, range(first, first + BATCH))
        return episodes.input_ids, episodes.labels(), bayes_nll(episodes)

    ways = {
        "the post's procedure": (one_sequence, 500, 1),
        "the same, integers": (one_sequence_of_integers, 2000, 1),
        "token arrays": (token_arrays, 20, BATCH),
        "full rows": (full_rows, 20, BATCH),
    }

    def seconds_an_episode(function: Callable[[], object], calls: int, episodes: int) -> Callable[[], float]:
        return lambda: seconds_a_call(function, 2 if quick else calls) / episodes

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = in_turn({name: seconds_an_episode(*way) for name, way in ways.items()}, rounds)
    torch.set_num_threads(threads)
    post = times["the post's procedure"]
    results = {}
    print(f"{'':<22} {'µs an episode':>14} {'episodes/s':>12} {'× the post':>12}   (medians of {rounds} rounds)")
    for name, values in times.items():
        median, ratio = statistics.median(values), statistics.median(ratios(post, values))
        results[name] = {"seconds_an_episode": values, "ratio": ratio}
        print(f"{name:<22} {median * 1e6:>14.2f} {1 / median:>12,.0f} {ratio:>12.0f}")
    against = "a second on one core ÷ the post's procedure"
    figures = [
        figure(f"token arrays made {against}", ratios(post, times["token arrays"]), 300, 1000),
        figure(f"full rows with labels and bayes_nll {against}", ratios(post, times["full rows"]), 100, 300),
    ]
    return results, figures


def measure_share(name: str, rounds: int, steps: int) -> tuple[dict, list[dict]]:
    """Times the data of a training step and the whole step: by stage of a recipe, and the figures."""
    training = prepared(name, {})
    next_step = steps_of(training)
    curriculum = training.curriculum

    def data(step: int) -> tuple[torch.Tensor, ...]:
        episodes = curriculum.batch(step, 0, 1, device=training.accelerator.device)
        ids, labels = episodes.input_ids.long(), episodes.labels(training.config.loss_on).long()
        return ids, labels, episodes.determined, episodes.floor(training.config.loss_on)

    results, figures = {}, []
    for stage in range(len(curriculum.stages)):
        numbers = iter(range(training.num_done, 1 << 40))  # the same batches for both

        def step(stage: int = stage) -> None:
            curriculum.stage = stage
            next_step()

        def its_data(stage: int = stage, numbers: Iterator[int] = numbers) -> None:
            curriculum.stage = stage
            data(next(numbers))

        for warm_up in (step, its_data):
            warm_up()
        contestants = {
            "data": partial(seconds_a_call, its_data, steps),
            "step": partial(seconds_a_call, step, steps),
        }
        times = in_turn(contestants, rounds)
        share = [100 * ratio for ratio in ratios(times["data"], times["step"])]
        results[f"stage {stage + 1}"] = {f"{name}_seconds": values for name, values in times.items()} | {
            "share": share
        }
        what = f"data's share of a default training step, stage {stage + 1}"
        figures.append(figure(what, share, bar=2, unit="%", lower=True))
    return results, figures


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, rounds=7)
    keep_memory()
    episodes, figures = measure_episodes(options.rounds, options.quick)
    shares, more = measure_share("tiny" if options.quick else "cpu", options.rounds, 1 if options.quick else 10)
    report("data", options, figures + more, episodes | {"share of a training step": shares})


if __name__ == "__main__":
    main(sys.argv[1:])
