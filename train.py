"""Metatrains a model on endless made-up languages.

    accelerate launch train.py --config configs/cpu.yaml [--any_key value] [--model.hidden_size 128] …

Without --config it is configs/cpu.yaml; what a config leaves out has the default that --help shows. Where metatrans is
installed without its repository, this is `metatrans train --config cpu …`, and on several processes
`accelerate launch --module metatrans_lab.train --config cpu …`.

The keys are those of `metatrans_lab.config.TrainingConfig`. What comes out, and where: see README.md; what happens
when something goes wrong: docs/reliability.md.
Exit codes: 0 done; 1 it couldn't go on (a full disk, another process that ended, numbers gone wrong), or a fault of
ours; 2 bad input, nothing written; 3 trained, but not pushed to the Hub; 130 or 143 stopped by a signal, saved,
resumable.
"""

import math
import os
import signal
import sys
from collections.abc import Callable
from functools import partial

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is something to save, Ctrl-C ends it without a word

# Read by torch when it first allocates: large buffers in large pages, of which there are fewer to fault in.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import torch

from dataset_script import Episodes
from metatrans_lab.config.command_line import describe_keys, parse_overrides, read_config
from metatrans_lab.machine import keep_memory
from metatrans_lab.output import to_its_reader
from metatrans_lab.runs.exit_codes import guarded
from metatrans_lab.runs.run import Run
from metatrans_lab.training.captured import capture
from metatrans_lab.training.measures import leave_out_unless_finite, loss_and_logits, measure, to_batch
from metatrans_lab.training.parts import step_in_parts
from metatrans_lab.training.training import Diverged, Training


def update(training: Training, episodes: Episodes) -> torch.Tensor:
    """A micro-batch's gradients and, after the last one of a step, the optimisers' update; its measures, (6,)."""
    config, accelerator, model = training.config, training.accelerator, training.model
    batch = to_batch(episodes, **config.batch_settings)
    with accelerator.accumulate(model):
        loss, logits = loss_and_logits(model, batch)
        accelerator.backward(loss)
        spoilt = None
        if accelerator.sync_gradients:
            length = accelerator.clip_grad_norm_(model.parameters(), config.max_grad_norm or math.inf)
            spoilt = leave_out_unless_finite(model, length)
        for optimizer in training.optimizers:
            optimizer.step()
            optimizer.zero_grad()
    return measure(episodes, config.loss_on, batch.labels, loss, logits, spoilt)


def plain_step(training: Training) -> torch.Tensor:
    """A step's update by all of its micro-batches; the sum of their measures, as of `measures.measure`."""
    return torch.stack([update(training, episodes) for episodes in training.batches()]).sum(0)


def choose_step(training: Training) -> Callable[[Training], torch.Tensor]:
    """The plain step, or a faster way to the same update; anew whenever a checkpoint was loaded."""
    captured = capture(training, partial(update, training))
    if captured is not None:
        return captured
    if training.parts is not None and training.parts.num_parts > 1:
        return step_in_parts
    return plain_step


def train(run: Run) -> int:
    """Trains to the last step, or to a signal, whose number it gives then; 0 otherwise.

    Raises:
        TrainingError: it can't go on.
    """
    config, training = run.config, run.training
    step = choose_step(training)
    while training.num_done < config.num_steps:
        try:
            measures = training.step(step)
        except Diverged as error:
            run.roll_back(error)
            step = choose_step(training)
            continue
        done, last = training.num_done, training.num_done == config.num_steps
        if measures is not None and (done % config.log_every == 0 or last):
            run.log(measures)
        run.bar.update()
        if config.eval_every and done % config.eval_every == 0 and not last:
            run.evaluate()
        stopped = run.stop_signal()
        if stopped or training.is_time_to_save:
            run.save(stopped)
        if stopped:
            return stopped
    return 0


def main(arguments: list[str]) -> int:
    """Reads what is asked for, trains, evaluates, exports, pushes; gives the exit code."""
    if {"-h", "--help"} & set(arguments):
        with to_its_reader():
            print(f"{__doc__}\n{describe_keys()}")
        return 0
    keep_memory()
    overrides = parse_overrides(arguments)
    config = read_config(overrides.pop("config", "configs/cpu.yaml"), overrides)
    with Run(config) as run:
        stopped = train(run)
        if stopped:
            return 128 + stopped
        run.export()
    return run.push()


if __name__ == "__main__":
    if sys.stdout is not None:  # closed
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a script's is no other class
    sys.exit(guarded(main, sys.argv[1:]))
