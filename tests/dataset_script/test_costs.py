"""What follows for every family of sentence pairs, held equal to what a family says faster."""

import numpy as np
import pytest

from dataset_script import make_language, sample_episodes
from dataset_script.costs import CostedSentences

LANGUAGES = {
    "lexicon": make_language("lexicon", sentence_length=(1, 4), num_active_words=(2, 6)),
    "lexicon, R > L": make_language("lexicon", num_pairs=5, num_target_words=8),
    "order": make_language("order", num_pairs=6),
    "order, lengths drawn": make_language("order", num_pairs=8, sentence_length=(1, 4), num_source_words=4),
}


@pytest.mark.parametrize("device", [None, "cpu"], ids=["numpy", "torch"])
@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_costs_and_certainty_follow_from_the_predictor(language, device):
    episodes = sample_episodes(language, range(60), "test", device)

    def general(name: str) -> np.ndarray:
        return np.asarray(CostedSentences.__dict__[name].func(episodes))

    np.testing.assert_allclose(general("bayes_nll"), np.asarray(episodes.bayes_nll), atol=1e-6)
    for name in ("determined", "eliminated"):
        assert np.array_equal(general(name), np.asarray(getattr(episodes, name))), name
    assert np.asarray(episodes.determined).any()
