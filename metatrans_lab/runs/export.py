"""The folder that the Hub gets: the whole run at its end, and snapshots of the model during training."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import PreTrainedModel
from transformers.utils.logging import disable_progress_bar, enable_progress_bar, is_progress_bar_enabled

from dataset_script.families.contract import Language
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.report.cards import evaluation_results, model_card
from metatrans_lab.report.provenance import describe_device, versions
from metatrans_lab.runs.storage import CONFIG, EVAL_RESULTS, LOG, LOSS, RESULTS, SHOTS, Storage, write_whole
from modeling_metalstm import build_tokenizer

SNAPSHOT = ".push-"
"""The name of a snapshot's folder, followed by the step."""


def write_model(model: PreTrainedModel, language: Language, folder: Path, loss_on: str) -> None:
    """Saves the model and its tokenizer into a folder, which is made if it isn't there. Its config says which tokens
    it was trained on; the model in memory doesn't, so that no step of its training looks at labels.
    """
    with _no_progress_bars(), _saying(model, loss_on):
        model.save_pretrained(folder)
    build_tokenizer(language.num_source_words, language.num_target_words).save_pretrained(folder)


def write_snapshot(model: PreTrainedModel, config: TrainingConfig, step: int, storage: Storage) -> Path | None:
    """Writes the model as it is now and the log so far into a folder of their own, to be pushed at a checkpoint.

    Returns:
        The folder; None if it couldn't be written and the run goes on without it.

    Raises:
        TrainingError: it can't be written, and the run may not go on without it.
    """
    folder = storage.path / f"{SNAPSHOT}{step}"
    shutil.rmtree(folder, ignore_errors=True)
    with storage.writing(folder.name):
        write_model(model, config.language_config(), folder, config.loss_on)
        for name in (CONFIG, LOG, LOSS, SHOTS):
            if (storage.path / name).is_file():
                shutil.copy(storage.path / name, folder)
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    return None


def complete_results(
    config: TrainingConfig,
    identity: dict,
    model: PreTrainedModel,
    device: torch.device,
    evaluation: dict,
    ragged: dict,
    train_seconds: float,
) -> dict:
    """The contents of results.json: the last evaluation's figures, and how and on what they were measured.

    Args:
        identity: the run's, as of `run_identity`.
        evaluation: as of `evaluate`. ragged: as of `ragged_exact_match`.
    """
    results = evaluation | {key: value for key, value in ragged.items() if key != "interval"}
    results["intervals"] = results["intervals"] | {"ragged_exact_match": ragged["interval"]}
    episodes_a_step = config.batch_size * config.gradient_accumulation_steps * identity["num_processes"]
    results |= {
        "steps": config.num_steps,
        "episodes_seen": config.num_steps * episodes_a_step,
        "num_parameters": sum(parameter.numel() for parameter in model.parameters()),
        "versions": versions(),
        "device": describe_device(device),
        "timing": {"train_seconds": train_seconds, "steps_per_second": config.num_steps / train_seconds},
    }
    return results | {key: identity[key] for key in ("config", "num_processes", "mixed_precision")}


def write_export(model: PreTrainedModel, config: TrainingConfig, results: dict, storage: Storage) -> None:
    """Writes the folder that the Hub gets. results.json comes last: a run that has it is complete.

    Raises:
        TrainingError: it can't be written.
    """
    with storage.writing("model.safetensors", needed=True):
        write_model(model, config.language_config(), storage.path, config.loss_on)
        (storage.path / "README.md").write_text(model_card(config, results))
        shutil.rmtree((storage.path / EVAL_RESULTS).parent, ignore_errors=True)  # of a run that this one goes on from
        figures = evaluation_results(config, results)
        if figures is not None:
            (storage.path / EVAL_RESULTS).parent.mkdir()
            (storage.path / EVAL_RESULTS).write_text(figures)
        write_whole(storage.path / RESULTS, json.dumps(results, indent=1) + "\n")


@contextmanager
def _saying(model: PreTrainedModel, loss_on: str) -> Iterator[None]:
    """With `loss_on` in the model's config, whatever its architecture."""
    before = getattr(model.config, "loss_on", None)
    model.config.loss_on = loss_on
    try:
        yield
    finally:
        model.config.loss_on = before


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Without transformers' progress bars: these models are written in an instant."""
    shown_before = is_progress_bar_enabled()
    disable_progress_bar()
    try:
        yield
    finally:
        if shown_before:
            enable_progress_bar()
