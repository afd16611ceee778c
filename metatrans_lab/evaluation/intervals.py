"""95% intervals of figures that are ratios of sums over episodes, whose tokens aren't independent."""

import math

import numpy as np

Z = 1.959964  # of a 95% interval


def ratio(sums: np.ndarray, counts: np.ndarray) -> float | None:
    return float(sums.sum() / counts.sum()) if counts.sum() else None


def _residual_variance(sums: np.ndarray, counts: np.ndarray) -> float:
    """Variance of the ratio Σ sums / Σ counts over episodes (linearised): tokens of one episode aren't independent."""
    residuals = sums - sums.sum() / counts.sum() * counts
    return float(len(sums) / max(len(sums) - 1, 1) * (residuals**2).sum() / counts.sum() ** 2)


def mean_interval(sums: np.ndarray, counts: np.ndarray) -> list[float] | None:
    if not counts.sum():
        return None
    half = Z * math.sqrt(_residual_variance(sums, counts))
    mean = sums.sum() / counts.sum()
    return [float(mean - half), float(mean + half)]


def proportion_interval(sums: np.ndarray, counts: np.ndarray) -> list[float] | None:
    """Wilson's interval, which stays honest near 1, for as many independent trials as the clustering leaves."""
    n = counts.sum()
    if not n:
        return None
    p = sums.sum() / n
    if 0 < p < 1:
        n /= max(_residual_variance(sums, counts) / (p * (1 - p) / n), 1)
    else:  # nothing went wrong (or right) that could tell how tokens hang together: an episode counts once
        n = (counts > 0).sum()
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return [float(max(centre - half, 0)), float(min(centre + half, 1))]
