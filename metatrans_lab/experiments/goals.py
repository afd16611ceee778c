"""The figures of a benchmark: measured values and the goals they are compared with, as plain values and as text."""

import statistics


def figure(
    what: str,
    rounds: list[float],
    bar: float | None = None,
    moonshot: float | None = None,
    unit: str = "",
    lower: bool = False,
) -> dict:
    """A measured figure and its goals.

    Args:
        what: its name.
        rounds: its value in each round; the median is compared with the goals.
        bar, moonshot: the value it must reach, and the one it is hoped to reach; None: it has no such goal.
        unit: of the values and the goals.
        lower: whether less is better.

    Returns:
        Plain values; `reached` is "moonshot", "bar", "no", or None if there is no goal.
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
    """A figure as text: its median, its range, the bar and the moonshot."""
    unit = f" {row['unit']}" if row["unit"] else ""
    goals = [row["bar"], row["moonshot"]]
    bar, moonshot = ["" if goal is None else f"{'≤' if row['lower'] else '≥'} {goal:g}{unit}" for goal in goals]
    return _number(row["median"]) + unit, f"{_number(row['min'])}…{_number(row['max'])}", bar, moonshot


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
