"""A run's folder: whether it may be used, and all that is written into it and removed from it during the run."""

import shutil
from pathlib import Path

from accelerate import Accelerator
from transformers import PreTrainedModel

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.config.yaml_files import read_yaml
from metatrans_lab.errors import UserError, tell
from metatrans_lab.output import say
from metatrans_lab.report.summary import summary
from metatrans_lab.runs.checkpoints import (
    PREFIX,
    list_checkpoints,
    remove_checkpoint,
    save_checkpoint,
    set_aside,
    step_of,
)
from metatrans_lab.runs.claim import Claim
from metatrans_lab.runs.export import SNAPSHOT, complete_results, write_export, write_snapshot
from metatrans_lab.runs.identity import SCHEDULE, check_same_run, differing_key, run_identity, share_out
from metatrans_lab.runs.log import RunLog
from metatrans_lab.runs.rollback import roll_back
from metatrans_lab.runs.storage import CONFIG, RESULTS, Storage, empty, write_whole
from metatrans_lab.training.training import Training


class RunFolder:
    """A run's folder. The constructor checks that the run may use it, and writes nothing.

    Args:
        checkpoint, resumed: the path of the checkpoint, and what `load_checkpoint` gave; None: the run isn't resumed.

    Attributes:
        path: the folder's.
        log: the run's log of training and evaluations.
        micro_batches (int): the number of micro-batches that each process takes a step.
        resumed_threads (int or None): torch's number of threads when the checkpoint was saved.

    Raises:
        UserError: the folder can't be used or holds something else, or the checkpoint is of another run.
    """

    def __init__(
        self, config: TrainingConfig, accelerator: Accelerator, checkpoint: Path | None, resumed: tuple | None
    ) -> None:
        self.config, self.path, self.device = config, config.folder, accelerator.device
        self.identity = run_identity(config, accelerator.num_processes, accelerator.mixed_precision)
        self.micro_batches = config.gradient_accumulation_steps
        progress = None if resumed is None else resumed[2]
        if progress is not None:
            before, now = progress["num_processes"], accelerator.num_processes
            self.micro_batches = share_out(self.micro_batches, before, now)
            self.identity["num_processes"] = before  # a run keeps the number it began with
            check_same_run(self.identity, progress)
        self.resumed_step: int | None = None if progress is None else progress["step"]
        self.resumed_threads: int | None = None if progress is None else progress["num_threads"]
        self.storage = Storage(self.path, config.save_errors)
        self.log = RunLog(self.storage, config, self.micro_batches)
        self._claim = Claim(self.path)
        try:
            self._check_folder(checkpoint)
            if progress is not None:
                self.log.goes_on_from(progress["step"], progress["train_seconds"])
                self.log.read(progress["step"], progress["config"].get("num_steps", config.num_steps))
        except OSError as error:
            raise UserError(f"can't use the folder {self.path}: {error.strerror}") from error

    def _check_folder(self, checkpoint: Path | None) -> None:
        """Raises UserError if the folder holds something that this run may not replace or continue."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise UserError(f"{self.path} is a file; give another --name or --output_dir")
        # A run that was killed as it began leaves nothing but the config that it was writing.
        if all(path.name == f".{CONFIG}" for path in self.path.iterdir()):
            return
        if not (self.path / CONFIG).is_file():
            raise UserError(f"{self.path} holds something that is no run; give another --name or --output_dir")
        own = checkpoint is not None and checkpoint.resolve().parent == self.path.resolve()
        if own or (checkpoint is None and (self.config.overwrite or self._is_cut_short())):
            return
        what, how = "another run", ""
        if list_checkpoints(self.path):
            how = "--resume_from_checkpoint latest goes on with it, "
        elif self.config.resume_from_checkpoint == "latest" and (self.path / RESULTS).exists():
            what = "a complete run, and no checkpoint to resume from"
        raise UserError(
            f"{self.path} holds {what}: {how}--overwrite removes it, --name or --output_dir choose another folder"
        )

    def _is_cut_short(self) -> bool:
        """Whether the run is to be resumed, and the folder holds what it left before its first checkpoint."""
        if self.config.resume_from_checkpoint != "latest" or (self.path / RESULTS).exists():
            return False
        try:
            saved = read_yaml((self.path / CONFIG).read_text())
        except (UserError, UnicodeDecodeError):
            return False
        asked = self.identity["config"]
        return isinstance(saved, dict) and differing_key(asked, saved | {key: asked[key] for key in SCHEDULE}) is None

    def begin(self) -> None:
        """Makes and claims the folder, and writes its config and, if the run is resumed, the log so far.

        Raises:
            UserError: it can't be written, or another process trains in it.
        """
        try:
            folder = self.path.resolve()
            folder.mkdir(parents=True, exist_ok=True)
            self._claim.take()  # before anything in it is touched
            if self.resumed_step is None:
                empty(folder)
                if self.config.resume_from_checkpoint is not None:
                    tell(
                        "train.py", f"{self.path} has no checkpoint to resume from; the run starts from its beginning"
                    )
            for leftover in (*self.path.glob(f"{SNAPSHOT}*"), *self.path.glob(f".{PREFIX}*")):
                shutil.rmtree(leftover)
            (self.path / RESULTS).unlink(missing_ok=True)  # it marks a complete run
            self._forget_what_came_after()
            write_whole(self.path / CONFIG, self.config.to_yaml())
            self.log.write()
        except OSError as error:
            raise UserError(f"can't write to the folder {self.path}: {error.strerror}") from error

    def _forget_what_came_after(self) -> None:
        """Removes the checkpoints that are later than the one that the run resumes from. If it resumes from "latest",
        these were passed over because they are broken; they stay, under another name.
        """
        for later in list_checkpoints(self.path):
            if step_of(later) > (self.resumed_step or 0):
                broken = self.config.resume_from_checkpoint == "latest"
                set_aside(later) if broken else remove_checkpoint(later)

    def release(self) -> None:
        """Lets others train in the folder."""
        self._claim.release()

    def save(self, training: Training) -> Path | None:
        """Saves a checkpoint and gives its path; None if it couldn't be written and the run goes on without it.

        Raises:
            TrainingError: it can't be written, and the run may not go on without it.
        """
        step, keep = training.num_done, self.config.keep_checkpoints
        weights, state, progress = training.state()
        with self.storage.writing(f"{PREFIX}{step}"):
            return save_checkpoint(self.path, step, weights, state, self.identity | progress, keep)
        return None

    def roll_back(self, training: Training, why: Exception) -> None:
        """Takes the training back to the last checkpoint: see `metatrans_lab.runs.rollback`."""
        roll_back(training, why, self.storage, self.log)

    def write_snapshot(self, model: PreTrainedModel, step: int) -> Path | None:
        """Writes the folder that is pushed at a checkpoint: see `metatrans_lab.runs.export`."""
        return write_snapshot(model, self.config, step, self.storage)

    def finish(self, model: PreTrainedModel, evaluation: dict, ragged: dict, train_seconds: float) -> dict:
        """Logs the last evaluation, writes the folder that the Hub gets, and prints the summary; gives the figures for
        trackers.
        """
        config = self.config
        tracked = self.log.evaluation(config.num_steps, evaluation)
        results = complete_results(config, self.identity, model, self.device, evaluation, ragged, train_seconds)
        write_export(model, config, results, self.storage)
        say(summary(results, self.path))
        return tracked
