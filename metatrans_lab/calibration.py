"""Does a third of what a model gives a third come true? Over target words, of episodes it has never seen."""

import numpy as np

from dataset_script.episodes import sample_episodes
from dataset_script.languages import LanguageConfig
from metatrans_lab.evaluation import next_token_log_probabilities

NUM_BINS = 15


def reliability(
    model,
    language: LanguageConfig,
    split: str = "test",
    num_episodes: int = 8192,
    batch_size: int = 512,
    num_bindings: int = 0,
) -> dict:
    """How a model's probabilities of target words compare with how often these come.

    Args:
        model, language, split, num_episodes, batch_size, num_bindings: as of `evaluate`.

    Returns:
        expected_calibration_error: mean over target tokens of |confidence − accuracy|, both averaged in NUM_BINS bins
            of equal width of the largest probability (Guo et al., "On calibration of modern neural networks", 2017).
        probability, frequency, count: of all probabilities given to any target word, in as many bins: their mean, the
            fraction that came true, their number; bins that are empty are left out.
        probability_error: mean over these of |probability − frequency|: the error of all that it says, not only of
            its first choice.
    """
    top, every = np.zeros((3, NUM_BINS)), np.zeros((3, NUM_BINS))
    words = slice(language.num_source_words, language.soh)
    model.eval()
    for first in range(0, num_episodes, batch_size):
        episodes = sample_episodes(language, range(first, min(first + batch_size, num_episodes)), split)
        is_target = episodes.is_target[:, 1:]
        probabilities = np.exp(
            next_token_log_probabilities(model, episodes, num_bindings)[is_target].astype(np.float64)
        )
        right = episodes.input_ids[:, 1:][is_target]
        _count(top, probabilities.max(-1), probabilities.argmax(-1) == right)
        came = right[:, None] == np.arange(words.start, words.stop)
        _count(every, probabilities[:, words].ravel(), came.ravel())
    filled = every[2] > 0
    number, given, true = every[2][filled], every[0][filled], every[1][filled]
    return {
        "expected_calibration_error": float(np.abs(top[0] - top[1]).sum() / top[2].sum()),
        "probability_error": float(np.abs(given - true).sum() / number.sum()),
        "probability": (given / number).tolist(),
        "frequency": (true / number).tolist(),
        "count": number.astype(int).tolist(),
    }


def _count(sums: np.ndarray, probabilities: np.ndarray, came: np.ndarray) -> None:
    """Adds up probabilities, what came true, and numbers, by bin."""
    bins = np.minimum((probabilities * NUM_BINS).astype(int), NUM_BINS - 1)
    for row, weights in zip(sums, (probabilities, came, None), strict=True):
        row += np.bincount(bins, weights, minlength=NUM_BINS)
