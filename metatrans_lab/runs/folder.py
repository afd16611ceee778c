"""A run's folder: what is written into it, when, and what is refused.

outputs/NAME/
  training_config.yaml   every key, as the run used it
  log.jsonl              a line every `log_every` steps and one an evaluation
  loss.png  shots.png    redrawn at every evaluation
  checkpoint-STEP/       to resume from
  model.safetensors, config.json, tokenizer…, *.py, README.md     the Hub-ready model, at the end
  results.json           the figures, last of all: a run that has it is complete
"""

import contextlib
import json
import math
import os
import shutil
from dataclasses import asdict
from pathlib import Path

from transformers.utils.logging import disable_progress_bar, enable_progress_bar, is_progress_bar_enabled

from dataset_script.families.contract import GENERATOR_VERSION
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.errors import TrainingError, UserError, storage_error, tell
from metatrans_lab.report.cards import model_card, shown
from metatrans_lab.report.plots import plot_loss, plot_shots
from metatrans_lab.report.provenance import describe_device, versions
from metatrans_lab.runs.checkpoints import (
    PREFIX,
    flush,
    list_checkpoints,
    open_checkpoint,
    remove_checkpoint,
    save_checkpoint,
    set_aside,
    step_of,
)
from metatrans_lab.training.training import Training
from modeling_metalstm import build_tokenizer

try:
    import fcntl
except ImportError:  # no POSIX: two runs in one folder aren't noticed
    fcntl = None

SNAPSHOT = ".push-"
CONFIG, LOG, RESULTS = "training_config.yaml", "log.jsonl", "results.json"

# What may differ between a run and its resumption. None of it shapes the weights but num_threads, by rounding, where
# operations divide among threads: so a resumed run keeps its number unless it is told another.
FREE_KEYS = (
    "name",
    "output_dir",
    "num_threads",
    "log_every",
    "eval_every",
    "eval_episodes",
    "save_every",
    "keep_checkpoints",
    "save_errors",
    "max_rollbacks",
    "resume_from_checkpoint",
    "overwrite",
    "log_with",
    "push_to_hub",
    "hub_model_id",
    "hub_dataset_id",
    "hub_private",
    "hub_strategy",
    "hub_patience",
)


