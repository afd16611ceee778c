"""95% confidence intervals of ratios Σ sums / Σ counts over episodes, whose tokens aren't independent of each other.

Arguments throughout: `sums` and `counts`, (N,) each, a value an episode.
"""

import math

import numpy as np

Z = 1.959964  # of a 95% interval


def ratio(sums: np.ndarray, counts: np.ndarray) -> float | None:
    """Σ sums / Σ counts; None if nothing was counted."""
    return float(sums.sum() / counts.sum()) if counts.sum() else None


def _residual_variance(sums: np.ndarray, counts: np.ndarray) -> float:
    """The variance of the ratio between samples of episodes, by linearisation."""
    residuals = sums - sums.sum() / counts.sum() * counts
    return float(len(sums) / max(len(sums) - 1, 1) * (residuals**2).sum() / counts.sum() ** 2)


def mean_interval(sums: np.ndarray, counts: np.ndarray) -> list[float] | None:
    """[low, high] of a mean, by the normal approximation; None if nothing was counted."""
    if not counts.sum():
        return None
    half = Z * math.sqrt(_residual_variance(sums, counts))
    mean = sums.sum() / counts.sum()
    return [float(mean - half), float(mean + half)]


def proportion_interval(sums: np.ndarray, counts: np.ndarray) -> list[float] | None:
    """[low, high] of a proportion, by Wilson's interval, which keeps its coverage near 0 and 1; None if nothing was
    counted. The number of trials is the effective one, smaller where the tokens of an episode are correlated.
    """
    n = counts.sum()
    if not n:
        return None
    p = sums.sum() / n
    if 0 < p < 1:
        n /= max(_residual_variance(sums, counts) / (p * (1 - p) / n), 1)  # by the design effect
    else:  # all tokens are alike, which says nothing of their correlation: each episode counts as one trial
        n = (counts > 0).sum()
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return [float(max(centre - half, 0)), float(min(centre + half, 1))]
