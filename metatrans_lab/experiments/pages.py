"""Pages with tables that scripts write: a table in Markdown, its cells, and its place on the page.

    <!-- name -->
    what a script wrote
    <!-- /name -->

What is between the two marks is replaced whenever the script runs; all else is written by hand.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from metatrans_lab.errors import UserError


def fill(page: Path, name: str, text: str) -> None:
    """Puts a text between the marks of that name.

    Raises:
        UserError: the page hasn't each of the two marks once.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    whole = page.read_text()
    before, _, rest = whole.partition(begin)
    _, _, after = rest.partition(end)
    if (whole.count(begin), rest.count(end)) != (1, 1):
        raise UserError(f"{page} must have {begin.strip()} and after it {end.strip()}, each once on a line of its own")
    page.write_text(f"{before}{begin}{text}\n{end}{after}")


def markdown(columns: list[str], rows: list[list], words: Collection[str] = ()) -> str:
    """A table; numbers are written with as many digits as tell.

    Args:
        words: the columns that are set left, as the first is; those of numbers are set right.
    """
    sides = ["---" if place == 0 or column in words else "--:" for place, column in enumerate(columns)]
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join(sides)}|"]
    return "\n".join(lines + [f"| {' | '.join(map(_text, row))} |" for row in rows])


def with_interval(figures: dict, key: str) -> str:
    """One of `evaluate`'s figures, and half the width of its 95% interval."""
    low, high = figures["intervals"][key]
    return f"{figures[key]:.5f} ({(high - low) / 2:.5f})"


def spread(values: Sequence[float]) -> str:
    """Of several seeds: the mean, the least and the greatest."""
    return f"{sum(values) / len(values):.5f} ({min(values):.5f}…{max(values):.5f})"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.5f}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)
