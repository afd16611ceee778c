"""Errors that are told in one sentence: bad input, and what ends a run from outside. Any other is a fault of ours, and
has a traceback.
"""

import difflib
import errno
import os
import sys
from collections.abc import Iterable
from typing import NoReturn


class UserError(ValueError):
    """Bad input. The message is one sentence: what was given, what is allowed, what to do. Exit code 2."""


class TrainingError(RuntimeError):
    """A run that had begun can't go on. The message is one sentence: what happened, and what is left. Exit code 1."""


# The system's errors for files that can't be written: no space, no permission, a failing disk, a missing folder.
STORAGE_ERRORS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE),
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
}


def storage_error(error: BaseException) -> str | None:
    """The system's words for it, if the error is that a file couldn't be written; None if it is another error."""
    if isinstance(error, OSError):
        return error.strerror if error.errno in STORAGE_ERRORS else None
    # torch and safetensors raise classes of their own, whose messages contain the system's words.
    full = (os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO))
    return next((words for words in full if words in str(error)), None)


def nearest(name: object, known: Iterable[str]) -> str:
    """'; did you mean …?' with the most similar known name, or '' if none is. YAML's names may be numbers or bools."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def tell(program: str, sentence: str, everywhere: bool = False) -> None:
    """Prints the sentence to stderr; of several processes only the first does, unless `everywhere`."""
    if everywhere or os.environ.get("RANK", "0") == "0":
        print(f"{program}: {' '.join(sentence.split())}", file=sys.stderr, flush=True)


def exit_with(error: Exception, program: str) -> NoReturn:
    """Prints the error's sentence, and exits with code 2."""
    tell(program, str(error))
    sys.exit(2)
