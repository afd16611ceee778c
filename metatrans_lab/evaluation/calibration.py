"""Does a third of what a model gives a third come true?"""

import numpy as np

NUM_BINS = 15


class Reliability:
    """Counts how often what was given a probability came true, in NUM_BINS bins of equal width."""

    def __init__(self):
        self.first, self.every = np.zeros((3, NUM_BINS)), np.zeros((3, NUM_BINS))

    def add(self, probabilities: np.ndarray, right: np.ndarray) -> None:
        """
        Args:
            probabilities: (n, R), what each of n distributions gives to each of R words.
            right: (n,), the word that came.
        """
        probabilities = probabilities.astype(np.float64)
        rows = np.arange(len(probabilities))
        choice = probabilities.argmax(-1)
        _count(self.first, probabilities[rows, choice], choice == right)
        _count(self.every, probabilities.ravel(), (right[:, None] == np.arange(probabilities.shape[1])).ravel())

    def results(self) -> dict:
        """
        Returns:
            expected_calibration_error: mean of |confidence − accuracy|, both averaged in the bins of the largest
                probability (Guo et al., "On calibration of modern neural networks", 2017).
            probability_error: the same of all probabilities, not only of the first choice.
            probability, frequency, count: of all probabilities, in the bins: their mean, the fraction that came true,
                their number; bins that are empty are left out.
        """
        filled = self.every[2] > 0
        given, true, number = self.every[:, filled]
        return {
            "expected_calibration_error": _error(self.first),
            "probability_error": _error(self.every),
            "probability": (given / number).tolist(),
            "frequency": (true / number).tolist(),
            "count": number.astype(int).tolist(),
        }


def _count(sums: np.ndarray, probabilities: np.ndarray, came: np.ndarray) -> None:
    """Adds up probabilities, what came true, and numbers, by bin."""
    # What is no number falls into the first bin, and makes the error none.
    bins = np.minimum((np.nan_to_num(probabilities) * NUM_BINS).astype(int), NUM_BINS - 1)
    for row, weights in zip(sums, (probabilities, came, None), strict=True):
        row += np.bincount(bins, weights, minlength=NUM_BINS)


def _error(sums: np.ndarray) -> float:
    given, true, number = sums
    return float(np.abs(given - true).sum() / number.sum())
