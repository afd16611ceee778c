"""The figures of a benchmark: numbers to reach, what was reached, and both in words."""

import statistics


def figure(
    what: str,
    rounds: list[float],
    bar: float | None = None,
    moonshot: float | None = None,
    unit: str = "",
    lower: bool = False,
) -> dict:
    """One number to reach.

    Args:
        rounds: its value in each round.
        bar, moonshot: what it must reach, and what it would be grand to reach.
        lower: whether less is better.
    """
    median = statistics.median(rounds)
    goals = {"bar": bar, "moonshot": moonshot}
    reached = "no" if bar is not None else None
    for name, goal in goals.items():
        if goal is not None and (median <= goal if lower else median >= goal):
            reached = name
    spread = {"median": median, "min": min(rounds), "max": max(rounds), "rounds": rounds}
    return (
        {"what": what, "unit": unit} | spread | {"bar": bar, "moonshot": moonshot, "lower": lower, "reached": reached}
    )


def texts(row: dict) -> tuple[str, str, str, str]:
    """A figure in words: its median, its spread, the bar and the moonshot."""
    unit = f" {row['unit']}" if row["unit"] else ""
    goals = [row["bar"], row["moonshot"]]
    bar, moonshot = ["" if goal is None else f"{'≤' if row['lower'] else '≥'} {goal:g}{unit}" for goal in goals]
    return _number(row["median"]) + unit, f"{_number(row['min'])}…{_number(row['max'])}", bar, moonshot


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
