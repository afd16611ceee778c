"""Mistakes that a person made and can mend, and what stops a run from outside, as opposed to mistakes of ours."""

import difflib
import errno
import os
import sys
from collections.abc import Iterable


class UserError(ValueError):
    """What was given, what is allowed, what to do: one sentence, shown without a traceback. Exit code 2."""


class TrainingError(RuntimeError):
    """What ended a run that had begun well, and what is left of it: one sentence. Exit code 1."""


# What a disk or its owner says to a file that can't be written, or no longer.
STORAGE_ERRORS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE),
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
}


def storage_error(error: BaseException) -> str | None:
    """The system's words, if an error is that a file couldn't be written; None if it is something else."""
    if isinstance(error, OSError):
        return error.strerror if error.errno in STORAGE_ERRORS else None
    # torch and safetensors have classes of their own for it, but these words in common.
    full = (os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO))
    return next((words for words in full if words in str(error)), None)


def nearest(name: object, known: Iterable[str]) -> str:
    """'; did you mean …?' with the known name that is nearest, or nothing. YAML's names may be no text: 1, no."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def tell(program: str, sentence: str, everywhere: bool = False) -> None:
    """Prints the sentence to stderr; of several processes the first one alone, unless `everywhere`."""
    if everywhere or os.environ.get("RANK", "0") == "0":
        print(f"{program}: {' '.join(sentence.split())}", file=sys.stderr, flush=True)


def exit_with(error: Exception, program: str) -> None:
    """Tells what is wrong, and leaves with exit code 2."""
    tell(program, str(error))
    sys.exit(2)
