from dataclasses import dataclass

import numpy as np
import pytest

from dataset_script import LanguageConfig
from dataset_script.families import FAMILIES, make_language


def test_tokens_follow_the_post():
    config = LanguageConfig()
    assert (config.soh, config.stx, config.pad, config.vocab_size) == (12, 13, 14, 15)
    assert config.max_episode_length == 81
    assert config.num_lexicons == 720


def test_ranges_are_normalised():
    assert LanguageConfig(sentence_length=[2, 5]).sentence_length == (2, 5)
    assert LanguageConfig(sentence_length=(3, 3)) == LanguageConfig()
    assert LanguageConfig(num_active_words=6) == LanguageConfig()
    assert LanguageConfig(num_active_words=(2, 6)).active_range == (2, 6)


@pytest.mark.parametrize(
    "knobs, message",
    [
        ({"num_target_words": 5}, "num_target_words must be at least num_source_words (6)"),
        ({"sentence_length": 0}, "sentence_length must be at least 1, got 0"),
        ({"sentence_length": (3, 1)}, "sentence_length must have its smaller end first"),
        ({"sentence_length": (1, 2, 3)}, "sentence_length must be an integer or a pair (min, max)"),
        ({"sentence_length": "3"}, "sentence_length must be an integer, got '3' (a pair is written [min, max])"),
        ({"num_pairs": 0}, "num_pairs must be at least 1"),
        ({"num_pairs": True}, "num_pairs must be an integer, got True"),
        ({"num_pairs": 2.5}, "num_pairs must be an integer, got 2.5"),
        ({"num_active_words": 7}, "num_active_words must be between 1 and 6, got 7"),
        ({"word_repetition": -1}, "word_repetition must be between 0 and 100, got -1"),
        ({"word_repetition": 0.5}, "word_repetition must be an integer, got 0.5"),
        ({"held_out_languages": 1.0}, "held_out_languages must be a fraction in [0, 1), got 1.0"),
        ({"held_out_languages": "a"}, "held_out_languages must be a fraction in [0, 1), got 'a'"),
        ({"held_out_languages": float("nan")}, "held_out_languages must be a fraction in [0, 1), got nan"),
        ({"num_training_languages": 0}, "num_training_languages must be at least 1"),
        ({"seed": -1}, "seed must be between 0 and 9223372036854775807, got -1"),
        ({"seed": 1 << 63}, "seed must be between 0 and 9223372036854775807, got 9223372036854775808"),
    ],
)
def test_impossible_values_are_refused_in_a_sentence(knobs, message):
    with pytest.raises(ValueError) as error:
        LanguageConfig(**knobs)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("family", FAMILIES)
def test_integers_of_numpy_are_integers(family):
    """As they come from `np.arange` or a table; the stream is the one of Python's own."""
    knobs = {"num_pairs": 3, "sentence_length": (2, 3), "seed": 5}
    config = make_language(family, num_pairs=np.int64(3), sentence_length=np.array([2, 3]).tolist(), seed=np.int16(5))
    assert config.stream_name("test") == make_language(family, **knobs).stream_name("test")
    config = make_language(family, num_pairs=np.uint8(3), sentence_length=tuple(np.array([2, 3])), seed=5)
    assert config.stream_name("test") == make_language(family, **knobs).stream_name("test")
    with pytest.raises(ValueError, match=r"num_pairs must be at least 1, got 0$"):
        make_language(family, num_pairs=np.int64(0))
    for value in (np.float64(3), np.bool_(True)):
        with pytest.raises(ValueError, match="num_pairs must be an integer"):
            make_language(family, num_pairs=value)


def test_split_is_checked():
    with pytest.raises(ValueError, match="split must be one of train, validation, test, got 'dev'"):
        LanguageConfig().stream_name("dev")


def test_the_stream_has_the_name_it_was_born_with():
    """Whoever changes this has moved every episode."""
    assert LanguageConfig(sentence_length=(1, 5), held_out_languages=0.1).stream_name("test") == (
        "metatrans 1 test num_pairs=10,num_source_words=6,num_target_words=6,sentence_length=(1, 5),"
        "num_active_words=None,held_out_languages=0.1,num_training_languages=None,seed=0"
    )


def test_a_knob_that_is_added_later_moves_no_episode_at_its_default():
    @dataclass(frozen=True)
    class Later(LanguageConfig):
        hazard: float = 0.0

    assert Later().stream_name("train") == LanguageConfig().stream_name("train")
    assert Later(hazard=0.1).stream_name("train") == LanguageConfig().stream_name("train") + ",hazard=0.1"
