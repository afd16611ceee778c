"""A folder that is there whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metatrans_lab.errors import UserError, storage_error


def check_folder_to_write(folder: Path, overwrite: bool) -> None:
    """Raises UserError if something is in the folder that nobody said may go, or if it or one above it is a file."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(f"{folder} is no folder; give another --output")
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    if not above.is_dir():
        raise UserError(f"can't write {folder}, as {above} is no folder; give another --output")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise UserError(f"the folder {folder} isn't empty; give another --output, or --overwrite, which empties it")


@contextmanager
def whole_folder(folder: Path, overwrite: bool) -> Iterator[Path]:
    """A context for writing a folder: what is written goes into one beside it, which takes its place at the end. If
    anything fails before, all is as it was.

    Raises:
        UserError: as of `check_folder_to_write`, or nothing can be written there.
    """
    check_folder_to_write(folder, overwrite)
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.absolute().parent))
        try:
            written = beside / "new"
            written.mkdir()
            yield written
            if folder.exists():
                folder.rename(beside / "old")
            written.rename(folder)
        finally:
            # A folder whose place couldn't be taken comes back.
            if (beside / "old").exists() and not folder.exists():
                (beside / "old").rename(folder)
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        reason = storage_error(error)
        if reason is None:
            raise
        raise UserError(f"can't write {folder}: {reason}") from error
