"""Languages to start from, and new ones at random."""

import random
from typing import NamedTuple

from dataset_script.text import WORDS


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

PLAIN = ("sun", "moon", "river", "stone", "tree", "bird", "fish", "cat", "dog", "bread", "salt", "fire", "snow")


def make_language(rng: random.Random, num_words: int = 6, num_rules: int = 6) -> tuple[Start, str]:
    """A random language of plain words and made-up ones: rules that show each word, a question, and its answer."""
    sources = rng.sample(PLAIN, num_words)
    lexicon = dict(zip(sources, rng.sample(WORDS.tolist(), num_words), strict=True))
    words = rng.sample(sources, num_words)  # each occurs in some rule
    rules = []
    for number in range(num_rules):
        length = rng.randint(1, 3)
        due = words[number * num_words // num_rules : (number + 1) * num_words // num_rules]
        sentence = due + rng.choices(sources, k=max(length - len(due), 0))
        rng.shuffle(sentence)
        rules.append((" ".join(sentence), " ".join(lexicon[word] for word in sentence)))
    question = rng.choices(sources, k=rng.randint(3, 5))
    return Start(rules, " ".join(question)), " ".join(lexicon[word] for word in question)
