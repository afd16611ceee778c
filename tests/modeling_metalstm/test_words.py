import random

import pytest

from modeling_metalstm import MetaLSTMConfig
from modeling_metalstm.words import (
    Example,
    Spelling,
    TooManyWordsError,
    TranslationError,
    ask,
    draw_binding,
    learn,
    learn_lexicon,
    learn_more,
    parse_examples,
    split_sentence,
    write_example,
    write_question,
)

EXAMPLES = [("red", "dax"), ("blue red", "wif dax")]


def test_a_lesson_holds_the_words_in_order_of_use():
    lesson = learn(EXAMPLES, 6, 6)
    assert lesson.examples == (Example(("red",), ("dax",)), Example(("blue", "red"), ("wif", "dax")))
    assert list(lesson.lexicon.items()) == [("red", "dax"), ("blue", "wif")]
    assert ask(lesson, " green\tred ", 6) == ("green", "red")


def test_pairs_may_be_lists():
    assert parse_examples([["red", "dax"]]) == parse_examples((("red", "dax"),))


def test_examples_and_a_question_make_an_episode():
    config, lexicon = MetaLSTMConfig(num_source_words=6, num_target_words=4), {"red": "dax", "blue": "wif"}
    assert write_example(Example(("blue", "red"), ("wif", "dax")), lexicon, config) == [10, 1, 0, 11, 7, 6]
    assert write_question(("green", "red", "zup", "green"), lexicon, config) == [10, 2, 0, 3, 2, 11]


def test_bindings_are_permutations_random_and_seeded():
    draws = [tuple(draw_binding(6, 4, random.Random(seed))) for seed in range(200)]
    for draw in draws:
        assert sorted(draw[:6]) == list(range(6)) and sorted(draw[6:10]) == list(range(6, 10))
        assert draw[10:] == (10, 11)
    assert len(set(draws)) > 150
    assert {draw[0] for draw in draws} == set(range(6)) and {draw[6] for draw in draws} == set(range(6, 10))
    assert tuple(draw_binding(6, 4, random.Random(5))) == draws[5]


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
            [("a b c d e", "w x y z v")],
            "a",
            r"This model takes at most 4 distinct source words, but the examples have 5: 'a b c d e'\.",
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
        ask(learn(examples, 4, 3), sentence, 4)
    assert isinstance(error.value, ValueError) and "\n" not in str(error.value)


def test_a_long_word_does_not_flood_the_message():
    with pytest.raises(TranslationError) as error:
        learn_lexicon(parse_examples([("a", "x" * 10_000), ("b", "x" * 10_000)]))
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red, BLUE red.", ("Red", "BLUE", "red")),
        ("«red» “blue” ‘red’!? ¿blue?", ("red", "blue", "red", "blue")),
        ("don't can't", ("don't", "can't")),
        ("! ? ...", ("!", "?", "...")),
        ("🙂 👨‍👩‍👧 +1", ("🙂", "👨‍👩‍👧", "+1")),
        ("-red- (blue)", ("red", "blue")),
    ],
)
def test_words_are_without_the_punctuation_around_them(text, words):
    assert split_sentence(text) == words
    assert Spelling(exact=True).split(text) == tuple(text.split())


SAME = [
    ("Red", "red"),
    ("STRASSE", "straße"),
    ("cafe\u0301", "café"),
    ("❤\ufe0f", "❤"),
    ("\u200eשלום", "שלום"),
    ("Σ", "ς"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_words_are_the_same_however_they_are_written(one, other):
    assert learn([(one, "dax"), (other, "DAX")], 6, 6).lexicon == {one: "dax"}
    lesson = learn([(one, "dax")], 6, 6)
    assert ask(lesson, f"{other}! zup ZUP", 6) == (one, "zup", "zup")


def test_exact_words_are_those_written_alike():
    exact = Spelling(exact=True)
    assert len(learn([("Red red", "dax Dax")], 6, 6, exact).lexicon) == 2
    assert learn([("cafe\u0301", "dax"), ("café", "dax")], 6, 6, exact).lexicon == {"cafe\u0301": "dax"}
    assert exact.key("👨‍👩‍👧") != exact.key("👨")
    assert Spelling().key("👨‍👩‍👧") != Spelling().key("👨")


@pytest.mark.parametrize(
    ("separator", "text", "words", "joined"),
    [
        (",", "dark red,blue , ,", ("dark red", "blue"), "a,b"),
        (", ", "dark  red,blue", ("dark red", "blue"), "a, b"),
        (" - ", "red - blue", ("red", "blue"), "a - b"),
        ("\t", "red one\tblue", ("red one", "blue"), "a\tb"),
    ],
)
def test_another_separator(separator, text, words, joined):
    spelling = Spelling(separator=separator)
    assert spelling.split(text) == words and spelling.join(("a", "b")) == joined


def test_a_lesson_says_where_each_word_was_first():
    assert learn([("red", "dax"), ("Red blue", "dax wif")], 6, 6).first_use == {"red": 1, "blue": 2}


def test_what_a_spelling_can_t_be():
    with pytest.raises(TranslationError, match="The `separator` must be a text such as ', ', or None"):
        Spelling(separator="")
    with pytest.raises(TranslationError, match="`exact` must be True or False, not 1"):
        Spelling(exact=1)


def test_too_many_words_are_counted():
    with pytest.raises(TooManyWordsError) as error:
        ask(learn(EXAMPLES, 4, 4), "a b c", 4)
    assert error.value.number == 5


def test_endless_sentences_are_refused_at_once():
    with pytest.raises(TranslationError, match="The sentence has 1,000,000 characters; at most 100,000 are allowed"):
        split_sentence("x" * 1_000_000)


def test_words_are_split_at_any_white_space():
    assert split_sentence("\tblue \n red\u00a0") == ("blue", "red")


def test_one_more_example_is_as_if_it_had_been_there():
    pairs = [("Red", "Dax"), ("blue RED", "wif dax"), ("green, red", "Lug DAX"), ("blue", "WIF")]
    lesson = learn(pairs[:1], 4, 4)
    for number, pair in enumerate(pairs[1:], 2):
        before, lesson = lesson, learn_more(lesson, pair, 4, 4)
        assert lesson == learn(pairs[:number], 4, 4) and before == learn(pairs[: number - 1], 4, 4)
    for pair, message in (
        (("red", "zup"), "Examples 1 and 5 disagree"),
        (("new", "dax"), "Examples 1 and 5 disagree"),
        (("a b", "c d"), "This model takes at most 4 distinct source words"),
        (("a", ""), "The target side of example 5 is empty"),
        ("red", "Example 5 must be a pair"),
        (("red " * 999, "dax " * 999), None),
    ):
        if message is None:
            many = lesson
            with pytest.raises(TranslationError, match="have 10,995 source words; at most 10,000"):
                for _ in range(11):
                    many = learn_more(many, pair, 4, 4)
        else:
            with pytest.raises(TranslationError, match=message):
                learn_more(lesson, pair, 4, 4)
