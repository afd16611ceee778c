"""A model in ONNX: how large its files are, and how long a step takes by ONNX Runtime, against torch.

    .venv/bin/python benchmarks/export.py [--rounds 7] [--quick] [--output DIR]

A step is one token of each row, from a state to scores and the state after it, on one thread; torch takes it as
`generate()` does, with weights laid out once. One row, and eight, as a session of as many bindings has them.
"""

import os

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import functools
import statistics
import sys
from collections.abc import Callable

import numpy as np
import onnxruntime
import torch
from transformers import PreTrainedModel

from metatrans_lab.experiments.benchmarks import read_arguments, report
from metatrans_lab.experiments.goals import figure
from metatrans_lab.experiments.timing import in_turn, ratios, seconds_a_call
from metatrans_lab.export.onnx import READ, STEP, make_graphs
from metatrans_lab.export.page import WEIGHTS, as_script, share_weights
from metatrans_lab.models.load import load_model
from modeling_metalstm.capabilities_metalstm import frozen_weights
from modeling_metalstm.export_metalstm import empty_state, state_names

MODELS = ("translator", "grammarian")
ROWS = (1, 8)
TURN = 0.5
"""Seconds of a contestant's turn."""


def torch_step(model: PreTrainedModel, rows: int) -> Callable[[], object]:
    """A step by torch."""
    tokens = torch.full((rows, 1), model.config.start_of_source_id)
    state = model(tokens, use_cache=True).past_key_values
    return lambda: model(tokens, past_key_values=state, use_cache=True)


def onnx_step(session: onnxruntime.InferenceSession, model: PreTrainedModel, rows: int) -> Callable[[], object]:
    """A step by ONNX Runtime."""
    given = {"input_ids": np.full((rows, 1), model.config.start_of_source_id)}
    state = zip(state_names(model.config), empty_state(model, rows), strict=True)
    given |= {f"{name}_before": part.numpy() for name, part in state}
    return lambda: session.run(None, given)


def median_of_calls(step: Callable[[], object], seconds: float) -> float:
    """A turn: the median of so many seconds' calls, on most of which nothing else of the machine falls."""
    times = [seconds_a_call(step, 1)]
    while sum(times) < seconds:
        times.append(seconds_a_call(step, 1))
    return statistics.median(times)


@torch.inference_mode()
def measure(model: PreTrainedModel, session: onnxruntime.InferenceSession, rounds: int, seconds: float) -> dict:
    """Seconds a step, by the number of rows and by contestant."""
    times = {}
    with frozen_weights(model):
        for rows in ROWS:
            steps = {"torch": torch_step(model, rows), "ONNX Runtime": onnx_step(session, model, rows)}
            turns = {name: functools.partial(median_of_calls, step, seconds) for name, step in steps.items()}
            for step in steps.values():
                seconds_a_call(step, 10)  # the first are slow
            times[f"{rows} row{'s' * (rows > 1)}"] = in_turn(turns, rounds)
    return times


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__ or "", rounds=7)
    torch.set_num_threads(1)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    figures, results = [], {}
    for name in MODELS[:1] if options.quick else MODELS:
        model = load_model(name)
        graphs = make_graphs(model)
        sizes = {file: graphs[file].ByteSize() for file in (READ, STEP)}
        session = onnxruntime.InferenceSession(graphs[STEP].SerializeToString(), settings)
        times = measure(model, session, options.rounds, 0.0 if options.quick else TURN)
        weights = share_weights(graphs.values())
        parts = {file: graph.SerializeToString() for file, graph in graphs.items()} | {WEIGHTS: weights}
        sizes["both for a page, gzipped, in base64"] = len(as_script(parts))
        results[name] = {"bytes": sizes, "seconds_a_step": times}
        figures += [figure(f"{name}: size of {what}", [size / 1e6], unit="MB") for what, size in sizes.items()]
        for rows, by in times.items():
            for contestant, seconds in by.items():
                milliseconds = [1e3 * value for value in seconds]
                figures.append(figure(f"{name}: a step of {rows} by {contestant}", milliseconds, unit="ms"))
            figures.append(
                figure(f"{name}: a step of {rows}, ONNX Runtime ÷ torch", ratios(by["ONNX Runtime"], by["torch"]))
            )
    report("export", options, figures, results)


if __name__ == "__main__":
    main(sys.argv[1:])
