"""A contestant in a process of its own, with its own threads, environment and memory.

That process imports this module, the script that is run, and what these import: torch, but neither our data, our model
nor train.py, so that a peer is measured without any of ours in its process.
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
        make: called in the process with the arguments; returns the function that is measured.
        environment: the process's environment variables.
    """

    def __init__(
        self, make: Callable[..., Callable[[], object]], *arguments: Any, environment: dict[str, str]
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, make, arguments), daemon=True)
        with mock.patch.dict(os.environ, environment, clear=True):
            self.process.start()
        theirs.close()

    def seconds_a_call(self, calls: int) -> float:
        """Mean seconds of so many calls of the function."""
        return self._ask(calls)

    def memory(self) -> dict[str, int]:
        """The process's memory in bytes: `before` the first call, and at its `peak`."""
        return self._ask("memory")

    def _ask(self, request: int | str) -> Any:
        try:
            self.pipe.send(request)
            return self.pipe.recv()
        except (EOFError, BrokenPipeError) as error:
            raise RuntimeError("a contestant's process ended: its error is above") from error

    def close(self) -> None:
        """Ends the process."""
        self.pipe.close()
        self.process.join()


def _serve(pipe: Connection, make: Callable, arguments: tuple) -> None:
    """The process: answers requests, a number of calls or "memory", until the pipe is closed."""
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
    """This process's memory in bytes, of the GPU if there is one: now (VmRSS) or at its peak (VmHWM).

    Not by getrusage: there the peak of a new process is at least that of its parent.
    """
    if torch.cuda.is_available():
        return torch.cuda.memory_allocated() if field == "VmRSS" else torch.cuda.max_memory_allocated()
    (kilobytes,) = re.findall(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) << 10
