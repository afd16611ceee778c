"""Episodes a second: our batches against the post's procedure, one sequence at a time in Python lists and torch.

    python benchmarks/data.py [--rounds 7]

One core; ours and theirs in turn, several rounds, medians. Prints a table and writes results/data.json.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from dataset_script import LanguageConfig, bayes_nll, sample_episodes
from metatrans_lab.machine import describe_device

BATCH = 4096


def one_sequence(config: LanguageConfig) -> torch.Tensor:
    """What the post does for each sequence: every word is a 0-d tensor, looked up and joined in Python lists."""
    K, L, R, T = config.num_pairs, config.num_source_words, config.num_target_words, config.sentence_length
    target_words = [[word] for word in torch.randperm(R) + L]
    source_words = [[word] for word in torch.randperm(L)]
    sequence = []
    for sentence in torch.randint(0, L, (K, T)):
        sequence.append(config.soh)
        for word in sentence:
            sequence += source_words[word]
        sequence.append(config.stx)
        for word in sentence:
            sequence += target_words[word]
    sequence.append(config.soh)
    return torch.tensor(sequence)


def one_sequence_of_integers(config: LanguageConfig) -> torch.Tensor:
    """The same with plain integers for words, which is how one would mend it in a minute."""
    K, L, R, T = config.num_pairs, config.num_source_words, config.num_target_words, config.sentence_length
    target_words, source_words = (torch.randperm(R) + L).tolist(), torch.randperm(L).tolist()
    sequence = []
    for sentence in torch.randint(0, L, (K, T)).tolist():
        sequence.append(config.soh)
        sequence.extend(source_words[word] for word in sentence)
        sequence.append(config.stx)
        sequence.extend(target_words[word] for word in sentence)
    sequence.append(config.soh)
    return torch.tensor(sequence)


def token_arrays(config: LanguageConfig, first: int):
    return sample_episodes(config, range(first, first + BATCH)).input_ids


def full_rows(config: LanguageConfig, first: int):
    episodes = sample_episodes(config, range(first, first + BATCH))
    return episodes.input_ids, episodes.labels(), bayes_nll(episodes)


def seconds_an_episode(function, calls: int, episodes_a_call: int) -> float:
    start = time.perf_counter()
    for call in range(calls):
        function(call)
    return (time.perf_counter() - start) / (calls * episodes_a_call)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    config = LanguageConfig()
    assert len(one_sequence(config)) == len(one_sequence_of_integers(config)) == config.max_episode_length
    contestants = {
        "the post's procedure": (lambda i: one_sequence(config), 500, 1),
        "the same, integers": (lambda i: one_sequence_of_integers(config), 2000, 1),
        "token arrays": (lambda i: token_arrays(config, i * BATCH), 20, BATCH),
        "full rows": (lambda i: full_rows(config, i * BATCH), 20, BATCH),
    }
    times = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            times[name].append(seconds_an_episode(*contestant))
    post = times["the post's procedure"]
    results = {}
    print(f"{'':<22} {'µs an episode':>14} {'episodes/s':>12} {'× the post':>12}   (medians of {rounds} rounds)")
    for name, values in times.items():
        ratio = statistics.median(p / v for p, v in zip(post, values, strict=True))
        median = statistics.median(values)
        results[name] = {"seconds_an_episode": values, "ratio": ratio}
        print(f"{name:<22} {median * 1e6:>14.2f} {1 / median:>12,.0f} {ratio:>12.0f}")
    path = Path(__file__).parent / "results" / "data.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": describe_device(torch.device("cpu")), "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
