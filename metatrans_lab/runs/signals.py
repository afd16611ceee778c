"""SIGINT and SIGTERM: the first one has training save and stop after its step, a second one ends it at once."""

import os
import signal
import sys
from types import FrameType

import torch
from accelerate import Accelerator


class StopSignal:
    """Handles both signals from its construction on.

    Attributes:
        number: of the first signal that this process received; 0: none.
    """

    def __init__(self) -> None:
        self.number = 0
        self._farewell: str | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number or self._farewell is not None:
            if self._farewell is not None:
                os.write(sys.stderr.fileno(), f"\n{self._farewell}\n".encode())
            os._exit(128 + number)
        self.number = number

    def leave_at_once(self, farewell: str) -> None:
        """From now on the first signal, too, ends the process at once, which prints the sentence `farewell`."""
        self._farewell = farewell

    def came_anywhere(self, accelerator: Accelerator) -> int:
        """The number of a signal that any of the processes received, in all processes alike; 0: none."""
        if accelerator.num_processes == 1:
            return self.number
        return int(accelerator.gather(torch.tensor([self.number], device=accelerator.device)).max())
