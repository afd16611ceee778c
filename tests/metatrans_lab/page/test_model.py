"""The page's model says what Python's does: token for token, by the same bindings."""

import random

import pytest

from metatrans_lab.export.page import export_page
from metatrans_lab.models import load_model
from modeling_metalstm import TranslatorSession

from .javascript import needs_node, needs_runtime, run_in_node
from .small_model import small

__all__ = ["small"]

pytestmark = [needs_node, needs_runtime]

TRANSLATE = """
    const model = await loadModel();
    const answers = [];
    for (const [examples, added, sentences, options] of given) {
      const session = new metatrans.model.TranslatorSession(model, examples, options);
      const first = session.translate(sentences[0]);
      for (const [source, target] of added) session.add(source, target);
      answers.push(await Promise.all([first, ...sentences.slice(1).map((sentence) => session.translate(sentence))]));
    }
    return answers;
"""

ALIKE = 1e-3
"""By which probabilities may differ."""


def draw_cases(number, most_words, seed, settings):
    """Lessons with questions: words of any length, capitals and punctuation, words that no example has."""
    rng = random.Random(seed)

    def word():
        return "".join(rng.choice("aeioulmnrstkbdg") for _ in range(rng.randint(2, 7))) + str(rng.randint(0, 99))

    def sentence(meaning):
        words = rng.choices([*meaning], k=rng.randint(1, 7))
        return " ".join(words), " ".join(meaning[one] for one in words)

    cases = []
    for _ in range(number):
        size = rng.randint(1, most_words)
        source = list(dict.fromkeys(word() for _ in range(size)))
        meaning = dict(zip(source, dict.fromkeys(word() + "x" for _ in range(3 * size)), strict=False))
        pairs = [sentence(meaning) for _ in range(rng.randint(1, 14))]
        if rng.random() < 0.3:
            pairs = [(f"{left.capitalize()}!", f"“{right}”.") for left, right in pairs]
        added = [sentence(meaning) for _ in range(rng.randint(0, 2))]
        known = [*source, *(f"new{n}" for n in range(2) if size + n < most_words)]
        questions = [" ".join(rng.choices(known, k=rng.randint(1, 9))) for _ in range(rng.randint(1, 3))]
        options = dict(rng.choice(settings)) | {"seed": rng.choice([0, 0, 1, 12345, 2**40])}
        cases.append((pairs, added, questions, options))
    return cases


def by_python(model, cases):
    names = {"numBindings": "num_bindings", "seed": "seed"}
    for pairs, added, questions, options in cases:
        session = TranslatorSession(model, pairs, **{names[key]: value for key, value in options.items()})
        answers = [session(questions[0])]
        for pair in added:
            session.add(*pair)
        yield [*answers, *(session(question) for question in questions[1:])]


def compare(model, cases, found):
    """All answers, and all that is said of their words; returns the number of answers and of words."""
    num_answers, num_words = 0, 0
    for case, expected, answers in zip(cases, by_python(model, cases), found, strict=True):
        for right, said in zip(expected, answers, strict=True):
            assert said["translationText"] == right["translation_text"], case
            assert len(said["words"]) == len(right["words"])
            for mine, theirs in zip(said["words"], right["words"], strict=True):
                assert abs(mine.pop("probability") - theirs.pop("probability")) < ALIKE, case
                assert mine == theirs, case
            num_answers, num_words = num_answers + 1, num_words + len(right["words"])
    return num_answers, num_words


def test_a_small_model_says_the_same(small):
    cases = draw_cases(40, 6, seed=1, settings=[{}, {"numBindings": 1}, {"numBindings": 3}])
    model, folder = small
    assert compare(model, cases, run_in_node(TRANSLATE, cases, folder)) > (40, 200)


def test_questions_that_can_t_be_asked_leave_a_session_as_it_was(small):
    body = """
        const session = new metatrans.model.TranslatorSession(await loadModel(), given);
        const said = [];
        for (const sentence of ["", "a b c d e f g h i j", "a"]) {
          said.push(await session.translate(sentence).then(({words}) => words.length, (error) => error.message));
        }
        try { session.add("a", "other") } catch (error) { said.push(error.message) }
        said.push((await session.translate("a b")).words.length);
        return said;
    """
    empty, many, one, contradiction, two = run_in_node(body, [["a", "x"]], small[1])
    assert (empty, one, two) == ("The sentence is empty; it needs at least one word.", 1, 2)
    assert many.startswith("This model takes at most 9 distinct source words") and "disagree" in contradiction


@pytest.mark.slow
def test_translator_says_the_same_token_for_token(tmp_path):
    export_page("translator", tmp_path / "page")
    cases = draw_cases(120, 40, seed=2, settings=[{}, {}, {"numBindings": 1}])
    found = run_in_node(TRANSLATE, cases, tmp_path / "page")
    assert compare(load_model("translator"), cases, found) > (200, 800)
