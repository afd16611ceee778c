"""What the page takes for words, what it learns from examples, and how it refuses others, is as in Python."""

import sys

import pytest

from modeling_metalstm.errors_metalstm import TranslationError
from modeling_metalstm.lesson_metalstm import Lesson
from modeling_metalstm.spelling_metalstm import Spelling

from .javascript import needs_node, run_in_node

pytestmark = needs_node

TEXTS = [
    "Red, GREEN! “blue” (red) …",
    "'tis the dogs' 'red' ‘rot’ ’n’ `x' *kwon Qapla’ ʼa don't",
    "a\u00a0b\u200bc\u2003d\ufeffe\x1cf\x85g",
    "Straße STRASSE ẞ ς Σ ΟΔΟΣ οδος İ I ı i ﬁn",
    "👩‍👩‍👧 👍🏽 é e\u0301 क्षि 好。、 ¿qué? ¡sí!",
    "… ?! '' ''' \u200d \ufe0f a\ufe0f",
    "neko-ra a:noun x=y 1.5 3,4",
    "",
]
SETTINGS = [(None, False), (None, True), ("", False), (", ", False), ("  ", True), ("-", False)]

LESSON = """
    const { Spelling, model: { Lesson } } = metatrans;
    return given.map(([pairs, question, room]) => {
      try {
        const lesson = Lesson.fromExamples(pairs, room, room, new Spelling());
        const words = question === null ? [] : lesson.ask(question);
        return [lesson.examples.map(({source, target}) => [source, target]), [...lesson.lexicon], [...lesson.firstUse],
                lesson.numWords, words];
      } catch (error) { return error.message }
    });
"""

LESSONS = [
    ([["red", "dax"], ["Blue RED", "wif Dax"], ["green, red!", "lug dax."]], "GREEN new blue", 6),
    ([["red", "dax"]], "", 6),
    ([], None, 6),
    ([["red", ""]], None, 6),
    ([["red blue", "dax"]], None, 6),
    ([["red", "dax"], ["red", "wif"]], None, 6),
    ([["red", "dax"], ["blue", "dax"]], None, 6),
    ([["red red", "dax wif"]], None, 6),
    ([["a b c", "d e f"], ["g", "h"]], None, 3),
    ([["a b", "d e"]], "f g", 3),
    ([["a" * 50 + " it's", 'b "quoted" ' + "c" * 40]], None, 6),
    ([["it's \\ x", "b c"]], None, 6),
    ([["w " * 1001, "x"]], None, 6),
    ([["x" * 100_001, "x"]], None, 6),
    ([[" ".join(["w"] * 1000), " ".join(["v"] * 1000)]] * 11, None, 6),
]


def learned(pairs, question, room):
    try:
        lesson = Lesson.from_examples([tuple(pair) for pair in pairs], room, room, Spelling())
        words = [] if question is None else lesson.ask(question)
    except TranslationError as error:
        return str(error)
    examples = [[list(example.source), list(example.target)] for example in lesson.examples]
    known = [list(map(list, part.items())) for part in (lesson.lexicon, lesson.first_use)]
    return [examples, *known, lesson.num_words, list(words)]


def test_words_are_the_same():
    cases = [(text, *setting) for text in TEXTS for setting in SETTINGS]
    body = """
        return given.map(([text, separator, exact]) => {
          const spelling = new metatrans.Spelling(separator, exact);
          const words = spelling.split(text);
          return [words, words.map((word) => spelling.key(word)), spelling.join(words)];
        });
    """
    for case, found in zip(cases, run_in_node(body, cases), strict=True):
        spelling = Spelling(*case[1:])
        words = spelling.split(case[0])
        assert found == [list(words), [spelling.key(word) for word in words], spelling.join(words)], case


def test_capitals_and_small_letters_are_the_same_in_every_script():
    body = "const s = new metatrans.Spelling(); return given.map((letter) => s.key(letter));"
    letters = [chr(code) for code in range(0x20, 0x1F000) if chr(code).isalpha() and chr(code).upper() != chr(code)]
    pairs = [(letter, letter.upper()) for letter in letters if len(letter.upper()) == 1]
    keys = dict(zip(letters, run_in_node(body, letters), strict=True))
    capitals = dict(zip(letters, run_in_node(body, [letter.upper() for letter in letters]), strict=True))
    spelling = Spelling()
    for letter, capital in pairs:
        same = spelling.key(letter) == spelling.key(capital)
        assert (keys[letter] == capitals[letter]) == same, letter
    assert len(pairs) > 1000 and sys.maxunicode > 0xFFFF


@pytest.fixture(scope="module")
def lessons():
    return run_in_node(LESSON, LESSONS)


@pytest.mark.parametrize("number", range(len(LESSONS)))
def test_examples_teach_the_same_or_are_refused_in_the_same_words(lessons, number):
    assert lessons[number] == learned(*LESSONS[number])
