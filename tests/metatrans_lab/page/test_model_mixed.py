"""The page's model of the family mixed is asked as Python's is: in the same symbols, and it says the same."""

from types import SimpleNamespace

import pytest

from metatrans_lab.exact.by_model import MANY_BINDINGS, MixedReader, class_sizes
from metatrans_lab.exact.posterior import Belief, in_good_order
from metatrans_lab.exact.readings import posterior_of
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.export.page import export_page
from metatrans_lab.models import load_model
from metatrans_lab.models.load import mixed_language
from modeling_metalstm import TranslationError

from .cases import GALLERY, invented, odd, of_gallery
from .javascript import needs_node, needs_runtime, run_in_node
from .test_model import ALIKE

NUM_BINDINGS = MANY_BINDINGS * 8

ASK = """
    const found = [];
    for (const { rules, sentences, ...options } of given.cases) {
      const answers = [];
      for (const sentence of sentences) {
        try {
          answers.push(await ask(new metatrans.ExactTranslator(rules, options), sentence));
        } catch (error) {
          answers.push({ error: error.message });
        }
      }
      found.push(answers);
    }
    return found;
"""

BOUND = """
    let rows = null;
    const ends = (row) => Float32Array.from({ length: 45 }, (_, token) => (token === 43 ? 9 : 0));
    const model = {
      numSources: 20, numTargets: 23, startOfSource: 43, startOfTarget: 44,
      manifest: { language: { class_sizes: given.sizes } },
      emptyState: () => null,
      read: async (tokens) => (rows.push(tokens), { logits: [tokens.map(ends)], state: null }),
    };
    const ask = async (exact, sentence) => {
      rows = [];
      await new metatrans.model.MixedReader(model).translate(exact, sentence);
      return rows;
    };
"""

SAID = """
    const reader = new metatrans.model.MixedReader(await loadModel("grammarian"));
    const ask = (exact, sentence) => reader.translate(exact, sentence);
"""

FORESEEN = """
    const reader = new metatrans.model.MixedReader(await loadModel("grammarian"));
    const found = [];
    for (const { rules } of given) {
      const exact = new metatrans.ExactTranslator(rules);
      const steps = metatrans.predicted(exact);
      const told = [];
      for (const [number, step] of [...(steps ?? [])].entries()) {
        if (!step) continue;
        const odds = reader.foresee(step.belief, step.before, exact.sides.examples[number]);
        told.push([number, await odds.catch((error) => ({ error: error.message }))]);
      }
      found.push(told);
    }
    return found;
"""


def languages(number):
    made = [{**one, "sentences": one["sentences"][:3]} for one in map(invented, range(number))]
    gallery = [{**one, "sentences": one["sentences"][:2]} for one in map(of_gallery, GALLERY)]
    return [*made, *gallery]


def by_python(case, ask):
    """What comes of each sentence, as `ASK` has it."""
    for sentence in case["sentences"]:
        try:
            rules = [tuple(rule) for rule in case["rules"]]
            yield ask(ExactTranslator(rules, case.get("separator"), case.get("exact", False)), sentence)
        except TranslationError as error:
            yield {"error": str(error)}


@needs_node
def test_words_are_bound_to_the_same_symbols():
    reader = MixedReader(None, mixed_language("grammarian"), NUM_BINDINGS)

    def bound(exact, sentence):
        question = reader._bound(exact, sentence)
        return [question.rows, question.asked]

    cases = [one for one in (*languages(72), *odd()) if one["rules"] and one.get("separator") != 3]
    cases = [one for one in cases if one.get("exact", False) in (True, False)]
    found = run_in_node(BOUND + ASK, {"cases": cases, "sizes": class_sizes(reader.language)})
    compared = 0
    for case, rows in zip(cases, found, strict=True):
        expected = [*by_python(case, bound)]
        assert rows == expected, case
        compared += sum(isinstance(one, list) for one in expected)
    assert compared > 150


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page"
    export_page("translator", path)
    return path


@pytest.fixture(scope="module")
def reader():
    return MixedReader(load_model("grammarian"), mixed_language("grammarian"), NUM_BINDINGS)


@needs_node
@needs_runtime
@pytest.mark.slow
def test_grammarian_says_the_same_token_for_token(folder, reader):
    cases = languages(72)
    num_answers, num_words = 0, 0
    for case, found in zip(cases, run_in_node(SAID + ASK, {"cases": cases}, folder), strict=True):
        for said, right in zip(found, by_python(case, reader), strict=True):
            if "error" in right:
                assert said == right, case
                continue
            assert said["translationText"] == right["translation_text"], case
            assert said["probability"] == pytest.approx(right["probability"], abs=ALIKE)
            assert [word["target"] for word in said["words"]] == [word["target"] for word in right["words"]]
            odds = [word["probability"] for word in right["words"]]
            assert [word["probability"] for word in said["words"]] == pytest.approx(odds, abs=ALIKE), case
            num_answers, num_words = num_answers + 1, num_words + len(odds)
    assert num_answers > 120 and num_words > 400


@needs_node
@needs_runtime
@pytest.mark.slow
def test_grammarian_foresees_the_same(folder, reader):
    """Of translations all of whose words the examples have, the product is their probability in Python."""
    cases = [invented(number) for number in range(24)]
    compared = 0
    for case, told in zip(cases, run_in_node(FORESEEN, cases, folder), strict=True):
        exact = ExactTranslator([tuple(rule) for rule in case["rules"]])
        kept = [number for number in range(len(exact.rules)) if number not in exact.left_out]
        for number, odds in told:
            before = [exact.sides.examples[n] for n in kept if n < number]
            heard = dict.fromkeys(word for example in before for word in example.target)
            example = exact.sides.examples[number]
            if not heard.keys() >= set(example.target) or "error" in odds:
                continue
            posterior = posterior_of(exact.understanding.reading, in_good_order(before), dict(exact.sides.classes))
            asked = SimpleNamespace(
                is_turned=False,
                left_out=[],
                understanding=SimpleNamespace(belief=Belief.of([posterior], [1.0])),
                sides=SimpleNamespace(
                    examples=before, source=SimpleNamespace(read_question=lambda words: (words, ()))
                ),
            )
            question = reader._bound(asked, example.source)
            right = reader._decode(question, [question.targets.index(word) for word in example.target])[1]
            assert odds == pytest.approx(right, abs=ALIKE)
            compared += 1
    assert compared > 10
