"""What a run's keys may be: whatever is wrong with them, in a sentence, before anything is built."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from dataset_script.families.contract import SPLITS
from dataset_script.lexicons import split_lexicons
from metatrans_lab.errors import UserError

if TYPE_CHECKING:
    from metatrans_lab.config.keys import TrainingConfig

_SMALLEST = {
    "num_steps": 1,
    "batch_size": 1,
    "gradient_accumulation_steps": 1,
    "num_parts": 1,
    "alignment_layer": 1,
    "alignment_weight": 0.0,
    "learning_rate": 0.0,
    "muon_learning_rate": 0.0,
    "muon_iterations": 1,
    "weight_decay": 0.0,
    "warmup_steps": 0,
    "decay_steps": 0,
    "average_steps": 0,
    "num_threads": 1,
    "log_every": 1,
    "read_every": 1,
    "eval_every": 0,
    "eval_episodes": 2,
    "final_eval_episodes": 2,
    "save_every": 0,
    "keep_checkpoints": 1,
    "max_rollbacks": 0,
    "hub_patience": 0.0,
}


def check_config(config: TrainingConfig) -> None:
    """
    Raises:
        UserError: an impossible value. ValueError: one of the languages'; both messages say what is allowed.
    """
    for name, low in _SMALLEST.items():
        value = getattr(config, name)
        if value is not None and not value >= low:
            raise UserError(f"{name} must be at least {low}, got {value}")
    if not 0 <= config.muon_momentum < 1:
        raise UserError(f"muon_momentum must be in [0, 1), got {config.muon_momentum}")
    if not config.decay_power > 0:
        raise UserError(f"decay_power must be above 0, got {config.decay_power}")
    if config.max_grad_norm is not None and not config.max_grad_norm > 0:
        raise UserError(f"max_grad_norm must be above 0, or null for no clipping, got {config.max_grad_norm}")
    for name in ("output_dir", "resume_from_checkpoint", "initial_weights"):
        if getattr(config, name) == "":
            raise UserError(f"{name} is empty; give a folder, or leave it out")
    if not config.name or Path(config.name).name != config.name or config.name.startswith("."):
        raise UserError(f"name must be a plain folder name, got {config.name!r}")
    if config.decay_steps + config.warmup_steps > config.num_steps:
        raise UserError(
            f"warmup_steps + decay_steps must be at most num_steps ({config.num_steps}), "
            f"got {config.warmup_steps} + {config.decay_steps}; lower them too"
        )
    if len(config.adam_betas) != 2 or not all(0 <= beta < 1 for beta in config.adam_betas):
        raise UserError(f"adam_betas must be two numbers in [0, 1), got {config.adam_betas}")
    if not config.curriculum:
        raise UserError("curriculum must have at least one stage")
    if config.log_with != "none" and not _is_installed(config.log_with):
        raise UserError(f"log_with {config.log_with} needs its package: pip install {config.log_with}")
    if config.hub_dataset_id is not None and not _names_repository(config.hub_dataset_id):
        raise UserError(f"hub_dataset_id must be like user/name, got {config.hub_dataset_id!r}")
    _check_curriculum(config)
    for split in SPLITS:
        split_lexicons(config.language_config(), split)  # ValueError if it has none


def _check_curriculum(config: TrainingConfig) -> None:
    step_before = 0
    for number, stage in enumerate(config.curriculum):
        where = f"curriculum[{number}]"
        if not stage.languages:
            raise UserError(f"{where}.languages must name at least one set of knobs ({{}} is one)")
        for knobs in stage.languages:
            for name in knobs:
                if name == "family" or name in config.language_config().run_knobs:
                    raise UserError(f"{where}.languages can't set {name}, which is the run's; set it in language")
            config.language_config(knobs)
        if not 0 <= stage.replay < 1:
            raise UserError(f"{where}.replay must be a fraction in [0, 1), got {stage.replay}")
        if stage.until_accuracy is not None and not 0 < stage.until_accuracy <= 1:
            raise UserError(f"{where}.until_accuracy must be a fraction in (0, 1], got {stage.until_accuracy}")
        if stage.until_step is not None:
            if stage.until_step <= step_before:
                raise UserError(f"{where}.until_step must be at least {step_before + 1}, got {stage.until_step}")
            step_before = stage.until_step
        if stage.until_step is stage.until_accuracy is None and number < len(config.curriculum) - 1:
            raise UserError(f"{where} needs until_step or until_accuracy to be followed by a stage")


def _is_installed(package: str) -> bool:
    """Whether there is a package of that name, which a folder of a tracker's files isn't."""
    found = importlib.util.find_spec(package)
    return found is not None and found.origin is not None


def _names_repository(text: str) -> bool:
    """Whether it is like user/name, in characters that the Hub takes."""
    try:
        validate_repo_id(text)
    except HFValidationError:
        return False
    return "/" in text
