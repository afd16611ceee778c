"""What a checkpoint holds of a training, and how a training goes on from one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from metatrans_lab.training.random_state import random_state, set_random_state

if TYPE_CHECKING:
    from metatrans_lab.training.training import Training


def state_of(training: Training) -> tuple[dict, dict, dict]:
    """(weights, state, progress), as `save_checkpoint` takes them."""
    state = {"optimizers": [optimizer.state_dict() for optimizer in training.optimizers], "random": random_state()}
    if training.average is not None:
        state["average"] = training.average
    progress = {
        "step": training.num_done,
        "train_seconds": training.train_seconds,
        "num_threads": training.num_threads,
        "curriculum": training.curriculum.state_dict(),
        "unread": [(step, stage, sums.tolist()) for step, stage, sums in training.unread],
        "spoilt_steps": training.spoilt_steps,
        "bad_steps": training.bad_steps,
        "rollbacks": training.rollbacks,
    }
    return training.raw_model.state_dict(), state, progress


def load_state(training: Training, weights: dict, state: dict, progress: dict) -> None:
    """Takes up the run where `state_of` was taken."""
    training.raw_model.load_state_dict(weights)
    for optimizer, saved in zip(training.optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    set_random_state(state["random"])
    average, device = state.get("average"), training.accelerator.device
    training.average = None if average is None else {name: weight.to(device) for name, weight in average.items()}
    training.curriculum.load_state_dict(progress["curriculum"])
    training.unread = [
        (step, stage, torch.tensor(sums, dtype=torch.float64, device=device))
        for step, stage, sums in progress["unread"]
    ]
    training.num_done, training.spoilt_steps, training.bad_steps = (
        progress[name] for name in ("step", "spoilt_steps", "bad_steps")
    )
    training.rollbacks = max(training.rollbacks, progress["rollbacks"])
    training.seconds_before, training.started = progress["train_seconds"], time.perf_counter()
