import random
from types import SimpleNamespace

import pytest
from transformers import GPT2Config

from modeling_metalstm import MetaLSTMConfig
from modeling_metalstm.alphabet_metalstm import Alphabet
from modeling_metalstm.lesson_metalstm import Example

ALPHABET = Alphabet(num_source_words=6, num_target_words=4)


def test_symbols_are_those_of_the_vocabulary():
    config = MetaLSTMConfig(num_source_words=6, num_target_words=4)
    assert Alphabet.of(config) == ALPHABET == Alphabet.of(GPT2Config(num_source_words=6, num_target_words=4))
    assert (ALPHABET.start_of_source, ALPHABET.start_of_target) == (
        config.start_of_source_id,
        config.start_of_target_id,
    )
    assert ALPHABET.targets == slice(6, 10)


@pytest.mark.parametrize("config", [GPT2Config(), GPT2Config(num_source_words=6), SimpleNamespace()], ids=range(3))
def test_a_language_model_has_none(config):
    assert Alphabet.of(config) is None


@pytest.mark.parametrize("sizes", [("6", 4), (6, None), (0, 4), (6, -1), ([6], 4)], ids=str)
def test_nor_has_a_model_that_says_nonsense(sizes):
    assert Alphabet.of(SimpleNamespace(num_source_words=sizes[0], num_target_words=sizes[1])) is None


def test_examples_and_a_question_make_an_episode():
    lexicon = {"red": "dax", "blue": "wif"}
    examples = [Example(("blue", "red"), ("wif", "dax")), Example(("red",), ("dax",))]
    assert ALPHABET.write_examples(examples, lexicon) == [10, 1, 0, 11, 7, 6, 10, 0, 11, 6]
    assert ALPHABET.write_question(("green", "red", "zup", "green"), lexicon) == [10, 2, 0, 3, 2, 11]


def test_bindings_are_permutations_random_and_seeded():
    draws = [tuple(ALPHABET.draw_binding(random.Random(seed))) for seed in range(200)]
    for draw in draws:
        assert sorted(draw[:6]) == list(range(6)) and sorted(draw[6:10]) == list(range(6, 10))
        assert draw[10:] == (10, 11)
    assert len(set(draws)) > 150
    assert {draw[0] for draw in draws} == set(range(6)) and {draw[6] for draw in draws} == set(range(6, 10))
    assert tuple(ALPHABET.draw_binding(random.Random(5))) == draws[5]
