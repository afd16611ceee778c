"""Milliseconds a generated token: ours against GPT-2, Mamba and xLSTM of equal size, and after longer prompts.

    python benchmarks/generation.py [--rounds 5] [--quick] [--output DIR]

Greedy `generate()`, in float32, with random weights, on the CPU with torch's own number of threads: the time of a call
÷ the number of tokens that it generates.

1. 64 tokens after a prompt of 81, which is read within the call; for 1 and for 64 sequences; of the default (an LSTM
   and two matrix memories), of two LSTM layers of 256 and of the post's size. The peers are transformers' own, of four
   layers and with as many parameters as ours (±5%), each with its cache. At batch 1 ours also runs without its state,
   so that it reads the whole prefix again for every token.
2. Ours: 64 tokens after 1,000 examples (8,001 tokens) and after 10 (81). All of the prompt but its last token was read
   into `past_key_values` before.
"""

import copy
import os
import statistics
import sys
import time
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import torch
from transformers import AutoConfig, AutoModelForCausalLM, Cache, PretrainedConfig, PreTrainedModel
from transformers.utils import logging

from dataset_script import LanguageConfig, sample_episodes
from metatrans_lab.config.yaml_files import read_file
from metatrans_lab.experiments.benchmarks import read_arguments, report
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.goals import figure
from metatrans_lab.experiments.timing import in_turn, ratios, turn
from metatrans_lab.models.build import build_model

SIZES = {
    "the default": read_file(ROOT / "configs" / "cpu.yaml")["model"],
    "two layers of 256": {"embedding_size": 64, "hidden_size": 256, "num_hidden_layers": 2},
    "the post's size": {"embedding_size": 512, "hidden_size": 1024, "num_hidden_layers": 1},
}
WITH_BAR = ("two layers of 256", "the post's size")
"""The sizes of LSTMs alone, for whose speed goals are set."""


