"""A run's model, optimisers and stream of episodes, step by step."""

import copy
import math
import time
from collections.abc import Callable, Iterator

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from transformers import PreTrainedModel

from dataset_script.episodes import Episodes
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.errors import UserError
from metatrans_lab.training.curriculum import Curriculum
from metatrans_lab.training.optimization import build_optimizers, set_learning_rates
from metatrans_lab.training.parts import PartwiseGradients
from metatrans_lab.training.schedule import learning_rate_factor
from metatrans_lab.training.state import load_state, state_of

HOPELESS = 10.0
"""A loss of so many times the uniform predictor's is a sign that training has diverged."""

MAX_BAD_STEPS = 10
"""After this number of steps in a row without finite gradients, or with a hopeless loss, training has diverged."""

IN_SHARES = {
    DistributedType.DEEPSPEED: "DeepSpeed",
    DistributedType.FSDP: "FSDP",
    DistributedType.MEGATRON_LM: "Megatron-LM",
}
"""Ways in which each process has a share of each weight alone."""


class Diverged(ArithmeticError):
    """The run's numbers have gone wrong, and won't come right by themselves."""


class Training:
    """A run from its first step to its last. What a step does to the model isn't here but is given to `step`.

    Args:
        config: the run's.
        accelerator: the processes and devices that it runs on.
        model: freshly initialised; it is trained in place.
        micro_batches: the number of micro-batches that each process takes a step.
        num_threads: torch's on a CPU; None on any other device.

    Raises:
        UserError: the processes would share the weights out.

    Attributes:
        model, optimizers: as accelerate wraps them. raw_model: the model without that.
        num_done (int): steps done.
        parts (PartwiseGradients or None): computes a batch's gradients part by part; on a CPU, in one process.
        unread (list): step, stage and measures (6,) of steps whose measures weren't read yet; they may be on a GPU.
        average (dict or None): the mean of the weights after each of the last `average_steps` steps so far.
        spoilt_steps, bad_steps (int): steps without finite gradients; in a row, such ones and hopeless losses.
        rollbacks (int): how often it went back to a checkpoint, `rolled_back_to`; each time halves the learning rates.
    """

    def __init__(
        self,
        config: TrainingConfig,
        accelerator: Accelerator,
        model: PreTrainedModel,
        micro_batches: int = 1,
        num_threads: int | None = None,
    ) -> None:
        if accelerator.distributed_type in IN_SHARES:
            # Muon's steps are of whole matrices.
            raise UserError(
                f"by {IN_SHARES[accelerator.distributed_type]} each process has a share of the weights, and train.py "
                "needs the whole model in each; launch it with --multi_gpu, or with one process"
            )
        self.config, self.accelerator, self.raw_model = config, accelerator, model
        self.micro_batches, self.num_threads = micro_batches, num_threads
        accelerator.gradient_accumulation_steps = micro_batches
        self.parts: PartwiseGradients | None = None
        if num_threads is not None:
            num_parts = config.num_parts if accelerator.num_processes == 1 else 1
            threads_inside = max(1, num_threads // num_parts)
            torch.set_num_threads(threads_inside)
            if accelerator.num_processes == 1:
                self.parts = PartwiseGradients(num_parts, min(num_parts, num_threads), threads_inside)
        # Evaluations are of the model that will be saved: in float32, without the wrapper for mixed precision.
        self._plain_model = copy.deepcopy(model).to(accelerator.device)
        pool = self.parts.pool if self.parts is not None and self.parts.num_parts > 1 else None
        optimizers = build_optimizers(model, config, pool)
        self.model, *self.optimizers = accelerator.prepare(model, *optimizers)
        self.model.train()
        self.curriculum = Curriculum(config)
        self.num_done, self.spoilt_steps, self.rollbacks, self.bad_steps = 0, 0, 0, 0
        self.rolled_back_to: int | None = None
        self.seconds_before, self.started = 0.0, time.perf_counter()
        self.unread: list[tuple[int, int, torch.Tensor]] = []
        self.average: dict[str, torch.Tensor] | None = None

    @property
    def train_seconds(self) -> float:
        """Wall-clock seconds of training so far, those before a resumption too."""
        return self.seconds_before + time.perf_counter() - self.started

    @property
    def plain_model(self) -> PreTrainedModel:
        """The model as it is now, or averaged over the last steps, in float32 and without wrappers."""
        self._plain_model.load_state_dict(self.raw_model.state_dict() if self.average is None else self.average)
        return self._plain_model

    def state(self) -> tuple[dict, dict, dict]:
        """(weights, state, progress) as `save_checkpoint` takes them."""
        return state_of(self)

    def load(self, weights: dict, state: dict, progress: dict) -> None:
        """Takes up the run where `state` was taken."""
        load_state(self, weights, state, progress)

    def roll_back(self, weights: dict, state: dict, progress: dict) -> None:
        """Takes up the run from an earlier checkpoint, with half the learning rates."""
        self.load(weights, state, progress)
        self.rollbacks += 1
        self.rolled_back_to = self.num_done

    @property
    def is_time_to_save(self) -> bool:
        """Whether a checkpoint is due; never amid bad steps, which may be the beginning of divergence."""
        every, done = self.config.save_every, self.num_done
        return bool(every) and (done % every == 0 or done == self.config.num_steps) and self.bad_steps == 0

    def batches(self) -> Iterator[Episodes]:
        """The episodes of the next step, one micro-batch of this process after the other."""
        accelerator, micro_batches = self.accelerator, self.micro_batches
        for micro in range(micro_batches):
            part = accelerator.process_index * micro_batches + micro
            num_parts = accelerator.num_processes * micro_batches
            yield self.curriculum.batch(self.num_done, part, num_parts, device=accelerator.device)

    def step(self, take: Callable[["Training"], torch.Tensor]) -> dict | None:
        """One optimiser update; its measures, as of `_read`, if it is a step after which they are read.

        Args:
            take: takes the step on `batches()`, gradients and the optimisers' update, and gives the sum of the
                micro-batches' measures, as of `measures.measure`.

        Raises:
            Diverged: the run's numbers have gone wrong; in all processes at once.
        """
        config, curriculum, step = self.config, self.curriculum, self.num_done
        set_learning_rates(self.optimizers, 0.5**self.rollbacks * learning_rate_factor(config, step))
        stage = curriculum.choose(step)[0]
        self.unread.append((step, stage, take(self).clone()))
        self.num_done = done = step + 1
        self._take_into_average()
        last = done == config.num_steps
        measures = None  # to read them, the host has to wait for a GPU: not after every step, if the config says so
        if done % config.read_every == 0 or done % config.log_every == 0 or last or curriculum.ends_at(done):
            measures = self._read()
        if (last or self.is_time_to_save) and not self._is_finite():
            raise Diverged(f"the weights are not finite after step {done}")
        return measures

    def _read(self) -> dict:
        """Reads the measures of all steps since the last reading; the curriculum may go to its next stage by them.

        Returns:
            Of the last step, over all processes: `loss`, `bayes_nll` (the floor under it), `determined_accuracy`.
        """
        hopeless = HOPELESS * math.log(self.curriculum.languages[0][0].vocab_size)
        sums = self.accelerator.reduce(torch.stack([sums for _, _, sums in self.unread])).tolist()
        for (step, stage, _), (loss, floor, right, determined, spoilt, count) in zip(self.unread, sums, strict=True):
            accuracy = right / max(determined, 1)
            measures = {"loss": loss / count, "bayes_nll": floor / count, "determined_accuracy": accuracy}
            self.curriculum.update(step, accuracy, stage)
            self.spoilt_steps += spoilt > 0
            self.bad_steps = self.bad_steps + 1 if spoilt or not measures["loss"] < hopeless else 0
            if self.bad_steps >= MAX_BAD_STEPS:
                kind = "gradients that are not finite" if spoilt else f"a loss of {measures['loss']:.3g}"
                raise Diverged(f"{self.bad_steps} bad steps in a row up to step {step + 1}, the last with {kind}")
        self.unread.clear()
        return measures

    def _take_into_average(self) -> None:
        """Takes the weights into their average, if this is one of the steps that count."""
        number = self.num_done - (self.config.num_steps - self.config.average_steps)
        if number <= 0:
            return
        weights = self.raw_model.state_dict()
        if number == 1 or self.average is None:
            self.average = {name: weight.clone() for name, weight in weights.items()}
        for name, average in self.average.items():
            average.add_((weights[name] - average) / number)

    def _is_finite(self) -> bool:
        return all(bool(parameter.isfinite().all()) for parameter in self.raw_model.parameters())