class RunFolder:
    """Claims a run's folder, without writing anything yet.

    Args:
        checkpoint, resumed: the checkpoint's path and what `load_checkpoint` read, if the run is resumed.

    Raises:
        UserError: the folder can't be used or holds something else, or the checkpoint is of another run.
    """

    def __init__(self, config: TrainingConfig, accelerator, checkpoint: Path | None, resumed: tuple | None):
        self.config, self.path, self.device = config, config.folder, accelerator.device
        self.is_main = accelerator.is_main_process
        self.identity = {
            "config": {key: value for key, value in asdict(config).items() if key not in FREE_KEYS},
            "num_processes": accelerator.num_processes,
            "mixed_precision": accelerator.mixed_precision,
            "generator_version": GENERATOR_VERSION,
        }
        self.resumed_step, self.resumed_threads = None, None
        self.micro_batches = config.gradient_accumulation_steps
        self.log: list[dict] = []
        self._last = (0, 0.0)
        self._is_logged, self._lock = True, None
        if resumed is not None:
            progress = resumed[2]
            self._share_out(progress["num_processes"])
            self._check_same_run(progress)
            self.resumed_step, self.resumed_threads = progress["step"], progress["num_threads"]
            self._last = (progress["step"], progress["train_seconds"])
        try:
            self._check_folder(checkpoint)
            if resumed is not None and (self.path / LOG).is_file():
                lines = (self.path / LOG).read_text().splitlines()
                self.log = [line for line in map(_parse, lines) if line and line["step"] <= self.resumed_step]
                # The last evaluation, if it was the last thing done before a kill, is done again.
                self.log = [line for line in self.log if line["step"] < config.num_steps or "eval_loss" not in line]
        except OSError as error:
            raise UserError(f"can't use the folder {self.path}: {error.strerror}") from error

    def _share_out(self, processes_before: int) -> None:
        """Has other many processes than before take as many micro-batches together: the same episodes, step by step.

        The run's identity keeps the number that it began with.
        """
        now, together = self.identity["num_processes"], processes_before * self.micro_batches
        if now == processes_before:
            return
        if together % now:
            fitting = [number for number in range(1, together + 1) if together % number == 0]
            raise UserError(
                f"a step of this run is {together} micro-batches, which {now} processes can't share alike; resume it "
                f"with {' or '.join(map(str, fitting))}"
            )
        self.identity["num_processes"], self.micro_batches = processes_before, together // now
        tell(
            "train.py",
            f"the run began with {processes_before} processes and goes on with {now}: "
            f"{self.micro_batches} micro-batches each make the same step",
        )

    def _check_same_run(self, progress: dict) -> None:
        advice = "resume with the settings that it was made with, or start anew"
        for name, value in self.identity.items():
            if name != "config" and progress[name] != value:
                raise UserError(f"the checkpoint was made with {name} {progress[name]!r}, not {value!r}; {advice}")
        for key, value in self.identity["config"].items():
            if progress["config"].get(key) != value:
                was = progress["config"].get(key)
                raise UserError(f"the checkpoint is of another run: its {key} is {was!r}, not {value!r}; {advice}")

    def _check_folder(self, checkpoint: Path | None) -> None:
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise UserError(f"{self.path} is a file; give another --name or --output_dir")
        if not any(self.path.iterdir()):
            return
        if not (self.path / CONFIG).is_file():
            raise UserError(f"{self.path} holds something that is no run; give another --name or --output_dir")
        own = checkpoint is not None and checkpoint.resolve().parent == self.path.resolve()
        if own or (self.config.overwrite and checkpoint is None):
            return
        how = "--resume_from_checkpoint latest goes on with it, " if list_checkpoints(self.path) else ""
        raise UserError(
            f"{self.path} holds another run: {how}--overwrite removes it, --name or --output_dir choose another folder"
        )

    def begin(self) -> None:
        """Makes the folder, with its config and, if the run is resumed, the log so far; it is this process's now."""
        try:
            folder = self.path.resolve()
            if folder.exists():
                self._claim(folder)  # before anything in it is touched
                if self.resumed_step is None:
                    shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
            self._claim(folder)
            for leftover in (*self.path.glob(f"{SNAPSHOT}*"), *self.path.glob(f".{PREFIX}*")):
                shutil.rmtree(leftover)
            (self.path / RESULTS).unlink(missing_ok=True)  # it marks a complete run
            self._forget_what_came_after()
            (self.path / CONFIG).write_text(self.config.to_yaml())
            self._write_log()
        except OSError as error:
            raise UserError(f"can't write to the folder {self.path}: {error.strerror}") from error

    def _claim(self, folder: Path) -> None:
        """Keeps other processes from training in the folder, as long as this one lives."""
        self.release()
        if fcntl is None:
            return
        self._lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"another process is training in {self.path}; wait for it, or end it") from error
        except OSError:  # a file system without locks
            self.release()

    def release(self) -> None:
        """Lets others train in the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _forget_what_came_after(self) -> None:
        """Checkpoints later than the one that the run goes on from: "latest" passes over them only if they are broken,
        and then they stay, under another name.
        """
        for later in list_checkpoints(self.path):
            if step_of(later) > (self.resumed_step or 0):
                broken = self.config.resume_from_checkpoint == "latest"
                set_aside(later) if broken else remove_checkpoint(later)

    @contextlib.contextmanager
    def _writing(self, what: str, needed: bool = False):
        """What to do if that can't be written is said by `save_errors`: TrainingError, or a sentence; without what is
        `needed`, the run has failed.
        """
        try:
            yield
        except Exception as error:
            reason = storage_error(error)
            if reason is None:
                raise
            saved = list_checkpoints(self.path)
            left = f"{saved[-1]} is still there" if saved else "nothing was saved before"
            sentence = f"can't write {self.path / what}: {reason}; {left}"
            if needed or self.config.save_errors == "stop":
                raise TrainingError(sentence) from error
            tell("train.py", f"{sentence}; training goes on")

    def save(self, training: Training) -> Path | None:
        """A checkpoint; None if it couldn't be written and the run goes on without."""
        weights, state, progress = training.state()
        with self._writing(f"{PREFIX}{training.num_done}"):
            progress = self.identity | progress
            return save_checkpoint(
                self.path, training.num_done, weights, state, progress, self.config.keep_checkpoints
            )
        return None

    def roll_back(self, training: Training, why: Exception) -> None:
        """Takes the training, whose numbers have gone wrong, back to the last checkpoint, and the log too.

        Raises:
            TrainingError: there is none, or it went back as often as it may.
        """
        wrong = f"the numbers have gone wrong ({why})"
        if training.rollbacks == self.config.max_rollbacks:
            times = (
                f"after {training.rollbacks} times back to a checkpoint" if training.rollbacks else "and going back"
            )
            raise TrainingError(f"{wrong}, {times} is not allowed (max_rollbacks); lower the learning rates")
        try:
            checkpoint, loaded = open_checkpoint("latest", self.path, before=training.rolled_back_to)
        except UserError as error:
            raise TrainingError(f"{wrong}, and {error}; lower the learning rates, or set save_every") from error
        before = training.num_done
        training.roll_back(*loaded)
        step, seconds = training.num_done, training.train_seconds
        self.resumed_step, self._last = step, (step, seconds)
        rate = 0.5**training.rollbacks
        tell("train.py", f"{wrong}; going on from {checkpoint.name} with the learning rates times {rate:g}")
        if self.is_main:
            with self._writing(LOG):
                for later in list_checkpoints(self.path):
                    if step_of(later) > step:
                        set_aside(later)
                self.log = [line for line in self.log if line["step"] <= step]
                self.log.append({"step": step, "rolled_back_from": before, "learning_rate_factor": rate})
                self._write_log()

    def _write_log(self) -> None:
        _write_whole(self.path / LOG, "".join(json.dumps(line) + "\n" for line in self.log))

    def _append(self, line: dict) -> None:
        self.log.append(line)
        with self._writing(LOG):
            self._is_logged, was_logged = False, self._is_logged
            if was_logged:
                with (self.path / LOG).open("a") as file:
                    file.write(json.dumps(line) + "\n")
            else:  # an earlier line is missing, or half there
                self._write_log()
            self._is_logged = True

    def log_training(self, training: Training, measures: dict) -> float:
        """Appends a line; returns the episodes per second and process since the line before."""
        step, seconds = training.num_done, training.train_seconds
        rate = (step - self._last[0]) / max(seconds - self._last[1], 1e-9)
        episodes = rate * self.config.batch_size * self.micro_batches
        self._last = (step, seconds)
        figures = {key: round(value, 6) if math.isfinite(value) else None for key, value in measures.items()}
        figures |= {"spoilt_steps": training.spoilt_steps} if training.spoilt_steps else {}
        speed = {"episodes_per_second": round(episodes, 1), "seconds": round(seconds, 3)}
        self._append({"step": step, "stage": training.curriculum.stage} | figures | speed)
        return episodes

    def log_evaluation(self, step: int, results: dict) -> dict:
        """Appends a line and redraws both plots; gives the figures as trackers get them, apart from training's."""
        names = ("target_regret", "target_nll", "determined_accuracy", "eliminated_accuracy")
        figures = {"eval_loss": results["loss"]} | {name: results[name] for name in names}
        self._append({"step": step} | figures | {"seconds": self._last[1]})
        language = self.config.language_config()
        with self._writing("loss.png"):
            plot_loss(self.path / "loss.png", self.log, language, self.config.loss_on)
        with self._writing("shots.png"):
            plot_shots(self.path / "shots.png", results, language, self.config.loss_on)
        return {f"eval/{name.removeprefix('eval_')}": value for name, value in figures.items() if value is not None}

    def write_model(self, model, folder: Path) -> None:
        """The model and its tokenizer, as the Hub gets them."""
        language = self.config.language_config()
        with _no_progress_bars():
            model.save_pretrained(folder)
        build_tokenizer(language.num_source_words, language.num_target_words).save_pretrained(folder)

    def write_snapshot(self, model, step: int) -> Path | None:
        """A folder of its own with the model as it is now and the log so far: what a push at a checkpoint takes; None
        if it couldn't be written and the run goes on without.
        """
        folder = self.path / f"{SNAPSHOT}{step}"
        shutil.rmtree(folder, ignore_errors=True)
        with self._writing(folder.name):
            self.write_model(model, folder)
            for name in (CONFIG, LOG, "loss.png", "shots.png"):
                if (self.path / name).is_file():
                    shutil.copy(self.path / name, folder)
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        return None

    def finish(self, model, results: dict, ragged: dict, train_seconds: float) -> dict:
        """Writes the Hub-ready folder, results.json last, so that it marks a complete run; gives trackers' figures."""
        config = self.config
        tracked = self.log_evaluation(config.num_steps, results)
        results = results | {key: value for key, value in ragged.items() if key != "interval"}
        results["intervals"] = results["intervals"] | {"ragged_exact_match": ragged["interval"]}
        episodes_a_step = config.batch_size * config.gradient_accumulation_steps * self.identity["num_processes"]
        results |= {
            "steps": config.num_steps,
            "episodes_seen": config.num_steps * episodes_a_step,
            "num_parameters": sum(parameter.numel() for parameter in model.parameters()),
            "versions": versions(),
            "device": describe_device(self.device),
            "timing": {"train_seconds": train_seconds, "steps_per_second": config.num_steps / train_seconds},
        }
        results |= {key: self.identity[key] for key in ("config", "num_processes", "mixed_precision")}
        with self._writing("model.safetensors", needed=True):
            self.write_model(model, self.path)
            (self.path / "README.md").write_text(model_card(config, results))
            _write_whole(self.path / RESULTS, json.dumps(results, indent=1) + "\n")
        print(summary(results, self.path))
        return tracked


