"""The studies' colours and axes."""

from matplotlib.axes import Axes

BLUE, ORANGE, GREY = "#2f6db3", "#d9730d", "#777777"


def plain_log(axes: Axes, *which: str) -> None:
    """Logarithmic axes whose labels are plain numbers, in the fonts that are there.

    Args:
        which: "x", "y" or both.
    """
    for name in which:
        getattr(axes, f"set_{name}scale")("log")
        axis = getattr(axes, f"{name}axis")
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(lambda *_: "")
