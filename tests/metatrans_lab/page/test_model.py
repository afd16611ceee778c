"""The page's model says what Python's does: token for token, by the same bindings."""

import random

import pytest
import torch

from metatrans_lab.export.page import export_page
from metatrans_lab.models import load_model
from modeling_metalstm import TranslatorSession
from modeling_metalstm.alphabet_metalstm import Alphabet

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


WATCH = """
    const model = await loadModel();
    const found = [];
    for (const pairs of given) {
      const examples = pairs.map(([source, target]) => new metatrans.Example(source.split(" "), target.split(" ")));
      const session = metatrans.model.TranslatorSession.ofUnits(model, examples);
      const words = await session.wordProbabilities();
      found.push([await session.foresee(), Array.from(words, ([word, odds]) => [word, Array.from(odds)])]);
    }
    return found;
"""


def foreseen(model, pairs):
    """Of each target word and each end, the probability that torch's model has for it; and of each word alone."""
    alphabet, rng = Alphabet.of(model.config), random.Random(0)
    bindings = torch.tensor([alphabet.draw_binding(rng) for _ in range(8)])
    lexicon = {}
    for source, target in pairs:
        lexicon |= zip(source.split(), target.split(), strict=True)
    sources, targets = ({word: n for n, word in enumerate(side)} for side in (lexicon, lexicon.values()))

    def probabilities(tokens, may_end):
        options = slice(alphabet.num_source_words, alphabet.start_of_source + may_end)
        with torch.no_grad():
            of_symbols = model(bindings[:, tokens]).logits[:, -1, options].double().softmax(-1)
        return of_symbols.gather(1, bindings[:, options] - alphabet.num_source_words).mean(0).tolist()

    read, heard, found = [], set(), []
    for source, target in pairs:
        read += [alphabet.start_of_source, *(sources[word] for word in source.split()), alphabet.start_of_target]
        found.append([])
        for word in target.split():
            options = probabilities(read, True)
            new = sum(p for n, p in enumerate(options[:-1]) if n not in heard)
            found[-1].append(options[targets[word]] if targets[word] in heard else new)
            heard.add(targets[word])
            read.append(alphabet.num_source_words + targets[word])
        found[-1].append(probabilities(read, True)[-1])
    alone = {}
    for word, number in sources.items():
        asked = [alphabet.start_of_source, number, alphabet.start_of_target]
        options = probabilities([*read, *asked], False)
        alone[word] = {target: options[n] for target, n in targets.items()}
    return found, alone


def compare_foreseen(model, lessons, found):
    """All that a page has foreseen; returns the number of tokens, and of words."""
    num_tokens, num_words = 0, 0
    for pairs, (tokens, words) in zip(lessons, found, strict=True):
        expected, alone = foreseen(model, pairs)
        for said, right in zip(tokens, expected, strict=True):
            assert said == pytest.approx(right, abs=ALIKE)
            num_tokens += len(right)
        assert {word: dict(odds) for word, odds in words} == {
            word: pytest.approx(odds, abs=ALIKE) for word, odds in alone.items()
        }
        num_words += len(alone)
    return num_tokens, num_words


def test_a_small_model_foresees_the_same(small):
    lessons = [
        [["red", "dax"], ["blue red", "wif dax"], ["red red green", "dax dax lug"]],
        [["a b c d e f", "u v w x y z"], ["f a f", "z u z"], [" ".join("abc" * 30), " ".join("uvw" * 30)]],
    ]
    model, folder = small
    assert compare_foreseen(model, lessons, run_in_node(WATCH, lessons, folder)) > (100, 8)


@pytest.mark.slow
def test_translator_foresees_the_same(tmp_path):
    export_page("translator", tmp_path / "page")
    cases = draw_cases(20, 40, seed=4, settings=[{}])
    lessons = [[pair for pair in pairs if pair[0].islower()] for pairs, *_ in cases]
    lessons = [pairs for pairs in lessons if pairs]
    found = run_in_node(WATCH, lessons, tmp_path / "page")
    assert compare_foreseen(load_model("translator"), lessons, found) > (300, 100)


@pytest.mark.slow
def test_translator_says_the_same_token_for_token(tmp_path):
    export_page("translator", tmp_path / "page")
    cases = draw_cases(120, 40, seed=2, settings=[{}, {}, {"numBindings": 1}])
    found = run_in_node(TRANSLATE, cases, tmp_path / "page")
    assert compare(load_model("translator"), cases, found) > (200, 800)
