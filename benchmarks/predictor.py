"""How fast the exact predictor of every family is, and how many hypotheses it holds.

    python benchmarks/predictor.py [--rounds 5] [--quick] [--output DIR]

1. Episodes a second on one core, of each family at its default: their tokens made ("sampled"), what each token costs
   ("costs"), and the whole distribution of each ("distributions"), in batches of 64.
2. The hypotheses alive before each pair's translation in 10,000 episodes: their mean and the most.
"""

import os
import statistics
import sys
from collections.abc import Callable
from functools import partial
from itertools import count

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import; what is measured sets one

import numpy as np
import torch

from dataset_script import FAMILIES, family_probabilities, make_language, sample_episodes
from dataset_script.families.contract import Language
from dataset_script.families.mixed import MixedConfig
from dataset_script.families.planned import PlannedLanguage
from dataset_script.hypotheses import MAX_HYPOTHESES
from dataset_script.mixtures import hypotheses_alive
from metatrans_lab.experiments.benchmarks import read_arguments, report
from metatrans_lab.experiments.goals import figure
from metatrans_lab.experiments.timing import in_turn, seconds_a_call

BATCH = 64
EPISODES = 10_000


def contestants(language: Language, calls: int) -> dict[str, Callable[[], float]]:
    """Of a family: each measurement's turn, which gives the seconds of an episode."""
    first = count(0, BATCH)

    def batch() -> range:
        start = next(first)
        return range(start, start + BATCH)

    def sampled() -> None:
        episodes = sample_episodes(language, batch())
        _ = episodes.input_ids, episodes.labels("targets")

    def costs() -> None:
        _ = sample_episodes(language, batch()).bayes_nll

    def distributions() -> None:
        family_probabilities(language, sample_episodes(language, batch()).input_ids)

    ways = {"sampled": (sampled, 10 * calls), "costs": (costs, calls), "distributions": (distributions, calls)}
    return {name: partial(_seconds_an_episode, function, calls) for name, (function, calls) in ways.items()}


def _seconds_an_episode(function: Callable[[], None], calls: int) -> float:
    return seconds_a_call(function, calls) / BATCH


def alive(language: PlannedLanguage | MixedConfig, num_episodes: int) -> tuple[list[float], int]:
    """The mean number of hypotheses alive by shot, and the most of any episode."""
    components = language.components if isinstance(language, MixedConfig) else [language]
    total, most = np.zeros(language.num_pairs), 0
    for first in range(0, num_episodes, 500):
        episodes = sample_episodes(language, range(first, min(first + 500, num_episodes)))
        numbers = hypotheses_alive(components, episodes.input_ids.astype(np.int64))[:, : language.num_pairs]
        total, most = total + numbers.sum(0), max(most, int(numbers.max()))
    return (total / num_episodes).tolist(), most


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, rounds=5)
    torch.set_num_threads(1)
    results: dict[str, dict] = {}
    figures = []
    for name in FAMILIES:
        language = make_language(name)
        times = in_turn(contestants(language, 1 if options.quick else 3), options.rounds)
        results[name] = {"seconds_an_episode": times}
        rates = {what: [1 / seconds for seconds in times[what]] for what in times}
        print(f"{name:<12}", ", ".join(f"{what} {statistics.median(rate):,.0f}/s" for what, rate in rates.items()))
        figures.append(figure(f"episodes a second on one core, costs of {name}", rates["costs"], 200, 2000))
        figures.append(figure(f"episodes a second on one core, distributions of {name}", rates["distributions"], 200))
    for name in FAMILIES:
        language = make_language(name)
        if not isinstance(language, PlannedLanguage | MixedConfig):
            continue
        mean, most = alive(language, BATCH if options.quick else EPISODES)
        results[name] |= {"alive_by_shot": mean, "most_alive": most}
        print(f"{name:<12} at most {most:,} alive; by shot {', '.join(f'{number:.1f}' for number in mean)}")
        figures.append(figure(f"hypotheses alive at most, {name}", [most], MAX_HYPOTHESES, lower=True))
    report("predictor", options, figures, results)


if __name__ == "__main__":
    main(sys.argv[1:])
