"""The processes of one run: how they find each other, and how one learns that another is no more."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from metatrans_lab.errors import tell

PATIENCE = 45
"""Seconds; torch would wait for half an hour for a process that died while it started."""


@contextmanager
def joining() -> Iterator[None]:
    """Within it the processes of a run find each other; if that takes too long, this one says so and ends (code 1)."""

    def give_up() -> None:
        rank = os.environ.get("RANK", "0")
        tell("train.py", f"process {rank} ends, as not all have joined it within {PATIENCE} seconds", everywhere=True)
        os._exit(1)

    # torch's own timeout would hold for all that follows, where one may work for long while the others wait.
    timer = threading.Timer(PATIENCE, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def lost_process(error: BaseException) -> bool:
    """Whether an error is that another process of the run has ended: of gloo it is a plain RuntimeError."""
    names = ("gloo", "nccl", "connection reset by peer", "connection closed by peer", "broken pipe", "tcpstore")
    distributed = isinstance(error, torch.distributed.DistError) if torch.distributed.is_available() else False
    return distributed or (isinstance(error, RuntimeError) and any(name in str(error).lower() for name in names))
