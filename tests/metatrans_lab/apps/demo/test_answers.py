"""What the page says to whatever stands on it; needs no browser, and no page."""

import random
import re

import pytest

from dataset_script import LanguageConfig
from metatrans_lab.apps.demo.answers import MAX_CHARACTERS, Game, answer, by_rows, read_rows
from metatrans_lab.apps.demo.ready_made import PLAIN, READY_MADE, make_language
from metatrans_lab.models.build import build_model
from metatrans_lab.models.load import load_model
from modeling_metalstm import TranslationError

XLSTM = {"model_type": "xlstm", "hidden_size": 128, "num_hidden_layers": 1, "num_heads": 4}


@pytest.fixture(scope="module")
def model():
    return load_model("translator")


def columns(*rows: tuple[str | None, str | None]) -> tuple[list, list]:
    return [source for source, _ in rows], [target for _, target in rows]


def test_a_translation_with_what_settles_it(model):
    sources, targets = columns(("red", "dax"), ("", None), ("blue red", "wif dax"))
    answered, hinted, curve = answer(model, "Blue, red!", sources, targets)
    assert ">wif dax<" in answered and answered.count("mt-bar") == 2 and "mt-guess" not in answered
    assert "settled by rule 3" in answered and "settled by rule 1" in answered  # its row, empty ones counted
    assert "knows every word" in hinted and "<svg" in curve and ">3</text>" in curve and ">2</text>" not in curve


def test_a_guess_is_marked_and_the_hint_names_it(model):
    answered, hinted, _ = answer(model, "red zup", *columns(("red", "dax"), ("blue", "wif")))
    assert "<span>–</span>" in answered and "none of your words fits" in answered
    assert answered.count("mt-guess") == 1 and "a guess: no rule translates it" in answered
    assert "Add a rule with “zup”" in hinted


@pytest.mark.parametrize(
    "question, rows, message",
    [
        ("red", [], "Write a rule"),
        ("red", [("", ""), (None, None)], "Write a rule"),
        ("", [("red", "dax")], "Now write a sentence"),
        (None, [("red", "dax")], "Now write a sentence"),
        ("red", [("red", "dax"), ("blue", "")], "Rule 2 is missing its translation"),
        ("red", [("red", "dax"), (" ", "wif")], "Rule 2 is missing the sentence that it translates"),
        ("red", [("red", "dax"), ("", ""), ("red", "wif")], "Rules 1 and 3 disagree"),
        ("red", [("", ""), ("red blue", "dax")], "Rule 2 has 2 source and 1 target words"),
        ("red", [("", ""), ("red red", "dax wif")], "Rule 2 contradicts itself"),
        ("x" * 1_000_000, [("red", "dax")], f"The sentence has more than {MAX_CHARACTERS} characters"),
        ("red " * 120, [("red " * 100, "dax " * 100)], "more than 200 words together"),
        ("red", [("x" * 1_000_000, "dax")], f"Rule 1 has more than {MAX_CHARACTERS} characters"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(model, question, rows, message):
    answered, hinted, _ = answer(model, question, *columns(*rows))
    assert message in answered and 'role="alert"' in answered and hinted == ""


@pytest.mark.parametrize("settings", [{"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2}, XLSTM], ids=str)
def test_another_model_answers_too(settings):
    peer = build_model(settings, LanguageConfig()).eval()
    answered, hinted, curve = answer(peer, "blue red", *columns(("red", "dax"), ("blue red", "wif dax")))
    assert answered.count("mt-bar") == 2 and hinted and "<svg" in curve and 'role="alert"' not in answered
    assert Game(seed=0).play(peer, "zup").startswith("It is ")


def test_a_lesson_too_long_for_another_model_is_told():
    settings = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 121}
    peer = build_model(settings, LanguageConfig()).eval()
    answered, _, _ = answer(peer, "red", *columns(*[("red " * 20, "dax " * 20)] * 3))
    assert "This model reads at most 121 tokens, but the examples and a question of one word take 129" in answered


def test_too_many_words_are_told(model):
    words = " ".join(f"w{i}" for i in range(70))
    answered, _, _ = answer(model, words, *columns(("red", "dax")))
    assert "takes at most" in answered and "distinct source words" in answered


def test_markup_and_control_characters_are_text(model):
    evil = '<img/src=x/onerror="alert(1)">'
    answered, hinted, curve = answer(model, f"{evil} zup\x00\x1b", *columns((evil, f"{evil}&")))
    assert "<img" not in answered + hinted + curve and "&lt;img" in answered
    wrong, _, _ = answer(model, "red", *columns((evil, "dax"), (evil, "wif")))
    assert "<img" not in wrong and "&lt;img" in wrong


def test_words_that_read_like_errors_are_left_alone(model):
    answered, _, _ = answer(model, "see", *columns(("see example 99", "x")))
    assert "Rule 1 has 3 source and 1 target words" in answered and "see example 99" in answered
    many = " ".join(f"w{i}" for i in range(70))
    answered, _, _ = answer(model, f"a b example 50 {many}", *columns(("red", "dax")))
    assert "distinct source words" in answered


def test_errors_speak_of_rows():
    assert by_rows("Examples 1 and 2 disagree: x.", [3, 7]) == "Rules 3 and 7 disagree: x."
    assert by_rows("The source side of example 2 is empty.", [3, 7]) == "The source side of rule 7 is empty."
    with pytest.raises(TranslationError):
        read_rows(["a"], [""])


@pytest.mark.parametrize("name", READY_MADE)
def test_ready_made_languages_are_understood(model, name):
    start = READY_MADE[name]
    answered, _, _ = answer(model, start.question, *columns(*start.rules))
    assert "mt-answer" in answered and "mt-wrong" not in answered
    assert ("mt-guess" in answered) == (name == "A word is missing")


def test_made_languages_show_all_their_words():
    for seed in range(50):
        start, truth = make_language(random.Random(seed))
        shown = {word for source, _ in start.rules for word in source.split()}
        assert len(shown) == 6 and shown <= set(PLAIN) and set(start.question.split()) <= shown
        lexicon = {s: t for rule in start.rules for s, t in zip(*map(str.split, rule), strict=True)}
        assert truth == " ".join(lexicon[word] for word in start.question.split())


def test_the_game_counts_each_round_once(model):
    game = Game(seed=3)
    said = game.play(model, game.truth.upper())
    assert "You were right, the model said" in said and "After 1 round: you 1, the model 1." in said
    assert "After 1 round: you 1" in game.play(model, "nonsense")
    before = game.start
    game.deal()
    assert game.start != before
    assert re.search(r"You were wrong.*After 2 rounds: you 1, the model 2\.", game.play(model, "nonsense"))
    for text, message in (("", "Write what you think"), ("x" * 501, "has more than 500 characters")):
        with pytest.raises(TranslationError, match=message):
            game.play(model, text)
