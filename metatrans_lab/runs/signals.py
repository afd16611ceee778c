"""SIGINT and SIGTERM ask training to save and stop after the step; a second one ends it at once."""

import os
import signal
import sys

import torch


class StopSignal:
    """Takes note of the first signal."""

    def __init__(self):
        self.number, self._farewell = 0, None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, frame) -> None:
        if self.number or self._farewell is not None:
            if self._farewell is not None:
                os.write(sys.stderr.fileno(), f"\n{self._farewell}\n".encode())
            os._exit(128 + number)
        self.number = number

    def leave_at_once(self, farewell: str) -> None:
        """From now on the first one ends it too, with a sentence: there are no more steps to stop after."""
        self._farewell = farewell

    def came_anywhere(self, accelerator) -> int:
        """The number of a signal that came to any of the processes, which all learn of it; 0: none did."""
        if accelerator.num_processes == 1:
            return self.number
        return int(accelerator.gather(torch.tensor([self.number], device=accelerator.device)).max())
