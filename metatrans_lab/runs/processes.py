"""The processes of one run: how they find each other, and how one notices that another has ended."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from metatrans_lab.errors import tell

PATIENCE = 45
"""Seconds. torch itself waits half an hour for a process that died while it started."""


@contextmanager
def joining() -> Iterator[None]:
    """A context for the processes of a run to find each other; if that takes too long, this one says so and exits."""

    def give_up() -> None:
        rank = os.environ.get("RANK", "0")
        tell("train.py", f"process {rank} ends, as not all have joined it within {PATIENCE} seconds", everywhere=True)
        os._exit(1)

    # Not by torch's own timeout: that would hold for the whole run, where one process may rightly keep others waiting.
    timer = threading.Timer(PATIENCE, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def lost_process(error: BaseException) -> bool:
    """Whether an error means that another process of the run has ended; gloo raises a plain RuntimeError then."""
    names = ("gloo", "nccl", "connection reset by peer", "connection closed by peer", "broken pipe", "tcpstore")
    distributed = isinstance(error, torch.distributed.DistError) if torch.distributed.is_available() else False
    return distributed or (isinstance(error, RuntimeError) and any(name in str(error).lower() for name in names))
