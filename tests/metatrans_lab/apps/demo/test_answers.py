"""What the page says to whatever stands on it; needs no browser, and no page."""

import random
import re

import pytest

from dataset_script import LanguageConfig
from metatrans_lab.apps.asked import Asked
from metatrans_lab.apps.demo.answers import MAX_CHARACTERS, Answers, Game
from metatrans_lab.apps.demo.ready_made import READY_MADE, make_language
from metatrans_lab.models.build import build_model
from modeling_metalstm import TranslationError

XLSTM = {"model_type": "xlstm", "hidden_size": 128, "num_hidden_layers": 1, "num_heads": 4}


@pytest.fixture(scope="module")
def model():
    return Asked()


@pytest.fixture(scope="module")
def answers(model):
    return Answers(model)


def lines(*rules: tuple[str, str]) -> str:
    return "\n".join(f"{source} = {target}" for source, target in rules)


def test_a_translation_with_what_settles_it(answers):
    shown = answers("# colours\nred = dax\n\nblue red = wif dax\n", "Red, red!")
    assert ">dax dax<" in shown.answer and "certain" in shown.answer and shown.answer.count("line 2 has it first") == 2
    assert "The model, translator, says the same" in shown.hint and "mt-open" not in shown.hint
    assert "<svg" in shown.curve and ">4</text>" in shown.curve and ">3</text>" not in shown.curve
    assert "<td>word blue</td><td>wif certain</td><td>line 4</td>" in shown.facts
    assert "<td>the language</td><td>a word for a word, in place 62%" in shown.facts


def test_an_open_question_is_never_answered_in_silence(answers):
    shown = answers("blue house = casa azul\nred car = coche rojo", "red house")
    assert "coche azul" in shown.answer and "or casa rojo" in shown.answer and "certain" not in shown.answer
    assert "Most would tell a rule for “red”" in shown.hint
    assert "says the same.</div>" in shown.hint  # how sure it is would mislead


def test_a_word_that_no_rule_translates_is_named(answers):
    shown = answers(lines(("red", "dax"), ("blue", "wif")), "red zup")
    assert "mt-guess" in shown.answer and "no rule translates it" in shown.answer
    assert "Add a rule with “zup”" in shown.hint


def test_a_grammar_which_another_model_reads(answers):
    start = READY_MADE["A grammar"]
    shown = answers(lines(*start.rules), start.question)
    assert "tori ookii neko o miru" in shown.answer and "certain" in shown.answer and shown.curve == ""
    assert "The model, grammarian, says" in shown.hint
    assert "<td>word the</td><td>not said certain</td>" in shown.facts and "SOV certain" in shown.facts
    back = answers(lines(*start.rules), "neko neru", reverse=True)
    assert "cat sleeps" in back.answer and "the cat sleeps" in back.answer


def test_a_rule_that_doesn_t_fit_is_named(answers):
    rules = lines(
        ("red", "dax"), ("blue", "wif"), ("red blue", "dax wif"), ("blue red", "wif dox"), ("blue blue", "wif wif")
    )
    assert "What is in line 4 is left out" in answers(rules, "red").hint
    assert "What is in line 4 is left out" in answers(rules, "").hint
    shown = answers(lines(("red", "dax"), ("red", "wif")), "red")
    assert "Examples 1 and 2 disagree" in shown.answer and "“red = dax” and “red = wif”" in shown.answer


