"""Metatrains a model on endless made-up languages.

    accelerate launch train.py --config configs/cpu.yaml [--any_key value] [--model.hidden_size 128] …

Without --config it is configs/cpu.yaml; what a config leaves out has the default that --help shows.

The keys are those of `metatrans_lab.configuration.TrainingConfig`. What comes out, and where: see README.md.
Exit codes: 0 done; 1 the disk is full, or a fault of ours; 2 bad input, nothing written; 3 trained, but not pushed to
the Hub; 130 or 143 stopped by a signal, saved, resumable.
"""

import copy
import errno
import os
import sys
import time
from functools import partial
from pathlib import Path

# Read by torch when it first allocates: large buffers in large pages, of which there are fewer to fault in.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import torch
from accelerate import Accelerator
from tqdm import tqdm

from dataset_script import Episodes, bayes_nll
from metatrans_lab.captured import CapturedSteps
from metatrans_lab.checkpoints import find_checkpoint, load_checkpoint, save_checkpoint
from metatrans_lab.configuration import TrainingConfig, describe_keys, parse_overrides, read_config
from metatrans_lab.curriculum import Curriculum
from metatrans_lab.errors import UserError, exit_with
from metatrans_lab.evaluation import RAGGED_MAX_LENGTH, evaluate, ragged_exact_match
from metatrans_lab.hub import HubPusher
from metatrans_lab.machine import choose_mixed_precision, keep_memory, random_state, set_random_state, share_of_cores
from metatrans_lab.models import build_model
from metatrans_lab.optimization import build_optimizers, make_capturable, set_learning_rates
from metatrans_lab.outputs import RunFolder
from metatrans_lab.parallel import PartwiseGradients
from metatrans_lab.signals import StopSignal

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def update(accelerator, model, optimizers, partwise, config: TrainingConfig, episodes: Episodes) -> torch.Tensor:
    """Gradients of a micro-batch, and after the last one the optimisers' update; on a GPU the host waits for nothing.

    Returns:
        (5,) float64: mean loss, the Bayes floor under it, right and all determined tokens, 1.
    """
    input_ids, labels = episodes.input_ids, episodes.labels(config.loss_on)
    width = input_ids.shape[1]
    if input_ids.device.type == "cpu":
        width = int(episodes.token_counts.max())  # rows of drawn lengths are as wide as the longest could be
    input_ids, labels = input_ids[:, :width].long(), labels[:, :width].long()
    with accelerator.accumulate(model):
        if partwise is None:
            outputs = model(input_ids=input_ids, labels=labels, use_cache=False)
            loss, logits = outputs.loss, outputs.logits
            accelerator.backward(loss)
        else:
            loss, logits = partwise(model, input_ids, labels, scale=1 / config.gradient_accumulation_steps)
        if config.max_grad_norm is not None and accelerator.sync_gradients:
            accelerator.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    with torch.no_grad():
        counted, determined = labels[:, 1:] != -100, episodes.determined[:, 1:width]
        right = logits[:, :-1].argmax(-1) == labels[:, 1:]
        # Who is never asked for source words knows that ␂ comes, whatever the lengths: only target words cost.
        priced = counted if config.loss_on == "all" else episodes.is_target[:, 1:width]
        floor = (bayes_nll(episodes)[:, 1:width] * priced).sum() / counted.sum()
        measures = loss, floor, (right & determined).sum(), determined.sum(), labels.new_ones(())
        return torch.stack([measure.double() for measure in measures])


def train_step(accelerator, model, optimizers, curriculum, partwise, captured, config, step: int) -> torch.Tensor:
    """One optimiser update; the sum of its micro-batches' measures, of which `read_measures` makes means."""
    if captured is not None:
        return captured(curriculum.choose(step)[1], step * config.batch_size)
    micro_batches = config.gradient_accumulation_steps
    sums = torch.zeros(5, dtype=torch.float64, device=accelerator.device)
    for micro in range(micro_batches):
        part = accelerator.process_index * micro_batches + micro
        episodes = curriculum.batch(step, part, accelerator.num_processes * micro_batches, device=accelerator.device)
        sums += update(accelerator, model, optimizers, partwise, config, episodes)
    return sums


