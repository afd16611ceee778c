"""A run's log.jsonl, and its pictures, which are redrawn with each evaluation."""

import json
import math

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.report.plots import plot_loss, plot_shots
from metatrans_lab.runs.storage import LOG, LOSS, SHOTS, Storage, read_log, write_whole
from metatrans_lab.training.training import Training


class RunLog:
    """The log in memory and, as far as it could be written, on the disk.

    Args:
        storage: the run's folder.
        config: the run's.
        micro_batches: the number of micro-batches that each process takes a step.

    Attributes:
        lines (list[dict]): the log's lines.
    """

    def __init__(self, storage: Storage, config: TrainingConfig, micro_batches: int) -> None:
        self.storage, self.config, self.micro_batches = storage, config, micro_batches
        self.lines: list[dict] = []
        self._step, self._seconds = 0, 0.0  # of the last line about training
        self._is_written = True

    def goes_on_from(self, step: int, train_seconds: float) -> None:
        """Sets the step and the time from which the next line's speed is computed."""
        self._step, self._seconds = step, train_seconds

    def read(self, step: int, num_steps: int) -> None:
        """Takes up the lines of the folder's log up to a step, if there is a log; `num_steps` it was to have."""
        if (self.storage.path / LOG).is_file():
            self.lines = [line for line in read_log(self.storage.path) if line["step"] <= step]
            # The last evaluation, if it was the last thing done before a kill, is done again; if the run now has more
            # steps, it was of other episodes than those on the way.
            last = min(self.config.num_steps, num_steps)
            self.lines = [line for line in self.lines if line["step"] < last or "eval_loss" not in line]

    def write(self) -> None:
        """Writes the whole log, in place of the one that was there.

        Raises:
            OSError: it can't be written; the next line tries again.
        """
        self._is_written = False
        write_whole(self.storage.path / LOG, "".join(json.dumps(line) + "\n" for line in self.lines))
        self._is_written = True

    def _append(self, line: dict) -> None:
        """Adds a line; rewrites the whole log if an earlier line couldn't be written."""
        self.lines.append(line)
        with self.storage.writing(LOG):
            if not self._is_written:
                self.write()
                return
            self._is_written = False
            with (self.storage.path / LOG).open("a") as file:
                file.write(json.dumps(line) + "\n")
            self._is_written = True

    def training(self, training: Training, measures: dict) -> float:
        """Appends a line about a step; returns the episodes per second and process since the last one."""
        step, seconds = training.num_done, training.train_seconds
        rate = (step - self._step) / max(seconds - self._seconds, 1e-9)
        episodes = rate * self.config.batch_size * self.micro_batches
        self.goes_on_from(step, seconds)
        figures = {key: round(value, 6) if math.isfinite(value) else None for key, value in measures.items()}
        figures |= {"spoilt_steps": training.spoilt_steps} if training.spoilt_steps else {}
        speed = {"episodes_per_second": round(episodes, 1), "seconds": round(seconds, 3)}
        self._append({"step": step, "stage": training.curriculum.stage} | figures | speed)
        return episodes

    def evaluation(self, step: int, results: dict) -> dict:
        """Appends a line about an evaluation and redraws both pictures; returns its figures, named for trackers."""
        names = ("target_regret", "target_nll", "determined_accuracy", "eliminated_accuracy")
        figures = {"eval_loss": results["loss"]} | {name: results[name] for name in names}
        self._append({"step": step} | figures | {"seconds": self._seconds})
        language, loss_on = self.config.language_config(), self.config.loss_on
        with self.storage.writing(LOSS):
            plot_loss(self.storage.path / LOSS, self.lines, language, loss_on)
        with self.storage.writing(SHOTS):
            plot_shots(self.storage.path / SHOTS, results, language, loss_on)
        return {f"eval/{name.removeprefix('eval_')}": value for name, value in figures.items() if value is not None}

    def rollback(self, step: int, before: int, learning_rate_factor: float) -> None:
        """Replaces all lines after the step that the run went back to by one line that says so.

        Args:
            step, before: the step that the run went back to, and the one it had reached.

        Raises:
            OSError: the log can't be written.
        """
        self.lines = [line for line in self.lines if line["step"] <= step]
        self.lines.append({"step": step, "rolled_back_from": before, "learning_rate_factor": learning_rate_factor})
        self.write()
