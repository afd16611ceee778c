"""SIGINT and SIGTERM ask training to save and stop after the step; a second one ends it at once."""

import os
import signal


class StopSignal:
    """`number` is the signal that came, or None."""

    def __init__(self):
        self.number: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, frame) -> None:
        if self.number is not None:
            os._exit(128 + number)
        self.number = number
