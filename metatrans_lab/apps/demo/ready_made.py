"""Languages to start from, and new ones at random."""

import random
from typing import NamedTuple

from metatrans_lab.exact.invented import PHENOMENA, invent
from metatrans_lab.exact.translator import ExactTranslator


class Start(NamedTuple):
    """Rules, and a question that they answer."""

    rules: list[tuple[str, str]]
    question: str


READY_MADE = {
    "Colours": Start(
        [("red", "dax"), ("blue red", "wif dax"), ("green blue", "lug wif"), ("red green green", "dax lug lug")],
        "blue green red",
    ),
    "Emoji": Start(
        [("sun rain", "🌞 🌧️"), ("moon", "🌙"), ("rain star", "🌧️ ⭐"), ("star moon sun", "⭐ 🌙 🌞")],
        "moon rain star",
    ),
    "Numbers": Start(
        [("one two", "uno-na due-na"), ("two three", "due-na tri-na"), ("four one", "fir-na uno-na")],
        "three one four two",
    ),
    "A grammar": Start(
        [
            ("the cat sees the dog", "neko inu o miru"),
            ("the dog sleeps", "inu neru"),
            ("the big dog sees a bird", "ookii inu tori o miru"),
            ("cat", "neko"),
            ("dog", "inu"),
        ],
        "the bird sees the big cat",
    ),
    "Endings": Start(
        [("cat", "neko"), ("cat-s", "neko-ra"), ("dog", "inu"), ("the dog-s see cat-s", "inu-ra neko-ra miru")],
        "the cat-s see the dog",
    ),
    "Two answers": Start([("blue house", "casa azul"), ("red car", "coche rojo")], "red house"),
    "A word is missing": Start(
        [("cat", "miro"), ("dog cat", "bulo miro"), ("bird dog", "pipo bulo")],
        "cat fish bird",
    ),
}


def make_language(rng: random.Random, num_rules: int = 6) -> tuple[Start, str]:
    """A random language of some phenomenon: rules, a question that they settle, and its answer."""
    while True:
        language = invent(rng, rng.choice(PHENOMENA), fragments=False)
        sentences = [language.sentence(rng) for _ in range(num_rules)]
        question = language.sentence(rng, sorted({word for sentence in sentences for word in sentence}))
        rules = [(language.write(sentence), language.translate(sentence)) for sentence in sentences]
        written, answer = language.write(question), language.translate(question)
        if question in sentences or len(question) < 2:
            continue
        found = ExactTranslator(rules)(written)
        if found.is_settled and found.text == answer:
            return Start(rules, written), answer
