"""Contestants measured in turn.

Round by round, each for a short turn, so that a busy moment of the machine falls on all of them; a ratio is the median
of the rounds' ratios.
"""

import time
from collections.abc import Callable


def in_turn(contestants: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Every contestant's measure in each of the rounds."""
    measures = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            measures[name].append(contestant())
    return measures


def seconds_a_call(function: Callable[[], object], calls: int) -> float:
    """Seconds a call of a function, which returns when its work is done, on a GPU too."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def turn(seconds_a_call: Callable[[int], float], seconds: float) -> Callable[[], float]:
    """A contestant's turn: as many calls as take about so many seconds, going by one; gives the seconds of a call.

    Args:
        seconds_a_call: makes so many calls and says how long one takes.
    """
    calls = max(1, round(seconds / seconds_a_call(1)))
    return lambda: seconds_a_call(calls)


def ratios(over: list[float], under: list[float]) -> list[float]:
    """Round by round."""
    return [a / b for a, b in zip(over, under, strict=True)]