def summary(results: dict, path: Path) -> str:
    """The figures that matter, for a terminal."""
    interval = results["intervals"]["determined_accuracy"]
    doubt = f"   (95%: {interval[0]:.5f}…{interval[1]:.5f})" if interval else ""
    lines = [
        f"determined accuracy  {shown(results['determined_accuracy'])}{doubt}",
        f"target regret        {results['target_regret']:.5f} nats above the Bayes optimum of "
        f"{results['target_bayes_nll']:.5f} a target word",
        f"exact match          {shown(results['exact_match'], 4)} of last sentences, "
        f"{shown(results['ragged_exact_match'], 4)} of {results['num_ragged_prompts']} prompts as people type them",
        f"training             {results['steps']} steps in {results['timing']['train_seconds']:.1f} s",
        f"all of it            {path}",
    ]
    return "\n".join(lines)


@contextlib.contextmanager
def _no_progress_bars():
    """These models are written in an instant."""
    shown_before = is_progress_bar_enabled()
    disable_progress_bar()
    try:
        yield
    finally:
        if shown_before:
            enable_progress_bar()


def _parse(line: str) -> dict | None:
    """A line of the log; None for one that a kill cut short."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _write_whole(path: Path, text: str) -> None:
    """Puts it in the place of what was there; a kill leaves the one or the other."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text)
    flush(temporary)
    temporary.replace(path)
