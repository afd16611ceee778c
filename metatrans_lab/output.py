"""Standard output, whose reader may leave before the end, as `head` does, and which may be a file on a full disk."""

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from metatrans_lab.errors import tell


def say(text: str) -> None:
    """Prints what a run has to say; it goes on whether anybody reads that or not."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _hear_nothing()


@contextmanager
def to_its_reader() -> Iterator[None]:
    """A context for a command that is there to print something.

    Raises:
        SystemExit: nobody reads any more: 141, without a word, as whom SIGPIPE ends; or the disk is full: 1.
    """
    if sys.stdout is None:  # closed
        sys.stdout = io.StringIO()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        left = isinstance(error, BrokenPipeError) and _reader_left()
        if not left and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _hear_nothing()
        if left:
            sys.exit(141)
        tell("metatrans", f"can't print it: {error.strerror}")
        sys.exit(1)


def _reader_left() -> bool:
    """Whether stdout is what broke: a connection to the Hub raises the same error."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), select.POLLOUT)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _hear_nothing() -> None:
    """Lets whatever is still printed, by the interpreter's last flush too, go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
