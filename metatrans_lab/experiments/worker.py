"""A contestant in a process of its own: nobody else shares its threads, its environment or its memory.

That process imports this module, the script that is run, and what these import: torch, but neither the data, the model
nor train.py, so that what is measured beside ours runs without ours.
"""

import multiprocessing
import os
import re
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from metatrans_lab.experiments.timing import seconds_a_call


class Worker:
    """A function in a process of its own.

    Args:
        make: called there with the arguments; returns the function that is measured.
        environment: the process's.
    """

    def __init__(self, make: Callable[..., Callable[[], object]], *arguments, environment: dict[str, str]):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, make, arguments), daemon=True)
        with mock.patch.dict(os.environ, environment, clear=True):
            self.process.start()
        theirs.close()

    def seconds_a_call(self, calls: int) -> float:
        return self._ask(calls)

    def memory(self) -> dict[str, int]:
        """Bytes: `before` the first call, and at the `peak` since."""
        return self._ask("memory")

    def _ask(self, request: int | str) -> Any:
        try:
            self.pipe.send(request)
            return self.pipe.recv()
        except (EOFError, BrokenPipeError) as error:
            raise RuntimeError("a contestant's process ended: its error is above") from error

    def close(self) -> None:
        self.pipe.close()
        self.process.join()


def _serve(pipe: Connection, make: Callable, arguments: tuple) -> None:
    function = make(*arguments)
    before = _memory("VmRSS")
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return
        pipe.send(
            {"before": before, "peak": _memory("VmHWM")} if request == "memory" else seconds_a_call(function, request)
        )


def _memory(field: str) -> int:
    """Bytes of this process, of the GPU's memory if there is one.

    Not by getrusage, whose peak of a new process is that of its parent, if that was higher.
    """
    if torch.cuda.is_available():
        return torch.cuda.memory_allocated() if field == "VmRSS" else torch.cuda.max_memory_allocated()
    return int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) << 10