@pytest.mark.parametrize(
    "text, question, message",
    [
        ("", "red", "Write a rule"),
        (None, "red", "Write a rule"),
        ("# nothing\n\n", "red", "Write a rule"),
        ("red = dax", "", "Now write a sentence"),
        ("red = dax", None, "Now write a sentence"),
        ("red = dax", "x" * 1_000_000, f"The sentence has more than {MAX_CHARACTERS} characters"),
        ("red = dax\n" + "a " * 400 + "= b", "red", "line 2: a sentence has more than 500 characters"),
        ("x" * 1_000_000, "red", "The rules have more than 20,000 characters"),
        ("\n".join(["a b c d e f g h i j = A B C D E F G H I J"] * 61), "a", "more than 600 words together"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(answers, text, question, message):
    shown = answers(text, question)
    assert message in shown.answer and 'role="alert"' in shown.answer


@pytest.mark.parametrize(
    "line, message",
    [
        ("blue =", "Not read: line 2: there is no translation beside &#x27;blue&#x27;"),
        ("= wif", "Not read: line 2: there is no sentence beside &#x27;wif&#x27;"),
        ("blue", "Not read: line 2: an example is written"),
        ("My secret language", "Not read: line 2: an example is written"),
    ],
)
def test_a_line_that_is_no_rule_is_skipped_and_said(answers, line, message):
    """Such as one that is being typed: the answer stays."""
    for text in (f"red = dax\n{line}", f"red = dax\n{line}\nblue red = wif dax"):
        shown = answers(text, "red")
        assert ">dax<" in shown.answer and "certain" in shown.answer and message in shown.hint


@pytest.mark.parametrize("settings", [{"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2}, XLSTM], ids=str)
def test_another_model_answers_too(settings):
    peer = Asked("peer", model=build_model(settings, LanguageConfig()).eval())
    shown = Answers(peer)(lines(("red", "dax"), ("blue red", "wif dax")), "blue red")
    assert "wif dax" in shown.answer and "The model, peer, says" in shown.hint and "<svg" in shown.curve
    assert Game(seed=0).play(peer, "zup").startswith("It is ")


def test_more_than_the_model_has_room_for_is_answered_exactly(answers):
    settings = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 121}
    peer = Asked("peer", model=build_model(settings, LanguageConfig()).eval())
    shown = Answers(peer)(lines(*[("red " * 20, "dax " * 20)] * 3), "red")
    assert ">dax<" in shown.answer and "this model reads at most 121 tokens, but the examples and" in shown.hint
    words = [f"w{i}" for i in range(70)]
    many = answers(lines(*((word, word.upper()) for word in words)), "w3 w69")
    assert "W3 W69" in many.answer and "takes at most 64 distinct source words" in many.hint


def test_markup_and_control_characters_are_text(answers):
    evil = '<img/src=x/onerror="alert(1)">'
    shown = answers(lines((evil, f"{evil}&")), f"{evil} zup\x00\x1b")
    assert "<img" not in "".join(shown) and "&lt;img" in "".join(shown)
    wrong = (
        "".join(answers(f"{evil} - dax\nred = wif", "red")) + answers(f"{evil} -> dax\n{evil} -> wif", "red").answer
    )
    assert "<img" not in wrong and "&lt;img" in wrong


def test_the_next_letter_finds_the_rules_read(answers, monkeypatch):
    rules = lines(("red", "dax"), ("blue red", "wif dax"), ("green", "lug"))
    first = answers(rules, "red")
    # Nothing is read again.
    monkeypatch.setattr("metatrans_lab.apps.demo.answers.ExactTranslator", None)
    monkeypatch.setattr("modeling_metalstm.session_metalstm.TranslatorSession", None)
    assert answers(rules, "blue").curve == first.curve and "wif" in answers(rules, "blue").answer


@pytest.mark.parametrize("name", READY_MADE)
def test_ready_made_languages_are_understood(answers, name):
    start = READY_MADE[name]
    shown = answers(lines(*start.rules), start.question)
    assert "mt-answer" in shown.answer
    assert ("mt-guess" in shown.answer) == (name == "A word is missing")
    assert ("certain" in shown.answer) == (name not in ("A word is missing", "Two answers"))


def test_made_languages_have_a_question_that_their_rules_settle(answers):
    starts = [make_language(random.Random(seed)) for seed in range(12)]
    for start, truth in starts:
        shown = answers(lines(*start.rules), start.question)
        assert f">{truth}<" in shown.answer and "certain" in shown.answer
    assert len({len(start.question.split()) for start, _ in starts}) > 1


def test_the_game_counts_each_round_once(model):
    game = Game(seed=3)
    said = game.play(model, game.truth.upper())
    assert "the rules allow nothing else. You were right, the model " in said
    models = int(re.search(r"After 1 round: you 1, the model (\d)\.", said)[1])
    assert f"After 1 round: you 1, the model {models}." in game.play(model, "nonsense")
    before = game.start
    game.deal()
    assert game.start != before
    assert re.search(r"You were wrong.*After 2 rounds: you 1, the model [012]\.", game.play(model, "nonsense"))
    for text, message in (("", "Write what you think"), ("x" * 501, "has more than 500 characters")):
        with pytest.raises(TranslationError, match=message):
            game.play(model, text)


def test_rules_in_json_have_places_too(answers):
    shown = answers('[["red", "dax"], ["blue red", "wif dax"], ["green", "lug"], ["red", "kip"]]', "green")
    assert (
        ">lug<" in shown.answer
        and "certain, if rule " in shown.answer
        and "Without rule 4, which fits no" in shown.facts
    )


def test_a_change_of_rules_is_said_beside_the_answer(answers):
    changed = [("red", "dax"), ("blue", "wif"), ("red blue", "dax wif")]
    changed += [("red", "kip"), ("blue", "lug"), ("blue red", "lug kip")]
    assert "certain, if the rules changed at line 4" in answers(lines(*changed), "red").answer
