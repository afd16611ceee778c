"""Calibration: of the words that a model predicts with probability p, does a fraction p occur?"""

from typing import Any

import numpy as np

NUM_BINS = 15


class Reliability:
    """The reliability diagram of predictive distributions, in NUM_BINS bins of equal width, summed over batches."""

    def __init__(self) -> None:
        # By bin: summed probabilities, how many of the words occurred, and the number of predictions.
        self.first = np.zeros((3, NUM_BINS))  # of the most probable word of each distribution
        self.every = np.zeros((3, NUM_BINS))  # of all R words of each distribution

    def add(self, probabilities: np.ndarray, right: np.ndarray) -> None:
        """Takes in a batch of predictions.

        Args:
            probabilities: (n, R), n distributions over R words.
            right: (n,), the word that occurred.
        """
        probabilities = probabilities.astype(np.float64)
        rows = np.arange(len(probabilities))
        choice = probabilities.argmax(-1)  # (n,)
        _count(self.first, probabilities[rows, choice], choice == right)
        _count(self.every, probabilities.ravel(), (right[:, None] == np.arange(probabilities.shape[1])).ravel())

    def results(self) -> dict[str, Any]:
        """The calibration errors and the diagram.

        Returns:
            expected_calibration_error: the mean of |confidence − accuracy| over bins of the most probable word's
                probability (Guo et al., "On calibration of modern neural networks", 2017).
            probability_error: the same over the probabilities of all words.
            probability, frequency, count: the diagram of all words' probabilities, a value a bin: their mean, the
                fraction of the words that occurred, and their number. Empty bins are left out.
        """
        filled = self.every[2] > 0
        predicted, occurred, number = self.every[:, filled]
        return {
            "expected_calibration_error": _error(self.first),
            "probability_error": _error(self.every),
            "probability": (predicted / number).tolist(),
            "frequency": (occurred / number).tolist(),
            "count": number.astype(int).tolist(),
        }


def _count(sums: np.ndarray, probabilities: np.ndarray, occurred: np.ndarray) -> None:
    """Adds (n,) probabilities and whether their words occurred to (3, NUM_BINS) sums."""
    # NaN is put into the first bin; its sum, and so the error, is NaN.
    bins = np.minimum((np.nan_to_num(probabilities) * NUM_BINS).astype(int), NUM_BINS - 1)
    for row, weights in zip(sums, (probabilities, occurred, None), strict=True):
        row += np.bincount(bins, weights, minlength=NUM_BINS)


def _error(sums: np.ndarray) -> float:
    """The mean of |confidence − accuracy|, bins weighted by their numbers."""
    predicted, occurred, number = sums
    return float(np.abs(predicted - occurred).sum() / number.sum())
