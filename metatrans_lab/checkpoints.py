"""Checkpoints that a kill at any moment leaves whole.

They are written aside, flushed to disk, and renamed; only then are old ones removed.
"""

import json
import os
import shutil
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from metatrans_lab.errors import UserError

PREFIX = "checkpoint-"
PROGRESS_KEYS = {
    *("step", "train_seconds", "num_threads", "curriculum"),
    *("config", "num_processes", "mixed_precision", "generator_version"),
}
WEIGHTS, STATE, PROGRESS = "model.safetensors", "state.pt", "progress.json"


def _flush(path: Path) -> None:
    """Has the file's contents, or the folder's entries, reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def list_checkpoints(folder: Path) -> list[Path]:
    """A run's complete checkpoints, oldest first."""
    found = [path for path in folder.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdigit()]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix(PREFIX))


def remove_checkpoint(checkpoint: Path) -> None:
    """Renames it first: a kill on the way leaves no half checkpoint behind that looks like one."""
    aside = checkpoint.with_name(f".{checkpoint.name}.removed")
    shutil.rmtree(aside, ignore_errors=True)
    checkpoint.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def save_checkpoint(folder: Path, step: int, weights: dict, state: dict, progress: dict, keep: int) -> Path:
    """Writes `folder`/checkpoint-STEP and prunes the run's older ones down to `keep`.

    Args:
        weights: the model's tensors by name.
        state: tensors and plain values (optimisers, generators): what `torch.load(weights_only=True)` can read.
        progress: plain JSON values; those of PROGRESS_KEYS at least.
    """
    final = folder / f"{PREFIX}{step}"
    aside = folder / f".{final.name}.partial"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    save_file(_each_its_own(weights), aside / WEIGHTS)
    torch.save(state, aside / STATE)
    (aside / PROGRESS).write_text(json.dumps(progress, indent=1))
    for path in (*aside.iterdir(), aside):
        _flush(path)
    if final.exists():  # a run stopped at its checkpoint's own step: the same, so either of them will do
        shutil.rmtree(aside)
    else:
        aside.rename(final)
        _flush(folder)
    for old in list_checkpoints(folder)[:-keep]:
        if old != final:
            remove_checkpoint(old)
    return final


def _each_its_own(weights: dict) -> dict:
    """Tensors on the host, of which no two share their memory, as tied embeddings do: safetensors can't say so."""
    written, own = set(), {}
    for name, tensor in weights.items():
        tensor = tensor.detach().cpu().contiguous()
        own[name] = tensor.clone() if tensor.data_ptr() in written else tensor
        written.add(tensor.data_ptr())
    return own


def load_checkpoint(path: Path) -> tuple[dict, dict, dict]:
    """(weights, state, progress) of a checkpoint; nothing in it is unpickled beyond tensors and plain values.

    Raises:
        UserError: the folder is no checkpoint, or one of its files is broken; the message names it.
    """
    if not path.exists():
        raise UserError(f"there is no checkpoint at {path}")
    if not path.is_dir():
        raise UserError(f"{path} is no checkpoint: a checkpoint is a folder")
    for name in (WEIGHTS, STATE, PROGRESS):
        if not (path / name).is_file():
            raise UserError(f"{path} is no checkpoint: it has no {name}")
    try:
        name = WEIGHTS
        weights = load_file(path / WEIGHTS)
        name = STATE
        state = torch.load(path / STATE, map_location="cpu", weights_only=True)
        name = PROGRESS
        progress = json.loads((path / PROGRESS).read_text())
        if not isinstance(progress, dict) or PROGRESS_KEYS - progress.keys():
            raise ValueError("keys are missing")
    except (SafetensorError, UnpicklingError, RuntimeError, ValueError, OSError, EOFError, KeyError) as error:
        raise UserError(f"{path / name} is broken and can't be read") from error
    return weights, state, progress


def find_checkpoint(wanted: str, folder: Path) -> Path:
    """The checkpoint that `resume_from_checkpoint` names: a path, or "latest" of the run's own.

    Raises:
        UserError: there is none.
    """
    if wanted != "latest":
        return Path(wanted)
    found = list_checkpoints(folder)
    if not found:
        raise UserError(f"{folder} has no checkpoint to resume from")
    return found[-1]