def xlstm(width: int) -> dict:
    """Settings of an xLSTM. transformers' runs at multiples of 128 only; the rest of the width is made up for by its
    feed-forward layers.
    """
    hidden_size = 128 * max(1, (width + 64) // 128)
    settings = {"model_type": "xlstm", "num_hidden_layers": 4, "num_heads": 4, "hidden_size": hidden_size}
    return settings | {"ffn_proj_factor": 2.667 * width / hidden_size, "ffn_round_up_to_multiple_of": 8}


def gpt2(width: int) -> dict:
    """Settings of a GPT-2, of four heads where the width can be shared by so many."""
    num_heads = 4 if width % 4 == 0 else 2
    return {"model_type": "gpt2", "n_layer": 4, "n_embd": width, "n_head": num_heads, "n_positions": 256}


PEERS: dict[str, Callable[[int], dict[str, Any]]] = {
    "GPT-2": gpt2,
    "Mamba": lambda width: {"model_type": "mamba", "num_hidden_layers": 4, "hidden_size": width},
    "xLSTM": xlstm,
}
WIDTHS = range(8, 1025, 2)
TURN = 0.5
"""Seconds of a contestant's turn, or one call if that takes longer."""


def num_parameters(model: PreTrainedModel) -> int:
    """The number of a model's parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def build_peer(name: str, size: int) -> PreTrainedModel:
    """The peer of that name whose number of parameters is nearest to `size`.

    Raises:
        ValueError: it isn't within 5%.
    """
    language = LanguageConfig()
    tokens = {"vocab_size": language.vocab_size, "bos_token_id": language.soh, "pad_token_id": language.pad}

    def config(width: int) -> PretrainedConfig:
        return AutoConfig.for_model(**PEERS[name](width), **tokens, eos_token_id=language.soh)

    def parameters(width: int) -> int:
        with torch.device("meta"):
            return num_parameters(AutoModelForCausalLM.from_config(config(width)))

    above = bisect_left(WIDTHS, size, key=parameters)
    width = min(WIDTHS[max(above - 1, 0) : above + 1], key=lambda width: abs(parameters(width) - size))
    model = AutoModelForCausalLM.from_config(config(width))
    if abs(num_parameters(model) / size - 1) > 0.05:
        raise ValueError(f"no {name} of four layers has {size:,} parameters; the next has {num_parameters(model):,}")
    return model


def seconds_a_token(
    model: PreTrainedModel, prompt: torch.Tensor, num_tokens: int, cache: Cache | None = None, **settings: Any
) -> float:
    """Seconds a token of one call of `generate()`; a cache that is given isn't changed."""
    cache = copy.deepcopy(cache)
    start = time.perf_counter()
    sequences = model.generate(
        prompt,
        max_new_tokens=num_tokens,
        do_sample=False,
        **({} if cache is None else {"past_key_values": cache}),
        **settings,
    )
    seconds = time.perf_counter() - start
    assert sequences.shape[1] == prompt.shape[1] + num_tokens
    return seconds / num_tokens


def turn_of(
    model: PreTrainedModel,
    prompt: torch.Tensor,
    num_tokens: int,
    seconds: float,
    cache: Cache | None = None,
    **settings: Any,
) -> Callable[[], float]:
    """A contestant's turn of about so many seconds, which gives the mean seconds a token."""

    def seconds_a_call(calls: int) -> float:
        each = [seconds_a_token(model, prompt, num_tokens, cache, **settings) for _ in range(calls)]
        return num_tokens * statistics.mean(each)

    seconds_a_token(model, prompt, 2, cache, **settings)  # the first is slow
    take = turn(seconds_a_call, seconds)
    return lambda: take() / num_tokens


def measure_peers(
    settings: dict, num_tokens: int, batches: tuple[int, ...], rounds: int, seconds: float
) -> tuple[dict, dict]:
    """Seconds a token by batch and contestant; and each contestant's size, or why it can't run."""
    language = LanguageConfig()
    models = {"ours": build_model(settings, language)}
    size = num_parameters(models["ours"])
    about: dict[str, dict[str, Any]] = {}
    prompts = torch.from_numpy(sample_episodes(language, range(max(batches))).input_ids).long()
    for name in PEERS:
        try:
            models[name] = build_peer(name, size)
            never_ending(models[name], language)
            seconds_a_token(models[name], prompts[:1], 2)
        except Exception as error:  # a peer that can't run here, for whatever reason, is reported as such
            models.pop(name, None)
            about[name] = {"failed": f"{type(error).__name__}: {error}"}
    about |= {name: {"parameters": num_parameters(model)} for name, model in models.items()}
    never_ending(models["ours"], language)
    times = {}
    for batch in batches:
        turns = {name: turn_of(model, prompts[:batch], num_tokens, seconds) for name, model in models.items()}
        if batch == 1:
            turns["ours, reading all again"] = turn_of(
                models["ours"], prompts[:1], num_tokens, seconds, use_cache=False
            )
        times[f"batch {batch}"] = in_turn(turns, rounds)
    return times, about


def measure_prompts(settings: dict, num_tokens: int, examples: tuple[int, ...], rounds: int, seconds: float) -> dict:
    """Our seconds a token after prompts of so many examples, by their number."""
    longest = LanguageConfig(num_pairs=max(examples))
    model = build_model(settings, longest, longest=1)
    never_ending(model, longest)
    turns = {}
    for number in examples:
        language = LanguageConfig(num_pairs=number)
        prompt = torch.from_numpy(sample_episodes(language, range(1)).input_ids).long()
        with torch.inference_mode():
            cache = model(prompt[:, :-1], use_cache=True, logits_to_keep=1).past_key_values
        turns[f"after {number:,} examples"] = turn_of(model, prompt, num_tokens, seconds, cache)
    return in_turn(turns, rounds)


def never_ending(model: PreTrainedModel, language: LanguageConfig) -> None:
    """Has `generate()` go on to the last token that is asked for: no token ends a sequence."""
    model.eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = language.pad


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, rounds=5)
    logging.set_verbosity_error()  # the peers say that their kernels for GPUs aren't there
    sizes, num_tokens, batches, examples, a_turn = SIZES, 64, (1, 64), (10, 1000), TURN
    if options.quick:
        sizes, num_tokens, batches, examples, a_turn = dict([*SIZES.items()][:1]), 4, (1, 2), (10, 20), 0.0
    results, figures = {}, []
    few, many = (f"after {number:,} examples" for number in examples)
    for title, settings in sizes.items():
        times, models = measure_peers(settings, num_tokens, batches, options.rounds, a_turn)
        after = measure_prompts(settings, num_tokens, examples, options.rounds, a_turn)
        results[title] = {"models": models, "seconds_a_token": times, "seconds_a_token_after": after}
        for name, values in (times | {"batch 1, ours, prompt read before": after}).items():
            print(f"\n{title}, {name}: ms a token")
            for contestant, seconds in values.items():
                print(f"    {contestant:<26} {1e3 * statistics.median(seconds):>10.3f}")
        for batch, values in times.items():
            for name in [*PEERS, "ours, reading all again"]:
                if name in values:
                    has_bar = (name, batch) == ("GPT-2", "batch 1") and title in WITH_BAR
                    bar, moonshot = (0.5, 0.2) if has_bar else (None, None)
                    what = f"ms a generated token at {title}, {batch} ÷ {name}"
                    figures.append(figure(what, ratios(values["ours"], values[name]), bar, moonshot, lower=True))
        what = f"the same at {title}, batch 1, {many} ÷ {few.removesuffix(' examples')}"
        figures.append(figure(what, ratios(after[many], after[few]), 1.05, 1.02, lower=True))
        for name, model in models.items():
            print(f"{name}: {model.get('failed') or format(model['parameters'], ',') + ' parameters'}")
    report("generation", options, figures, results)


if __name__ == "__main__":
    main(sys.argv[1:])
