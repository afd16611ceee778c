"""Metatrains a model on endless made-up languages.

    accelerate launch train.py --config configs/cpu.yaml [--any_key value] [--model.hidden_size 128] …

Without --config it is configs/cpu.yaml; what a config leaves out has the default that --help shows.

The keys are those of `metatrans_lab.config.keys.TrainingConfig`. What comes out, and where: see README.md; what
happens when something goes wrong: docs/reliability.md.
Exit codes: 0 done; 1 it couldn't go on (a full disk, another process that ended, numbers gone wrong), or a fault of
ours; 2 bad input, nothing written; 3 trained, but not pushed to the Hub; 130 or 143 stopped by a signal, saved,
resumable.
"""

import os
import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is something to save, Ctrl-C ends it without a word

# Read by torch when it first allocates: large buffers in large pages, of which there are fewer to fault in.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import torch
from accelerate import Accelerator
from tqdm import tqdm

from metatrans_lab.config.command_line import describe_keys, parse_overrides, read_config
from metatrans_lab.errors import UserError, tell
from metatrans_lab.evaluation.answers import RAGGED_MAX_LENGTH, ragged_exact_match
from metatrans_lab.evaluation.figures import evaluate
from metatrans_lab.hub.pusher import HubPusher
from metatrans_lab.machine import choose_mixed_precision, keep_memory, share_of_cores
from metatrans_lab.models.build import build_model
from metatrans_lab.models.limits import check_batch
from metatrans_lab.runs.checkpoints import open_checkpoint
from metatrans_lab.runs.exit_codes import NOT_PUSHED, RESUME, guarded
from metatrans_lab.runs.folder import RunFolder
from metatrans_lab.runs.processes import joining
from metatrans_lab.runs.signals import StopSignal
from metatrans_lab.training.training import Diverged, Training


def main(arguments: list[str]) -> int:
    if {"-h", "--help"} & set(arguments):
        print(f"{__doc__}\n{describe_keys()}")
        return 0
    keep_memory()
    overrides = parse_overrides(arguments)
    config = read_config(overrides.pop("config", "configs/cpu.yaml"), overrides)
    checkpoint, resumed = None, None
    if config.resume_from_checkpoint is not None:
        checkpoint, resumed = open_checkpoint(config.resume_from_checkpoint, config.folder)
    check_batch(config)
    torch.manual_seed(config.seed)
    model = build_model(config.model, config.language_config(), max(config.max_episode_length, RAGGED_MAX_LENGTH))
    with joining():
        accelerator = Accelerator(
            mixed_precision=choose_mixed_precision(config.mixed_precision),
            log_with=None if config.log_with == "none" else config.log_with,
            project_dir=config.folder,
        )
    run = RunFolder(config, accelerator, checkpoint, resumed)
    num_threads = None
    if accelerator.device.type == "cpu":
        num_threads = config.num_threads or run.resumed_threads or share_of_cores()
    training = Training(config, accelerator, model, run.micro_batches, num_threads)
    if resumed is not None:
        try:
            training.load(*resumed)
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise UserError(f"{checkpoint} doesn't fit this run: {str(error).splitlines()[0]}") from error

    hub = None
    if config.push_to_hub and accelerator.is_main_process:
        hub = HubPusher(config.hub_model_id or config.name, config.hub_private, config.hub_patience)
    trained = False
    try:
        if accelerator.is_main_process:
            run.begin()
        accelerator.wait_for_everyone()
        if config.log_with != "none":
            accelerator.init_trackers(config.name, config=config.flat())
        stop = StopSignal()
        stopped = train(training, run, hub, stop)
        if stopped:
            return 128 + stopped
        how = RESUME if config.save_every else "nothing was saved (save_every is 0)"
        stop.leave_at_once(f"stopped by a signal; trained, but not evaluated: {how}")
        finish(training, run)
        stop.leave_at_once("stopped by a signal; trained, but not pushed")
        trained = True
    finally:
        run.release()
        if hub is not None and not trained:
            hub.abandon()
    # Else its reducer, as the last to hold gloo's process group, would end it with the GIL, for which gloo may wait.
    del training
    accelerator.free_memory()
    accelerator.end_training()
    if hub is not None:
        failure = hub.finish(run.path, f"Step {config.num_steps}, the end of training", f"step-{config.num_steps}")
        if failure is not None:
            later = f"hf upload {hub.repository} {run.path} --exclude 'checkpoint-*'"
            tell("train.py", f"trained, but not pushed ({failure}); push it later with {later}")
            return NOT_PUSHED
    return 0


def train(training: Training, run: RunFolder, hub: HubPusher | None, stop: StopSignal) -> int:
    """Trains to the last step, or to a signal, whose number it gives then; 0 otherwise.

    Raises:
        TrainingError: it can't go on.
    """
    config, accelerator = training.config, training.accelerator
    main_process = accelerator.is_main_process
    bar = tqdm(
        total=config.num_steps,
        initial=training.num_done,
        unit="step",
        disable=not main_process,
        mininterval=0.2 if sys.stderr.isatty() else 10,
        dynamic_ncols=True,
    )
    with bar:
        while training.num_done < config.num_steps:
            try:
                measures = training.step()
            except Diverged as error:
                run.roll_back(training, error)
                accelerator.wait_for_everyone()
                bar.reset()
                bar.update(training.num_done)
                continue
            done, last = training.num_done, training.num_done == config.num_steps
            if main_process and (done % config.log_every == 0 or last):
                episodes_per_second = run.log.training(training, measures)
                accelerator.log(measures, step=done)
                bar.set_postfix_str(
                    f"loss {measures['loss']:.3f} regret {measures['loss'] - measures['bayes_nll']:.3f} "
                    f"stage {training.curriculum.stage + 1}/{len(training.curriculum.stages)} "
                    f"{episodes_per_second:.0f} episodes/s",
                    refresh=False,
                )
            bar.update()
            if config.eval_every and done % config.eval_every == 0 and not last:
                if main_process:
                    model, language = training.plain_model, config.language_config()
                    num_episodes = config.eval_episodes
                    results = evaluate(model, language, "validation", num_episodes, config.loss_on, exact_match=False)
                    accelerator.log(run.log.evaluation(done, results), step=done)
                accelerator.wait_for_everyone()
            stopped = stop.came_anywhere(accelerator)
            if stopped or training.is_time_to_save:
                saved = run.save(training) if main_process else None
                training.rolled_back_to = None
                if hub is not None and config.hub_strategy == "every_save" and not (stopped or last):
                    hub.push_in_background(run.write_snapshot(training.plain_model, done), f"Step {done}")
                accelerator.wait_for_everyone()
            if stopped:
                bar.close()
                if main_process:
                    how = f"saved {saved}, {RESUME}" if saved else "not saved"
                    print(f"stopped by a signal; {how}", flush=True)
                return stopped
    return 0


def finish(training: Training, run: RunFolder) -> None:
    """The last evaluation, and the folder as the Hub gets it."""
    config, accelerator = training.config, training.accelerator
    seconds = training.train_seconds
    if accelerator.is_main_process:
        if training.num_threads is not None:
            torch.set_num_threads(training.num_threads)
        model, language = training.plain_model, config.language_config()
        results = evaluate(model, language, "test", config.final_eval_episodes, config.loss_on)
        ragged = ragged_exact_match(model, language)
        accelerator.log(run.finish(model, results, ragged, seconds), step=config.num_steps)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(guarded(main, sys.argv[1:]))
