"""A claim on a folder: while the process that made it lives, no other process trains there."""

import os
from pathlib import Path

from metatrans_lab.errors import UserError

try:
    import fcntl
except ImportError:  # no POSIX: two runs in one folder aren't noticed
    fcntl = None  # type: ignore[assignment]  # a module, or None


class Claim:
    """A lock on a folder, which the system releases when the process ends, however it ends.

    Args:
        path: the folder's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        """Claims the folder that is now at the path; if it was removed and made anew, it must be claimed again.

        Raises:
            UserError: another process has claimed it.
            OSError: there is no such folder, or it can't be opened.
        """
        self.release()
        if fcntl is None:
            return
        self._descriptor = os.open(self.path.resolve(), os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"another process is training in {self.path}; wait for it, or end it") from error
        except OSError:  # a file system without locks
            self.release()

    def release(self) -> None:
        """Lets others train in the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
