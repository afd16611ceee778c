import numpy as np
import pytest

from dataset_script import LanguageConfig
from dataset_script.episodes import sample_episodes
from dataset_script.families.contract import SPLITS
from dataset_script.lexicons import ENUMERABLE, in_split, split_lexicons


def lexicon_set(lexicons) -> set[tuple[int, ...]]:
    return set(map(tuple, np.asarray(lexicons).tolist()))


@pytest.mark.parametrize("held_out", [0.1, 0.5, 0.9])
def test_splits_partition_the_lexicons(held_out):
    config = LanguageConfig(held_out_languages=held_out)
    train, validation, test = (lexicon_set(split_lexicons(config, split)) for split in SPLITS)
    assert not train & validation and not train & test and not validation & test
    assert len(train | validation | test) == 720
    # 720 lexicons fall by a hash: three standard deviations around the fraction asked for.
    assert abs(len(train) / 720 - (1 - held_out)) < 3 * (held_out * (1 - held_out) / 720) ** 0.5


def test_held_out_lexicons_are_nested_and_do_not_depend_on_the_seed():
    a = lexicon_set(split_lexicons(LanguageConfig(held_out_languages=0.1), "test"))
    b = lexicon_set(split_lexicons(LanguageConfig(held_out_languages=0.5, seed=7), "test"))
    assert a and a < b


def test_nothing_is_held_out_by_default():
    for split in SPLITS:
        assert len(lexicon_set(split_lexicons(LanguageConfig(), split))) == 720


@pytest.mark.parametrize("words", [6, 12])  # listed; drawn by rejection
def test_episodes_keep_to_their_split(words):
    config = LanguageConfig(num_source_words=words, num_target_words=words, held_out_languages=0.3)
    assert (config.num_lexicons > ENUMERABLE) == (words == 12)
    for split in SPLITS:
        lexicons = sample_episodes(config, range(500), split).lexicons
        assert in_split(config, split, lexicons).all()
        assert (np.sort(lexicons, -1) == np.arange(words)).all()


@pytest.mark.parametrize("words", [4, 12])
def test_training_pools_are_fixed_and_nested(words):
    def pool(size, seed=0):
        config = LanguageConfig(num_source_words=words, num_target_words=words, num_training_languages=size, seed=seed)
        return lexicon_set(sample_episodes(config, range(3000)).lexicons)

    assert len(pool(8)) == 8
    assert pool(8) == pool(8, seed=5)
    assert pool(8) < pool(16)
    whole = LanguageConfig(num_source_words=words, num_target_words=words, num_training_languages=8)
    assert len(lexicon_set(sample_episodes(whole, range(3000), "test").lexicons)) > 8


def test_impossible_splits_are_refused():
    with pytest.raises(ValueError, match="leaves no lexicon for"):
        config = LanguageConfig(num_source_words=1, num_target_words=1, held_out_languages=0.5)
        for split in SPLITS:
            sample_episodes(config, range(1), split)
    with pytest.raises(ValueError, match="num_training_languages must be at most 6"):
        config = LanguageConfig(num_source_words=3, num_target_words=3, num_training_languages=7)
        sample_episodes(config, range(1))
    with pytest.raises(ValueError, match="leaves too few lexicons for validation"):
        config = LanguageConfig(num_source_words=12, num_target_words=12, held_out_languages=1e-6)
        sample_episodes(config, range(1), "validation")
    with pytest.raises(ValueError, match="num_training_languages must be at most 25000"):
        config = LanguageConfig(num_source_words=9, num_target_words=9, num_training_languages=362_881)
        sample_episodes(config, range(1))
