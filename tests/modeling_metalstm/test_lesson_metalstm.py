import pytest

from modeling_metalstm import TranslationError
from modeling_metalstm.errors_metalstm import TooManyWordsError
from modeling_metalstm.lesson_metalstm import Example, Lesson
from modeling_metalstm.spelling_metalstm import Spelling

EXAMPLES = [("red", "dax"), ("blue red", "wif dax")]


def test_a_lesson_holds_the_words_in_order_of_use():
    lesson = Lesson.from_examples(EXAMPLES, 6, 6)
    assert lesson.examples == (Example(("red",), ("dax",)), Example(("blue", "red"), ("wif", "dax")))
    assert list(lesson.lexicon.items()) == [("red", "dax"), ("blue", "wif")] and lesson.num_words == 3
    assert lesson.ask(" green\tred ") == ("green", "red")


def test_pairs_may_be_lists():
    assert Lesson.from_examples([["red", "dax"]], 6, 6) == Lesson.from_examples((("red", "dax"),), 6, 6)


LONG = "a " * 1001


@pytest.mark.parametrize(
    ("examples", "sentence", "message"),
    [
        ([], "red", r"There are no examples; give at least one pair, such as \('red', 'dax'\)\."),
        (
            "red dax",
            "red",
            r"line 1: an example is written \"SOURCE = TARGET\", .* this has none: 'red dax'",
        ),
        (None, "red", r"The examples must be a list of pairs, such as .*, not None\."),
        ([("red",)], "red", r"Example 1: an example is a pair of texts, .* not \('red',\)"),
        ([("red", "dax"), "to"], "red", r"Example 2: an example is written \"SOURCE = TARGET\", .* none: 'to'"),
        ([("red", 3)], "red", r"Example 1: an example is a pair of texts, .* not \('red', 3\)"),
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
        Lesson.from_examples(examples, 4, 3).ask(sentence)
    assert isinstance(error.value, ValueError) and "\n" not in str(error.value)


def test_a_long_word_does_not_flood_the_message():
    with pytest.raises(TranslationError) as error:
        Lesson.from_examples([("a", "x" * 10_000), ("b", "x" * 10_000)], 6, 6)
    assert len(str(error.value)) < 300


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
    assert Lesson.from_examples([(one, "dax"), (other, "DAX")], 6, 6).lexicon == {one: "dax"}
    lesson = Lesson.from_examples([(one, "dax")], 6, 6)
    assert lesson.ask(f"{other}! zup ZUP") == (one, "zup", "zup")


def test_exact_words_are_those_written_alike():
    exact = Spelling(exact=True)
    assert len(Lesson.from_examples([("Red red", "dax Dax")], 6, 6, exact).lexicon) == 2
    same = Lesson.from_examples([("cafe\u0301", "dax"), ("café", "dax")], 6, 6, exact)
    assert same.lexicon == {"cafe\u0301": "dax"}


def test_a_lesson_says_where_each_word_was_first():
    assert Lesson.from_examples([("red", "dax"), ("Red blue", "dax wif")], 6, 6).first_use == {"red": 1, "blue": 2}


def test_too_many_words_are_counted():
    with pytest.raises(TooManyWordsError) as error:
        Lesson.from_examples(EXAMPLES, 4, 4).ask("a b c")
    assert error.value.number == 5


def test_one_more_example_is_as_if_it_had_been_there():
    pairs = [("Red", "Dax"), ("blue RED", "wif dax"), ("green, red", "Lug DAX"), ("blue", "WIF")]
    lesson = Lesson.from_examples(pairs[:1], 4, 4)
    for number, pair in enumerate(pairs[1:], 2):
        before, lesson = lesson, lesson.add(pair)
        assert lesson == Lesson.from_examples(pairs[:number], 4, 4) and before == Lesson.from_examples(
            pairs[: number - 1], 4, 4
        )
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
                    many = many.add(pair)
        else:
            with pytest.raises(TranslationError, match=message):
                lesson.add(pair)
