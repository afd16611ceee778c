"""Metatrains a model on endless made-up languages.

    accelerate launch train.py --config configs/cpu.yaml [--any_key value] [--model.hidden_size 128] …

The keys are those of `metatrans_lab.configuration.TrainingConfig`. What comes out, and where: see README.md.
Exit codes: 0 done; 2 bad input, nothing written; 130 or 143 stopped by a signal, saved, resumable.
"""

import os
import sys
import time
from pathlib import Path

# Read by torch when it first allocates: large buffers in large pages, or page faults take a third of a step on a CPU.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import torch
from accelerate import Accelerator
from accelerate.utils import GradScalerKwargs
from tqdm import tqdm

from dataset_script import bayes_nll
from metatrans_lab.checkpoints import find_checkpoint, load_checkpoint, save_checkpoint
from metatrans_lab.configuration import TrainingConfig, parse_overrides, read_config
from metatrans_lab.curriculum import Curriculum
from metatrans_lab.errors import UserError, exit_with
from metatrans_lab.evaluation import evaluate, ragged_exact_match
from metatrans_lab.machine import choose_mixed_precision, set_threads
from metatrans_lab.models import build_model
from metatrans_lab.optimization import build_optimizers, set_learning_rates
from metatrans_lab.outputs import RunFolder
from metatrans_lab.signals import StopSignal


def train_step(accelerator, model, optimizers, curriculum, config: TrainingConfig, step: int) -> dict[str, float]:
    """One optimiser update; the mean loss, the Bayes floor under it and the accuracy on determined tokens."""
    num_parts = accelerator.num_processes * config.gradient_accumulation_steps
    sums = torch.zeros(5, dtype=torch.float64, device=accelerator.device)
    for micro in range(config.gradient_accumulation_steps):
        part = accelerator.process_index * config.gradient_accumulation_steps + micro
        episodes = curriculum.batch(step, part, num_parts, device=accelerator.device)
        labels = episodes.labels(config.loss_on).long()
        with accelerator.accumulate(model):
            outputs = model(input_ids=episodes.input_ids.long(), labels=labels, use_cache=False)
            accelerator.backward(outputs.loss)
            if config.max_grad_norm is not None and accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), config.max_grad_norm)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
        with torch.no_grad():
            counted, determined = labels[:, 1:] != -100, episodes.determined[:, 1:]
            right = outputs.logits[:, :-1].argmax(-1) == labels[:, 1:]
            # Who is never asked for source words knows that ␂ comes, whatever the lengths: only target words cost.
            priced = counted if config.loss_on == "all" else episodes.is_target[:, 1:]
            floor = (bayes_nll(episodes)[:, 1:] * priced).sum() / counted.sum()
            sums += torch.stack(
                [outputs.loss, floor, (right & determined).sum(), determined.sum(), labels.new_ones(())]
            )
    loss, floor, right, determined, count = accelerator.reduce(sums).tolist()
    return {"loss": loss / count, "bayes_nll": floor / count, "determined_accuracy": right / max(determined, 1)}


def main(arguments: list[str]) -> int:
    overrides = parse_overrides(arguments)
    config = read_config(overrides.pop("config", "configs/cpu.yaml"), overrides)
    resumed = None
    if config.resume_from_checkpoint is not None:
        resumed = load_checkpoint(find_checkpoint(config.resume_from_checkpoint, config.folder))
    torch.manual_seed(config.seed)
    model = build_model(config.model, config.language_config())
    run = RunFolder(config, resumed=resumed)

    accelerator = Accelerator(
        mixed_precision=choose_mixed_precision(config.mixed_precision),
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        kwargs_handlers=[GradScalerKwargs(init_scale=2.0**14)],
    )
    if accelerator.device.type == "cpu":
        set_threads(config.num_threads, accelerator.num_processes)
    optimizers = build_optimizers(model, config)
    model, *optimizers = accelerator.prepare(model, *optimizers)
    curriculum = Curriculum(config)
    stop = StopSignal()
    bare_model = accelerator.unwrap_model(model)
    first_step, seconds_before = 0, 0.0
    if resumed is not None:
        weights, state, progress = resumed
        bare_model.load_state_dict(weights)
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        torch.set_rng_state(state["rng"])
        if accelerator.scaler is not None:
            accelerator.scaler.load_state_dict(state["scaler"])
        curriculum.load_state_dict(progress["curriculum"])
        first_step, seconds_before = progress["step"], progress["train_seconds"]

    def save(step: int) -> Path:
        state = {
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "rng": torch.get_rng_state(),
            "scaler": accelerator.scaler.state_dict() if accelerator.scaler is not None else {},
        }
        progress = {"step": step, "train_seconds": train_seconds(), "curriculum": curriculum.state_dict()}
        progress["config"] = run.config_values
        return save_checkpoint(config.folder, step, bare_model.state_dict(), state, progress, config.keep_checkpoints)

    start = time.perf_counter()

    def train_seconds() -> float:
        return seconds_before + time.perf_counter() - start

    if accelerator.is_main_process:
        run.begin(accelerator.device)
    accelerator.wait_for_everyone()
    model.train()
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
        measures = train_step(accelerator, model, optimizers, curriculum, config, step)
        curriculum.update(step, measures["determined_accuracy"])
        done = step + 1
        if accelerator.is_main_process and (done % config.log_every == 0 or done == config.num_steps):
            episodes_per_second = run.log_training(done, curriculum.stage, measures, train_seconds())
            bar.set_postfix_str(
                f"loss {measures['loss']:.3f} regret {measures['loss'] - measures['bayes_nll']:.3f} "
                f"stage {curriculum.stage + 1}/{len(curriculum.stages)} {episodes_per_second:.0f} episodes/s",
                refresh=False,
            )
        bar.update()
        if config.eval_every and done % config.eval_every == 0 and done < config.num_steps:
            if accelerator.is_main_process:
                language = config.language_config()
                results = evaluate(
                    bare_model, language, "validation", config.eval_episodes, config.loss_on, exact_match=False
                )
                run.log_evaluation(done, results)
            accelerator.wait_for_everyone()
        stopped = bool(accelerator.reduce(torch.tensor(float(stop.number or 0), device=accelerator.device)))
        if stopped or (config.save_every and done % config.save_every == 0 and done < config.num_steps):
            if accelerator.is_main_process:
                saved = save(done)
            accelerator.wait_for_everyone()
        if stopped:
            bar.close()
            accelerator.print(
                f"stopped by a signal after step {done}; saved {saved if accelerator.is_main_process else ''}, "
                "go on with --resume_from_checkpoint latest"
            )
            return 128 + (stop.number or 15)
    bar.close()
    seconds = train_seconds()

    if accelerator.is_main_process:
        language = config.language_config()
        results = evaluate(bare_model, language, "test", config.final_eval_episodes, config.loss_on)
        results |= ragged_exact_match(bare_model, language)
        run.finish(bare_model, results, seconds, config.batch_size * accelerator.num_processes)
    accelerator.end_training()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        exit_with(error, "train.py")
