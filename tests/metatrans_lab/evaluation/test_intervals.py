import numpy as np

from metatrans_lab.evaluation.intervals import mean_interval, proportion_interval


def test_intervals_cover_95_percent():
    rng = np.random.default_rng(0)
    covered = {"mean": 0, "proportion": 0}
    for _ in range(400):
        # Clustered: the tokens of an episode share its difficulty.
        difficulty = rng.beta(2, 18, 300)
        counts = np.full(300, 12.0)
        sums = rng.binomial(12, 1 - difficulty).astype(float)
        for name, interval in (("mean", mean_interval), ("proportion", proportion_interval)):
            low, high = interval(sums, counts)
            covered[name] += low <= 0.9 <= high
    assert 0.92 < covered["mean"] / 400 < 0.98
    assert 0.92 < covered["proportion"] / 400 < 0.98


def test_intervals_cover_when_hardly_anything_goes_wrong():
    rng = np.random.default_rng(0)
    counts, covered = np.full(1000, 24.0), 0
    for _ in range(400):
        fails = rng.random(1000) < 1 / 2000  # an episode, all of it
        low, high = proportion_interval(np.where(fails, 0.0, counts), counts)
        covered += low <= 1 - 1 / 2000 <= high
    # Such rare events come in whole numbers: two of them, 9% of the time, already exclude their rate.
    assert covered / 400 > 0.88


def test_a_perfect_score_keeps_its_doubt():
    # All tokens of an episode may stand or fall together: an episode counts once.
    low, high = proportion_interval(np.full(100, 3.0), np.full(100, 3.0))
    assert 0.95 < low < 0.97 and high == 1
    assert proportion_interval(np.zeros(3), np.zeros(3)) is None
