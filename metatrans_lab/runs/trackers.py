"""The tracker of a run: started before the run writes anything, so that one that fails costs nothing."""

import importlib
import os
import shutil
from pathlib import Path

from accelerate import Accelerator

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.errors import UserError

IN_FOLDER = "tensorboard"
"""The tracker that writes into the run's folder, and so waits for it; of this one the import is tried before."""


def start_tracker(accelerator: Accelerator, config: TrainingConfig) -> None:
    """Starts the run's tracker, if it has one; call it before the folder is begun.

    Raises:
        UserError: it can't be started. What it wrote is removed again.
    """
    if config.log_with == "none" or not accelerator.is_main_process:
        return
    beside = config.folder.resolve().parent  # a run's folder is emptied when it begins, and goes to the Hub
    made = [path for path in (beside / "wandb", beside, *beside.parents) if not path.exists()]
    try:
        importlib.import_module(config.log_with)
        if config.log_with != IN_FOLDER:
            where = {} if "WANDB_DIR" in os.environ else {"wandb": {"dir": str(beside)}}
            accelerator.init_trackers(config.name, config=config.flat(), init_kwargs=where)
    except Exception as error:  # a tracker may raise anything
        _remove(made)
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UserError(
            f"log_with {config.log_with} can't be started: {reason}; set it up, or leave out log_with"
        ) from error


def start_tracker_in_folder(accelerator: Accelerator, config: TrainingConfig) -> None:
    """Starts the tracker that writes into the run's folder, if that is the run's; call it when the folder is there."""
    if config.log_with == IN_FOLDER:
        accelerator.init_trackers(config.name, config=config.flat())


def _remove(made: list[Path]) -> None:
    """Removes folders that weren't there before, inner ones first, those above wandb's own only if they are empty."""
    for path in made:
        if path.name == "wandb":
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
