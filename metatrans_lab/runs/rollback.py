"""Rollback: a run whose numbers have gone wrong goes back to its last checkpoint."""

from metatrans_lab.errors import TrainingError, UserError, tell
from metatrans_lab.runs.checkpoints import list_checkpoints, open_checkpoint, set_aside, step_of
from metatrans_lab.runs.log import RunLog
from metatrans_lab.runs.storage import LOG, Storage
from metatrans_lab.training.training import Training


def roll_back(training: Training, why: Exception, storage: Storage, log: RunLog) -> None:
    """Takes the training back, with half the learning rates. Later checkpoints may have bad numbers; they are renamed.

    Raises:
        TrainingError: there is no checkpoint, or there were `max_rollbacks` before.
    """
    wrong = f"the numbers have gone wrong ({why})"
    if training.rollbacks == training.config.max_rollbacks:
        times = f"after {training.rollbacks} times back to a checkpoint" if training.rollbacks else "and going back"
        raise TrainingError(f"{wrong}, {times} is not allowed (max_rollbacks); lower the learning rates")
    try:
        checkpoint, loaded = open_checkpoint("latest", storage.path, before=training.rolled_back_to)
    except UserError as error:
        raise TrainingError(f"{wrong}, and {error}; lower the learning rates, or set save_every") from error
    before = training.num_done
    training.roll_back(*loaded)
    step = training.num_done
    log.goes_on_from(step, training.train_seconds)
    rate = 0.5**training.rollbacks
    tell("train.py", f"{wrong}; going on from {checkpoint.name} with the learning rates times {rate:g}")
    if training.accelerator.is_main_process:
        with storage.writing(LOG):
            for later in list_checkpoints(storage.path):
                if step_of(later) > step:
                    set_aside(later)
            log.rollback(step, before, rate)
