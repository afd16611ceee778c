"""Colours and axes of the studies' plots."""

from matplotlib.axes import Axes

BLUE, ORANGE, GREY = "#2f6db3", "#d9730d", "#777777"


def plain_log(axes: Axes, *which: str) -> None:
    """Makes axes logarithmic, with plain numbers as labels: 0.01, not 10⁻²; none at minor ticks.

    Args:
        which: "x", "y" or both.
    """
    for name in which:
        getattr(axes, f"set_{name}scale")("log")
        axis = getattr(axes, f"{name}axis")
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(lambda *_: "")
