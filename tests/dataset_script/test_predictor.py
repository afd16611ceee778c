"""Of the functions that every family's predictor is asked by."""

import math

import pytest

from dataset_script import LanguageConfig
from dataset_script.predictor import levels


def test_levels_of_the_post():
    known = levels(LanguageConfig(), "all")
    assert known == pytest.approx(
        {"uniform": 2.7081, "unigram": 2.5993, "format only": 1.3438, "sentence alone": 1.1878, "Bayes": 0.75415},
        abs=1e-4,
    )
    assert list(levels(LanguageConfig(), "targets").values()) == pytest.approx(
        [2.7081, 2.0253, 0.6 * 1.791759, 10 * 4.1268 / 50, 6.5792 / 50], abs=1e-4
    )
    # Sentences of one word have nothing in them that is alike.
    one = levels(LanguageConfig(sentence_length=1), "all")
    assert one["sentence alone"] == pytest.approx(one["format only"])


def test_levels_of_drawn_lengths_price_the_lengths():
    # Every length of 1…5 costs ln 5 nats in all, whichever tokens tell it; words cost ln 6 each.
    config = LanguageConfig(num_pairs=10, sentence_length=(1, 5))
    nats = 10 * (math.log(5) + 2 * 3 * math.log(6))
    assert levels(config, "all")["format only"] == pytest.approx(nats / 80, abs=1e-9)
    assert levels(config, "targets")["format only"] == pytest.approx(30 * math.log(6) / 50, abs=1e-9)
