"""Checkpoints: a kill at any moment leaves them whole, and a damaged one is noticed when it is loaded.

A checkpoint is written aside, flushed to disk and renamed; only then are old ones removed. It has the checksums of its
files, in a form that `sha256sum --check SHA256SUMS` reads.
"""

import hashlib
import io
import json
import os
import shutil
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from metatrans_lab.errors import UserError, tell

FORMAT = 1
"""The version of the checkpoint's files; one with a higher number was written by a newer version of metatrans."""

PREFIX, ASIDE = "checkpoint-", ".aside"
PROGRESS_KEYS = {
    *("step", "train_seconds", "num_threads", "curriculum", "unread"),
    *("spoilt_steps", "bad_steps", "rollbacks"),
    *("config", "num_processes", "mixed_precision", "generator_version"),
}
WEIGHTS, STATE, PROGRESS, SUMS = "model.safetensors", "state.pt", "progress.json", "SHA256SUMS"


def flush(path: Path) -> None:
    """Flushes a file's contents, or a folder's entries, to the disk."""
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
    """The step after which a checkpoint was saved, as its name says."""
    return int(checkpoint.name.removeprefix(PREFIX))


def remove_checkpoint(checkpoint: Path) -> None:
    """Removes a checkpoint. It is renamed first, so that a kill meanwhile leaves nothing that looks like one."""
    aside = checkpoint.with_name(f".{checkpoint.name}.removed")
    shutil.rmtree(aside, ignore_errors=True)
    checkpoint.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def set_aside(checkpoint: Path) -> None:
    """Renames a checkpoint that is broken or has bad numbers, so that a new one may take its place."""
    aside = checkpoint.with_name(checkpoint.name + ASIDE)
    shutil.rmtree(aside, ignore_errors=True)
    checkpoint.rename(aside)


def save_checkpoint(folder: Path, step: int, weights: dict, state: dict, progress: dict, keep: int) -> Path:
    """Writes `folder`/checkpoint-STEP and prunes the run's older ones down to `keep`.

    Args:
        weights: the model's tensors by name.
        state: tensors and plain values (optimisers, generators): what `torch.load(weights_only=True)` can read.
        progress: plain JSON values; those of PROGRESS_KEYS at least.

    Raises:
        OSError: it can't be written. Nothing of it is left then, and older ones stay.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    files = {
        WEIGHTS: save(_each_its_own(weights)),
        STATE: buffer.getvalue(),
        PROGRESS: json.dumps({"format": FORMAT} | progress, indent=1).encode(),
    }
    files[SUMS] = "".join(f"{_checksum(data)}  {name}\n" for name, data in files.items()).encode()
    final = folder / f"{PREFIX}{step}"
    aside = folder / f".{final.name}.partial"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir()  # without parents: if the run's folder was removed, so was the claim on it
        for name, data in files.items():
            (aside / name).write_bytes(data)
            flush(aside / name)
        flush(aside)
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    if final.exists():  # the run was stopped right after this checkpoint was saved: both are the same
        shutil.rmtree(aside)
    else:
        aside.rename(final)
        flush(folder)
    for old in list_checkpoints(folder)[:-keep]:
        if old != final:
            remove_checkpoint(old)
    return final


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _each_its_own(weights: dict) -> dict:
    """The tensors on the host, copied where two share memory, as tied embeddings do: safetensors refuses these."""
    written: set[int] = set()  # addresses
    own = {}
    for name, tensor in weights.items():
        tensor = tensor.detach().cpu().contiguous()
        own[name] = tensor.clone() if tensor.data_ptr() in written else tensor
        written.add(tensor.data_ptr())
    return own


def load_checkpoint(path: Path) -> tuple[dict, dict, dict]:
    """(weights, state, progress) of a checkpoint. Only tensors and plain values are unpickled, so it can't run code.

    Raises:
        UserError: the folder is no checkpoint, one of its files is broken or of another checkpoint, or it is of a
            newer version; the message names the file.
    """
    if not path.exists():
        raise UserError(f"there is no checkpoint at {path}")
    if not path.is_dir():
        raise UserError(f"{path} is no checkpoint: a checkpoint is a folder")
    for name in (WEIGHTS, STATE, PROGRESS, SUMS):
        if not (path / name).is_file():
            raise UserError(f"{path} is no checkpoint: it has no {name}")
    try:
        name = SUMS
        lines = [line.split("  ", 1) for line in (path / SUMS).read_text().splitlines()]
        sums = {name: checksum for checksum, name in lines}
        files = {}
        for name in (PROGRESS, WEIGHTS, STATE):
            files[name] = (path / name).read_bytes()
            if _checksum(files[name]) != sums.get(name):
                raise UserError(f"{path / name} is broken: it isn't what {SUMS} says was saved")
        name = PROGRESS
        progress = json.loads(files[PROGRESS])
        written = progress.get("format") if isinstance(progress, dict) else None
        if isinstance(written, int) and written > FORMAT:
            raise UserError(
                f"{path} was written by a newer version of metatrans (format {written}; this one reads {FORMAT})"
            )
        if not isinstance(progress, dict) or PROGRESS_KEYS - progress.keys():
            raise ValueError("keys are missing")
        name = WEIGHTS
        weights = load(files[WEIGHTS])
        name = STATE
        state = torch.load(io.BytesIO(files[STATE]), map_location="cpu", weights_only=True)
    except UserError:
        raise
    except (SafetensorError, UnpicklingError, RuntimeError, ValueError, OSError, EOFError, KeyError) as error:
        raise UserError(f"{path / name} is broken and can't be read") from error
    return weights, state, progress


def open_checkpoint(wanted: str, folder: Path, before: int | None = None) -> tuple[Path, tuple[dict, dict, dict]]:
    """The path and the contents of the checkpoint that `resume_from_checkpoint` names.

    Args:
        wanted: its path, or "latest": the run's newest checkpoint that isn't damaged. Damaged ones that are passed
            over are reported on stderr.
        folder: the run's.
        before: "latest" is the newest one from before this step; None: of any step.

    Raises:
        UserError: there is none, or the one that is named can't be read.
    """
    if wanted != "latest":
        return Path(wanted), load_checkpoint(Path(wanted))
    found = [path for path in list_checkpoints(folder) if before is None or step_of(path) < before]
    if not found:
        earlier = "" if before is None else f" from before step {before}"
        raise UserError(f"{folder} has no checkpoint{earlier} to resume from")
    faults = []
    for path in reversed(found):
        try:
            loaded = load_checkpoint(path)
        except UserError as fault:
            faults.append(str(fault))
            continue
        if faults:
            tell("train.py", f"{'; '.join(faults)}; going on from {path.name}")
        return path, loaded
    raise UserError(f"{folder} has no checkpoint that can be read: {'; '.join(faults)}")
