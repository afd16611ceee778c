"""Training steps on a GPU as CUDA graphs, from the making of the batch to the update.

A step of a small LSTM is hundreds of kernels of a few microseconds each; launched one by one, they wait for the host.
A graph is launched as a whole. What changes from step to step must then be read from tensors: the number of the first
episode (here) and the learning rates (`make_capturable`). There is one graph for every config of languages that steps
draw from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from dataset_script.episodes import Episodes, sample_episodes
from dataset_script.families.contract import Language
from dataset_script.lexicons import split_lexicons
from metatrans_lab.training.optimization import make_capturable

if TYPE_CHECKING:
    from metatrans_lab.training.training import Training

WARM_UPS = 3
"""Plain steps on each set of languages before its graph is captured: in the first ones, libraries choose their kernels
and allocate memory, which can't be captured."""


class CapturedSteps:
    """Does a step's work on batches of episodes, by a CUDA graph once it is captured.

    Args:
        work: the step, from episodes to a tensor of measures. It must not have the host wait for the GPU, may depend
            on no state but tensors that are changed in place, and must leave no gradients behind.
        batch_size: episodes a step.
        device: where episodes are made; on a CPU there are no graphs, and everything else is the same.
    """

    def __init__(self, work: Callable[[Episodes], torch.Tensor], batch_size: int, device: torch.device) -> None:
        self.work, self.device = work, device
        self.first = torch.zeros((), dtype=torch.int64, device=device)
        self.offsets = torch.arange(batch_size, device=device)
        self.graphs: dict[Language, tuple[torch.cuda.CUDAGraph, torch.Tensor]] = {}
        self.warm_ups: dict[Language, int] = {}
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def __call__(self, language: Language, first: int) -> torch.Tensor:
        """A step on the episodes from number `first` on; gives its measures, which the next call overwrites."""
        self.first.fill_(first)
        # Lexicons that are too many to be listed are drawn by rejection, a loop of unknown length: no graph can do it.
        is_looped = split_lexicons(language, "train") is None
        if self.stream is None or not language.is_capturable or is_looped:
            return self._step(language)
        if self.warm_ups.setdefault(language, 0) < WARM_UPS:
            self.warm_ups[language] += 1
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                measures = self._step(language)
            torch.cuda.current_stream().wait_stream(self.stream)
            return measures
        if language not in self.graphs:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=self.stream):
                measures = self._step(language)
            self.graphs[language] = graph, measures
        graph, measures = self.graphs[language]
        graph.replay()
        return measures

    def _step(self, language: Language) -> torch.Tensor:
        return self.work(sample_episodes(language, self.first + self.offsets, "train"))


def capture(
    training: Training, update: Callable[[Episodes], torch.Tensor]
) -> Callable[[Training], torch.Tensor] | None:
    """A step by CUDA graphs, to be given to `Training.step`; None where a step can't be captured.

    Call it before a run's first step, and again whenever a state was loaded, since the optimisers' tensors are new.

    Args:
        update: a plain step's work on a batch of episodes, as of `CapturedSteps`.
    """
    accelerator, config = training.accelerator, training.config
    alone = accelerator.num_processes == training.micro_batches == 1
    # A model must say that its steps never have the host wait for the GPU: most don't say. Of the exact predictor's
    # distributions no family says it, nor of counterparts.
    is_plain = not config.soft_labels and not config.alignment_weight
    is_capturable = getattr(training.model, "is_capturable", False) and is_plain
    if accelerator.device.type != "cuda" or not alone or not is_capturable:
        return None
    make_capturable(training.optimizers, accelerator.device)
    steps = CapturedSteps(update, config.batch_size, accelerator.device)

    def take(training: Training) -> torch.Tensor:
        language = training.curriculum.choose(training.num_done)[1]
        return steps(language, training.num_done * config.batch_size)

    return take
