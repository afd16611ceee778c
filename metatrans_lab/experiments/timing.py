"""Measuring several contestants in turn.

In each round every contestant has a short turn, so that a busy moment of the machine falls on all of them. Contestants
are compared by the median of the rounds' ratios.
"""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Measure = TypeVar("Measure")
"""Seconds, or whatever a contestant's turn gives."""


def in_turn(contestants: Mapping[str, Callable[[], Measure]], rounds: int) -> dict[str, list[Measure]]:
    """Each contestant's measurements, one a round."""
    measures: dict[str, list[Measure]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            measures[name].append(contestant())
    return measures


def seconds_a_call(function: Callable[[], object], calls: int) -> float:
    """Mean seconds of a call; the function must return when its work is done, on a GPU too."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def turn(seconds_a_call: Callable[[int], float], seconds: float) -> Callable[[], float]:
    """A contestant's turn of about so many seconds; it gives the mean seconds of a call.

    Args:
        seconds_a_call: makes the given number of calls and gives the mean seconds of one.
        seconds: of a turn; the number of calls follows from the time of one call that is made now.
    """
    calls = max(1, round(seconds / seconds_a_call(1)))
    return lambda: seconds_a_call(calls)


def ratios(over: list[float], under: list[float]) -> list[float]:
    """over / under, round by round."""
    return [a / b for a, b in zip(over, under, strict=True)]