def read_measures(accelerator, steps: list[torch.Tensor]) -> list[dict]:
    """Of each step, from all processes: mean loss, the Bayes floor under it, accuracy on determined tokens."""
    return [
        {"loss": loss / count, "bayes_nll": floor / count, "determined_accuracy": right / max(determined, 1)}
        for loss, floor, right, determined, count in accelerator.reduce(torch.stack(steps)).tolist()
    ]


def main(arguments: list[str]) -> int:
    if {"-h", "--help"} & set(arguments):
        print(f"{__doc__}\n{describe_keys()}")
        return 0
    keep_memory()
    overrides = parse_overrides(arguments)
    config = read_config(overrides.pop("config", "configs/cpu.yaml"), overrides)
    language = config.language_config()
    checkpoint, resumed = None, None
    if config.resume_from_checkpoint is not None:
        checkpoint = find_checkpoint(config.resume_from_checkpoint, config.folder)
        resumed = load_checkpoint(checkpoint)
    torch.manual_seed(config.seed)
    model = build_model(config.model, language, max(config.max_episode_length, RAGGED_MAX_LENGTH))
    accelerator = Accelerator(
        mixed_precision=choose_mixed_precision(config.mixed_precision),
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        log_with=None if config.log_with == "none" else config.log_with,
        project_dir=config.folder,
    )
    run = RunFolder(config, accelerator, checkpoint, resumed)

    partwise = None
    if accelerator.device.type == "cpu":
        num_threads = config.num_threads or run.resumed_threads or share_of_cores()
        num_parts = config.num_parts if accelerator.num_processes == 1 else 1
        threads_inside = max(1, num_threads // num_parts)
        torch.set_num_threads(threads_inside)
        if num_parts > 1:
            partwise = PartwiseGradients(num_parts, min(num_parts, num_threads), threads_inside)
    # Evaluated is what will be saved: the plain float32 model, without the wrapper that mixes precisions.
    plain_model = copy.deepcopy(model).to(accelerator.device)
    optimizers = build_optimizers(model, config, pool=None if partwise is None else partwise.pool)
    trained_model, *optimizers = accelerator.prepare(model, *optimizers)
    curriculum = Curriculum(config)
    first_step, seconds_before = 0, 0.0
    unread: list[tuple[int, int, torch.Tensor]] = []  # of steps whose measures weren't read yet: step, stage, measures
    if resumed is not None:
        weights, state, progress = resumed
        model.load_state_dict(weights)
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        set_random_state(state["random"])
        curriculum.load_state_dict(progress["curriculum"])
        unread = [
            (step, stage, torch.tensor(sums, dtype=torch.float64, device=accelerator.device))
            for step, stage, sums in progress.get("unread", [])
        ]
        first_step, seconds_before = progress["step"], progress["train_seconds"]

    captured = None
    alone = accelerator.num_processes == config.gradient_accumulation_steps == 1
    if accelerator.device.type == "cuda" and alone and config.model.get("model_type", "metalstm") == "metalstm":
        make_capturable(optimizers, accelerator.device)
        work = partial(update, accelerator, trained_model, optimizers, None, config)
        captured = CapturedSteps(work, config.batch_size, accelerator.device)

    start = time.perf_counter()

    def train_seconds() -> float:
        return seconds_before + time.perf_counter() - start

    def save(step: int) -> Path:
        state = {"optimizers": [optimizer.state_dict() for optimizer in optimizers], "random": random_state()}
        progress = run.identity | {
            "step": step,
            "train_seconds": train_seconds(),
            "num_threads": num_threads if accelerator.device.type == "cpu" else None,
            "curriculum": curriculum.state_dict(),
            "unread": [(step, stage, sums.tolist()) for step, stage, sums in unread],
        }
        return save_checkpoint(run.path, step, model.state_dict(), state, progress, config.keep_checkpoints)

    hub = None
    if config.push_to_hub and accelerator.is_main_process:
        hub = HubPusher(config.hub_model_id or config.name, config.hub_private, config.hub_patience)
    if accelerator.is_main_process:
        run.begin()
    accelerator.wait_for_everyone()
    if config.log_with != "none":
        accelerator.init_trackers(config.name, config=config.flat())
    stop = StopSignal()
    trained_model.train()
    bar = tqdm(
        total=config.num_steps,
        initial=first_step,
        unit="step",
        disable=not accelerator.is_main_process,
        mininterval=0.2 if sys.stderr.isatty() else 10,
        dynamic_ncols=True,
    )
    for step in range(first_step, config.num_steps):
        set_learning_rates(optimizers, config.learning_rate_factor(step))
        stage = curriculum.choose(step)[0]
        sums = train_step(accelerator, trained_model, optimizers, curriculum, partwise, captured, config, step)
        unread.append((step, stage, sums.clone()))
        done, last = step + 1, step + 1 == config.num_steps
        # Reading has the host wait for a GPU.
        if done % config.read_every == 0 or done % config.log_every == 0 or last or curriculum.ends_at(done):
            steps, stages, sums = zip(*unread, strict=True)
            unread.clear()
            for number, drawn_from, measures in zip(steps, stages, read_measures(accelerator, sums), strict=True):
                curriculum.update(number, measures["determined_accuracy"], drawn_from)
        if accelerator.is_main_process and (done % config.log_every == 0 or last):
            episodes_per_second = run.log_training(done, curriculum.stage, measures, train_seconds())
            accelerator.log(measures, step=done)
            bar.set_postfix_str(
                f"loss {measures['loss']:.3f} regret {measures['loss'] - measures['bayes_nll']:.3f} "
                f"stage {curriculum.stage + 1}/{len(curriculum.stages)} {episodes_per_second:.0f} episodes/s",
                refresh=False,
            )
        bar.update()
        if config.eval_every and done % config.eval_every == 0 and not last:
            if accelerator.is_main_process:
                plain_model.load_state_dict(model.state_dict())
                results = evaluate(
                    plain_model, language, "validation", config.eval_episodes, config.loss_on, exact_match=False
                )
                accelerator.log(run.log_evaluation(done, results), step=done)
            accelerator.wait_for_everyone()
        stopped = stop.came_anywhere(accelerator)
        if stopped or (config.save_every and done % config.save_every == 0 and not last):
            if accelerator.is_main_process:
                saved = save(done)
                if hub is not None and config.hub_strategy == "every_save":
                    plain_model.load_state_dict(model.state_dict())
                    hub.push_in_background(run.write_snapshot(plain_model, done), f"Step {done}")
            accelerator.wait_for_everyone()
        if stopped:
            bar.close()
            if hub is not None:
                hub.abandon()
            if accelerator.is_main_process:
                print(
                    f"stopped by a signal; saved {saved}, the same command goes on with --resume_from_checkpoint "
                    "latest",
                    flush=True,
                )
            return 128 + stopped
    bar.close()
    seconds = train_seconds()

    if accelerator.is_main_process:
        if accelerator.device.type == "cpu":
            torch.set_num_threads(num_threads)
        plain_model.load_state_dict(model.state_dict())
        results = evaluate(plain_model, language, "test", config.final_eval_episodes, config.loss_on)
        ragged = ragged_exact_match(plain_model, language)
        accelerator.log(run.finish(plain_model, results, ragged, seconds), step=config.num_steps)
    # Else its reducer, as the last to hold gloo's process group, would end it with the GIL, for which gloo may wait.
    del trained_model
    accelerator.free_memory()
    accelerator.end_training()
    if hub is not None:
        failure = hub.finish(run.path, f"Step {config.num_steps}, the end of training", f"step-{config.num_steps}")
        if failure is not None:
            later = f"hf upload {hub.repository} {run.path} --exclude 'checkpoint-*'"
            print(f"train.py: trained, but not pushed ({failure}); push it later with {later}", file=sys.stderr)
            return 3
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        exit_with(error, "train.py")
    except Exception as error:
        # Python, torch and safetensors have classes of their own for this, but the system's words in common.
        full = [os.strerror(code) for code in DISK_FULL if os.strerror(code) in str(error)]
        if not full:
            raise
        print(f"\ntrain.py: {full[0]}; what was saved before is still there", file=sys.stderr)
        sys.exit(1)
