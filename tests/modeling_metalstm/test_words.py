import random

import pytest

from modeling_metalstm.words import (
    Example,
    TranslationError,
    ask,
    draw_binding,
    learn_lexicon,
    parse_examples,
    split_sentence,
    write_prompt,
)

EXAMPLES = [("red", "dax"), ("blue red", "wif dax")]


def test_a_question_holds_the_words_in_order_of_use():
    question = ask(EXAMPLES, " green\tred ", 6, 6)
    assert question.examples == (Example(("red",), ("dax",)), Example(("blue", "red"), ("wif", "dax")))
    assert question.sentence == ("green", "red")
    assert question.lexicon == {"red": "dax", "blue": "wif"}
    assert question.source_words == ("red", "blue", "green") and question.target_words == ("dax", "wif")


def test_pairs_may_be_lists():
    assert parse_examples([["red", "dax"]]) == parse_examples((("red", "dax"),))


def test_a_prompt_is_an_episode_without_its_last_translation():
    question = ask(EXAMPLES, "green red", 6, 6)
    binding = [4, 0, 2, 11, 6]  # red blue green, dax wif
    assert write_prompt(question, binding, 12, 13) == [12, 4, 13, 11, 12, 0, 4, 13, 6, 11, 12, 2, 4, 13]


def test_bindings_are_injective_random_and_seeded():
    question = ask(EXAMPLES, "green red", 6, 4)
    draws = [tuple(draw_binding(question, 6, 4, random.Random(seed))) for seed in range(200)]
    for draw in draws:
        assert len(set(draw[:3])) == 3 and set(draw[:3]) <= set(range(6))
        assert len(set(draw[3:])) == 2 and set(draw[3:]) <= set(range(6, 10))
    assert len(set(draws)) > 150
    assert {draw[0] for draw in draws} == set(range(6)) and {draw[3] for draw in draws} == set(range(6, 10))
    assert tuple(draw_binding(question, 6, 4, random.Random(5))) == draws[5]


def test_every_symbol_can_be_used():
    words = "a b c d e f"
    question = ask([(words, words.upper())], words, 6, 6)
    assert sorted(draw_binding(question, 6, 6, random.Random(0))) == list(range(12))


LONG = "a " * 1001


@pytest.mark.parametrize(
    ("examples", "sentence", "message"),
    [
        ([], "red", r"There are no examples; give at least one pair, such as \('red', 'dax'\)\."),
        ("red dax", "red", r"The examples must be a list of pairs, such as .*, not 'red dax'\."),
        (None, "red", r"The examples must be a list of pairs, such as .*, not None\."),
        ([("red",)], "red", r"Example 1 must be a pair of a sentence and its translation, .* not \('red',\)\."),
        ([("red", "dax"), "to"], "red", r"Example 2 must be a pair of a sentence and its translation, .* not 'to'\."),
        ([("red", 3)], "red", r"The target side of example 1 must be text, such as 'blue red', not 3\."),
        (
            [("red", "dax"), (" ", "dax")],
            "red",
            r"The source side of example 2 is empty; it needs at least one word\.",
        ),
        ([("red", "")], "red", r"The target side of example 1 is empty; it needs at least one word\."),
        (
            [("red", "dax"), ("blue red", "wif")],
            "red",
            r"Example 2 has 2 source and 1 target words \('blue red' and 'wif'\), but each word must have its "
            r"translation at the same place\.",
        ),
        (
            [("red", "dax"), ("blue", "wif"), ("blue red", "wif kiki")],
            "red",
            r"Examples 1 and 3 disagree: 'red' is translated as 'dax' and as 'kiki', but a word has one translation\.",
        ),
        (
            [("red", "dax"), ("blue", "wif"), ("green", "wif")],
            "red",
            r"Examples 2 and 3 disagree: 'wif' translates both 'blue' and 'green', but different words have different "
            r"translations\.",
        ),
        (
            [("red red", "dax wif")],
            "red",
            r"Example 1 contradicts itself: 'red' is translated as 'dax' and as 'wif', .*",
        ),
        (EXAMPLES, "", r"The sentence is empty; it needs at least one word\."),
        (EXAMPLES, " \n", r"The sentence is empty; it needs at least one word\."),
        (EXAMPLES, 7, r"The sentence must be text, such as 'blue red', not 7\."),
        (EXAMPLES, ["red"], r"The sentence must be text, such as 'blue red', not \['red'\]\."),
        (
            EXAMPLES,
            "a b c",
            r"This model takes at most 4 distinct source words, but the examples and the sentence have 5: "
            r"'red blue a b c'\.",
        ),
        (
            [("a b c d", "w x y z")],
            "a",
            r"This model takes at most 3 distinct target words, but the examples have 4: 'w x y z'\.",
        ),
        (EXAMPLES, LONG, r"The sentence has 1,001 words; at most 1,000 are allowed\."),
        ([(LONG, LONG)], "a", r"The source side of example 1 has 1,001 words; at most 1,000 are allowed\."),
        (
            [("a a", "b b")] * 6_000,
            "a",
            r"The examples 1 to 5,001 have 10,002 source words; at most 10,000 are allowed in all\.",
        ),
    ],
)
def test_mistakes_are_said_in_one_sentence(examples, sentence, message):
    with pytest.raises(TranslationError, match=f"^{message}$") as error:
        ask(examples, sentence, 4, 3)
    assert isinstance(error.value, ValueError) and "\n" not in str(error.value)


def test_a_long_word_does_not_flood_the_message():
    with pytest.raises(TranslationError) as error:
        learn_lexicon(parse_examples([("a", "x" * 10_000), ("b", "x" * 10_000)]))
    assert len(str(error.value)) < 300


def test_words_are_split_at_any_white_space():
    assert split_sentence("\tblue \n red\u00a0") == ("blue", "red")
