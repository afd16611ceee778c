"""Pages with tables that scripts write: tables and cells in Markdown, and where on a page they are put.

    <!-- name -->
    what a script wrote
    <!-- /name -->

A script replaces what stands between its two marks; the rest of the page is written by hand.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from metatrans_lab.errors import UserError


def fill(page: Path, name: str, text: str) -> None:
    """Replaces what stands between the page's marks of that name by a text.

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
    """A table; floats are written with five decimals, or one if they are 10 or more.

    Args:
        words: the columns that are aligned left, as the first one is; all others are aligned right.
    """
    sides = ["---" if place == 0 or column in words else "--:" for place, column in enumerate(columns)]
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join(sides)}|"]
    return "\n".join(lines + [f"| {' | '.join(map(_text, row))} |" for row in rows])


def with_interval(figures: dict, key: str) -> str:
    """One of `evaluate`'s figures, and half the width of its 95% interval."""
    low, high = figures["intervals"][key]
    return f"{figures[key]:.5f} ({(high - low) / 2:.5f})"


def spread(values: Sequence[float]) -> str:
    """The mean, the least and the greatest value of several seeds."""
    return f"{sum(values) / len(values):.5f} ({min(values):.5f}…{max(values):.5f})"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.5f}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)
