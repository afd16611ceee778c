"""Everything around the training loop of train.py: the run's folder, log, progress bar, trackers, signals, the Hub."""

import sys
from types import TracebackType

import torch
from accelerate import Accelerator
from tqdm import tqdm

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.errors import UserError, tell
from metatrans_lab.evaluation import evaluate, ragged_exact_match
from metatrans_lab.evaluation.structures import with_seen_structures
from metatrans_lab.hub.pusher import HubPusher
from metatrans_lab.machine import choose_mixed_precision, share_of_cores
from metatrans_lab.output import say
from metatrans_lab.runs.checkpoints import list_checkpoints, open_checkpoint
from metatrans_lab.runs.exit_codes import NOT_PUSHED, RESUME
from metatrans_lab.runs.folder import RunFolder
from metatrans_lab.runs.processes import joining
from metatrans_lab.runs.signals import StopSignal
from metatrans_lab.runs.trackers import start_tracker, start_tracker_in_folder
from metatrans_lab.training.prepare import fresh_model
from metatrans_lab.training.training import Diverged, Training


class Run:
    """A run, new or resumed from a checkpoint. Nothing is written until it is entered as a context.

    Attributes:
        training: the model and its optimisers, trained step by step.
        folder: the run's folder.

    Raises:
        UserError: the config can't be run; nothing was written.
    """

    def __init__(self, config: TrainingConfig) -> None:
        checkpoint, resumed = None, None
        wanted = config.resume_from_checkpoint
        # Where "latest" finds nothing yet the run starts, so that one command is right whenever the last was killed.
        if wanted is not None and (wanted != "latest" or list_checkpoints(config.folder)):
            checkpoint, resumed = open_checkpoint(wanted, config.folder)
        model = fresh_model(config)
        with joining():
            self.accelerator = accelerator = Accelerator(
                mixed_precision=choose_mixed_precision(config.mixed_precision),
                log_with=None if config.log_with == "none" else config.log_with,
                project_dir=config.folder,
            )
        self.config, self.is_main = config, accelerator.is_main_process
        self.folder = RunFolder(config, accelerator, checkpoint, resumed)
        num_threads = None
        if accelerator.device.type == "cpu":
            num_threads = config.num_threads or self.folder.resumed_threads or share_of_cores()
        self.training = Training(config, accelerator, model, self.folder.micro_batches, num_threads)
        if resumed is not None:
            try:
                self.training.load(*resumed)
            except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
                raise UserError(f"{checkpoint} doesn't fit this run: {str(error).splitlines()[0]}") from error
        self.hub: HubPusher | None = None
        if config.push_to_hub and self.is_main:
            self.hub = HubPusher(config.hub_model_id or config.name, config.hub_private, config.hub_patience)
        self._is_exported = False

    def __enter__(self) -> "Run":
        """Makes and claims the folder. From now on a signal has the run stop after its step."""
        try:
            start_tracker(self.accelerator, self.config)
            if self.is_main:
                self.folder.begin()
            self.accelerator.wait_for_everyone()
            start_tracker_in_folder(self.accelerator, self.config)
        except BaseException:
            self._let_go()
            raise
        self.stop = StopSignal()
        self.bar = tqdm(
            total=self.config.num_steps,
            initial=self.training.num_done,
            unit="step",
            disable=not self.is_main,
            mininterval=0.2 if sys.stderr.isatty() else 10,
            dynamic_ncols=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()
        self._let_go()

    def _let_go(self) -> None:
        """Releases the folder, and abandons pushes if the run isn't complete."""
        self.folder.release()
        if self.hub is not None and not self._is_exported:
            self.hub.abandon()

    def log(self, measures: dict) -> None:
        """Writes a step's measures to the log, the trackers and the progress bar."""
        if not self.is_main:
            return
        curriculum = self.training.curriculum
        episodes_per_second = self.folder.log.training(self.training, measures)
        self.accelerator.log(measures, step=self.training.num_done)
        self.bar.set_postfix_str(
            f"loss {measures['loss']:.3f} regret {measures['loss'] - measures['bayes_nll']:.3f} "
            f"stage {curriculum.stage + 1}/{len(curriculum.stages)} {episodes_per_second:.0f} episodes/s",
            refresh=False,
        )

    def evaluate(self) -> None:
        """Evaluates on the validation split, logs the figures, and redraws both pictures."""
        if self.is_main:
            config, training = self.config, self.training
            results = evaluate(
                training.plain_model,
                config.language_config(),
                "validation",
                config.eval_episodes,
                config.loss_on,
                exact_match=False,
            )
            self.accelerator.log(self.folder.log.evaluation(training.num_done, results), step=training.num_done)
        self.accelerator.wait_for_everyone()

    def stop_signal(self) -> int:
        """The number of a signal that any of the processes received; 0: none."""
        return self.stop.came_anywhere(self.accelerator)

    def save(self, stopped: int = 0) -> None:
        """Saves a checkpoint, and pushes a snapshot if the config says so and the run goes on.

        Args:
            stopped: the signal that ends the run, whose last words are printed; 0: none.
        """
        training, step = self.training, self.training.num_done
        saved = self.folder.save(training) if self.is_main else None
        training.rolled_back_to = None
        goes_on = not stopped and step < self.config.num_steps
        if self.hub is not None and self.config.hub_strategy == "every_save" and goes_on:
            snapshot = self.folder.write_snapshot(training.plain_model, step)
            if snapshot is not None:
                self.hub.push_in_background(snapshot, f"Step {step}")
        self.accelerator.wait_for_everyone()
        if stopped:
            self.bar.close()
            if self.is_main:
                how = f"saved {saved}, {RESUME}" if saved else "not saved"
                say(f"stopped by a signal; {how}")

    def roll_back(self, error: Diverged) -> None:
        """Goes back to the last checkpoint, with half the learning rates.

        Raises:
            TrainingError: there is none, or there were `max_rollbacks` before.
        """
        self.folder.roll_back(self.training, error)
        self.accelerator.wait_for_everyone()
        self.bar.reset()
        self.bar.update(self.training.num_done)

    def export(self) -> None:
        """The last evaluation, and the folder that the Hub gets."""
        config, training = self.config, self.training
        seconds = training.train_seconds
        self.bar.close()
        how = RESUME if config.save_every else "nothing was saved (save_every is 0)"
        self.stop.leave_at_once(f"stopped by a signal; trained, but not evaluated: {how}")
        if self.is_main:
            if training.num_threads is not None:
                torch.set_num_threads(training.num_threads)
            model, language = training.plain_model, config.language_config()
            results = with_seen_structures(
                lambda language: evaluate(model, language, "test", config.final_eval_episodes, config.loss_on),
                language,
                "test",
            )
            ragged = ragged_exact_match(model, language)
            self.accelerator.log(self.folder.finish(model, results, ragged, seconds), step=config.num_steps)
        self.stop.leave_at_once("stopped by a signal; trained, but not pushed")
        self._is_exported = True

    def push(self) -> int:
        """Pushes the exported folder to the Hub, if the config says so; gives the exit code. Training can't go on."""
        # Otherwise DDP's reducer would be the last to hold gloo's process group, and would end it while holding the
        # GIL, for which gloo's threads may be waiting.
        del self.training
        self.accelerator.free_memory()
        self.accelerator.end_training()
        if self.hub is None:
            return 0
        steps = self.config.num_steps
        failure = self.hub.finish(self.folder.path, f"Step {steps}, the end of training", f"step-{steps}")
        if failure is None:
            return 0
        later = f"hf upload {self.hub.repository} {self.folder.path} --exclude 'checkpoint-*'"
        tell("train.py", f"trained, but not pushed ({failure}); push it later with {later}")
        return NOT_PUSHED
