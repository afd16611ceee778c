"""A run's folder: what is written into it, when, and what is refused.

outputs/NAME/
  training_config.yaml   every key, as the run used it
  log.jsonl              a line every `log_every` steps and one an evaluation
  loss.png  shots.png    redrawn at every evaluation
  checkpoint-STEP/       to resume from
  model.safetensors, config.json, tokenizer…, *.py, README.md     the Hub-ready model, at the end
  results.json           the figures, last of all: a run that has it is complete
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from transformers.utils.logging import disable_progress_bar

from metatrans_lab.cards import model_card
from metatrans_lab.checkpoints import list_checkpoints
from metatrans_lab.configuration import TrainingConfig
from metatrans_lab.errors import UserError
from metatrans_lab.machine import describe_device, versions
from metatrans_lab.plots import plot_loss, plot_shots
from modeling_metalstm import build_tokenizer

CONFIG, LOG, RESULTS = "training_config.yaml", "log.jsonl", "results.json"

# What may differ between a run and its resumption: none of it shapes the weights or the figures.
FREE_KEYS = (
    "name",
    "output_dir",
    "num_threads",
    "log_every",
    "eval_every",
    "eval_episodes",
    "save_every",
    "keep_checkpoints",
    "resume_from_checkpoint",
    "overwrite",
)


class RunFolder:
    """Claims a run's folder.

    Raises:
        UserError: the folder holds something else, or the checkpoint is of a run with another config.
    """

    def __init__(self, config: TrainingConfig, resumed: tuple | None):
        self.config, self.path = config, config.folder
        self.config_values = {key: value for key, value in asdict(config).items() if key not in FREE_KEYS}
        self.resumed_step = None
        self.log: list[dict] = []
        if resumed is not None:
            _, _, progress = resumed
            for key, value in self.config_values.items():
                if progress["config"].get(key) != value:
                    raise UserError(
                        f"the checkpoint is of another run: its {key} is {progress['config'].get(key)!r}, "
                        f"not {value!r}"
                    )
            self.resumed_step = progress["step"]
            if (self.path / LOG).is_file():
                lines = (self.path / LOG).read_text().splitlines()
                self.log = [line for line in map(_parse, lines) if line and line["step"] <= self.resumed_step]
        elif self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file; give another --name or --output_dir")
        elif self.path.is_dir() and any(self.path.iterdir()) and not config.overwrite:
            how = "--resume_from_checkpoint latest goes on with it, " if list_checkpoints(self.path) else ""
            raise UserError(
                f"{self.path} holds another run: {how}--overwrite removes it, "
                "--name or --output_dir choose another folder"
            )
        elif self.path.is_dir() and any(self.path.iterdir()) and not (self.path / CONFIG).is_file():
            raise UserError(f"{self.path} holds something that is no run, which --overwrite doesn't remove")

    def begin(self, device: torch.device) -> None:
        """Makes the folder, with its config and, if the run is resumed, the log so far."""
        if self.config.overwrite and self.resumed_step is None:
            shutil.rmtree(self.path, ignore_errors=True)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"can't make the folder {self.path}: {error.strerror}") from error
        self.device = device
        (self.path / CONFIG).write_text(self.config.to_yaml())
        _write_whole(self.path / LOG, "".join(json.dumps(line) + "\n" for line in self.log))
        self._last = (self.resumed_step or 0, self.log[-1]["seconds"] if self.log else 0.0)

    def _append(self, line: dict) -> None:
        self.log.append(line)
        with (self.path / LOG).open("a") as file:
            file.write(json.dumps(line) + "\n")

    def log_training(self, step: int, stage: int, measures: dict, seconds: float) -> float:
        """Appends a line; returns the episodes per second and process since the line before."""
        rate = (step - self._last[0]) / max(seconds - self._last[1], 1e-9)
        episodes = rate * self.config.batch_size * self.config.gradient_accumulation_steps
        self._last = (step, seconds)
        figures = {key: round(value, 6) for key, value in measures.items()}
        speed = {"episodes_per_second": round(episodes, 1), "seconds": round(seconds, 3)}
        self._append({"step": step, "stage": stage} | figures | speed)
        return episodes

    def log_evaluation(self, step: int, results: dict) -> None:
        """Appends a line and redraws both plots."""
        names = ("target_regret", "target_nll", "determined_accuracy", "eliminated_accuracy")
        seconds = self._last[1]
        self._append(
            {"step": step, "eval_loss": results["loss"]}
            | {name: results[name] for name in names}
            | {"seconds": seconds}
        )
        language = self.config.language_config()
        plot_loss(self.path / "loss.png", self.log, language, self.config.loss_on)
        plot_shots(self.path / "shots.png", results, language, self.config.loss_on)

    def finish(self, model, results: dict, train_seconds: float, episodes_a_step: int) -> None:
        """Writes the Hub-ready folder; results.json comes last, so that it marks a complete run."""
        config = self.config
        self.log_evaluation(config.num_steps, results)
        results = results | {
            "steps": config.num_steps,
            "episodes_seen": config.num_steps * config.gradient_accumulation_steps * episodes_a_step,
            "num_parameters": sum(parameter.numel() for parameter in model.parameters()),
            "config": self.config_values,
            "versions": versions(),
            "device": describe_device(self.device),
            "timing": {"train_seconds": train_seconds, "steps_per_second": config.num_steps / train_seconds},
        }
        language = config.language_config()
        disable_progress_bar()  # these models are written in an instant
        model.save_pretrained(self.path)
        build_tokenizer(language.num_source_words, language.num_target_words).save_pretrained(self.path)
        (self.path / "README.md").write_text(model_card(config, results))
        _write_whole(self.path / RESULTS, json.dumps(results, indent=1) + "\n")
        print(summary(results, self.path))


def summary(results: dict, path: Path) -> str:
    """The figures that matter, for a terminal."""
    low, high = results["intervals"]["determined_accuracy"]
    lines = [
        f"determined accuracy  {results['determined_accuracy']:.5f}   (95%: {low:.5f}…{high:.5f})",
        f"target regret        {results['target_regret']:.5f} nats above the Bayes optimum of "
        f"{results['target_bayes_nll']:.5f} a target word",
        f"exact match          {results['exact_match']:.4f} of last sentences, "
        f"{results['ragged_exact_match']:.4f} of {results['num_ragged_prompts']} prompts as people type them",
        f"training             {results['steps']} steps in {results['timing']['train_seconds']:.1f} s",
        f"all of it            {path}",
    ]
    return "\n".join(lines)


def _parse(line: str) -> dict | None:
    """A line of the log; None for one that a kill cut short."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text)
    temporary.replace(path)
