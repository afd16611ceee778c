"""The same asked of the page's scripts, in node or in a browser, and of the Python that they are held to."""

import itertools
import json
import math
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metatrans_lab import page
from metatrans_lab.apps.printing import basis, in_words, percent, sure_of, told, visible
from metatrans_lab.exact.answers import Answer, answers
from metatrans_lab.exact.classes import Sentence, forms
from metatrans_lab.exact.learned import learned, with_examples
from metatrans_lab.exact.plans import all_settings, distinct_plans
from metatrans_lab.exact.posterior import Belief, Example, Posterior, in_good_order
from metatrans_lab.exact.readings import Understanding, components, posterior_of
from metatrans_lab.exact.translator import ExactTranslator, Translation
from modeling_metalstm import TranslationError
from modeling_metalstm.rules_metalstm import read_lines, read_question
from modeling_metalstm.spelling_metalstm import Spelling

NODE = shutil.which("node")
SCRIPTS = [str(Path(page.__file__).parent / name) for name in page.SCRIPTS]
HERE = Path(__file__).parent

TOLERANCE = 1e-6


def by_node(cases: list[dict]) -> list[Any]:
    """What the scripts answer to cases."""
    command = [str(NODE), str(HERE / "answer_cases.js"), *SCRIPTS]
    done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def by_browser(browser: Any, cases: list[dict]) -> list[Any]:
    """What the page that is open in a browser answers to cases."""
    browser.execute_script((HERE / "answer_cases.js").read_text(encoding="utf-8"))
    return json.loads(browser.execute_script("return answerCases(arguments[0])", json.dumps(cases)))


def by_python(case: dict) -> Any:
    """What Python answers to a case, in the same form."""
    asked = {name: value for name, value in case.items() if name != "kind"}
    return json.loads(json.dumps(KINDS[case["kind"]](**asked)))


def _or_error(work, *arguments) -> Any:
    try:
        return work(*arguments)
    except TranslationError as error:
        return {"error": str(error)}


def _lines(text: str, name: str = "", questions: bool = False) -> dict:
    unread: list[str] = []

    def read(unread=None) -> list[dict]:
        return [rule._asdict() for rule in read_lines(text, name, questions, unread)]

    return {"strictly": _or_error(read), "leniently": _or_error(read, unread), "unread": unread}


def _spelling(text: str, separator: str | None = None, exact: bool = False) -> Any:
    def split() -> dict:
        spelling = Spelling(separator, exact)
        words = spelling.split_sentence(text)
        return {"words": words, "keys": [*map(spelling.key, words)], "visible": [*map(visible, words)]}

    return _or_error(split)


def _plans(family: int, length: int) -> list[dict]:
    config = components()[family].config
    return [
        {
            "form": form,
            "areWithin": True,
            "plans": [
                [items, [s for s in range(len(all_settings(config))) if settings >> s & 1]]
                for items, settings in distinct_plans(config, form).items()
            ],
        }
        for form in forms(config, length)
    ]


def _language(
    rules: list, sentences: list[str], texts: list[str], separator: str | None = None, exact: bool = False
) -> Any:
    def ask() -> dict:
        exactly = ExactTranslator([tuple(rule) for rule in rules], separator, exact)
        understanding = exactly.understanding
        belief, names = understanding.belief, exactly.sides.source.written
        numbers = [number + 1 for number in understanding.left_out]
        by = basis(numbers, understanding.changed + 1 if understanding.changed else None, belief.is_exact)
        facts = with_examples(learned(belief), belief, exactly.sides.examples)
        return {
            "readAs": exactly.read_as,
            "isTurned": exactly.is_turned,
            "isInPlace": exactly.is_in_place,
            "changed": understanding.changed,
            "evidence": belief.evidence,
            "by": by,
            "facts": [
                {
                    **{"kind": fact.kind, "of": fact.of, "values": fact.values, "settledBy": fact.settled_by},
                    **{"isLikely": fact.is_likely, "told": told(fact, names, by_all=not by)},
                }
                for fact in facts
            ],
            "answers": [_or_error(lambda s: _answer(exactly(s), understanding), sentence) for sentence in sentences],
            "backs": [_or_error(lambda t: _answer(exactly.back(t), understanding), text) for text in texts],
        }

    return _or_error(ask)


def _answer(translation: Translation, understanding: Understanding) -> dict:
    """A translation, by the names that its fields have on the page."""
    said = {
        "probability": translation.probability,
        "is_settled": translation.is_settled,
        "is_complete": translation.is_complete,
        "is_exact": translation.is_exact,
        "is_other_way": translation.is_other_way,
        "left_out": [number + 1 for number in understanding.left_out],
        "changed_at": understanding.changed + 1 if understanding.changed else None,
    }
    odds = [translation.probability, *(probability for _, probability in translation.others)]
    return {
        "text": translation.text,
        "probability": translation.probability,
        "others": translation.others,
        "words": [word._asdict() for word in translation.words],
        "unknown": translation.unknown,
        "ask": translation.ask,
        "isComplete": translation.is_complete,
        "isExact": translation.is_exact,
        "possible": translation.possible,
        "leftOut": translation.left_out,
        "told": translation.told,
        "isOtherWay": translation.is_other_way,
        "isSettled": translation.is_settled,
        "sure": sure_of(said),
        "odds": [*map(percent, odds)],
    }


def _predicted(rules: list) -> list[list[float] | None] | None:
    """Of each translation, how probable each of its words was, and its end, by what was believed before."""
    translator = ExactTranslator([tuple(rule) for rule in rules])
    reading, sides = translator.understanding.reading, translator.sides
    if reading.longest > 1 or reading.alike:
        return None
    found: list[list[float] | None] = []
    before: list[Example] = []
    for number, example in enumerate(sides.examples):
        if number in translator.left_out:
            found.append(None)
            continue
        posterior = posterior_of(reading, in_good_order(before), dict(sides.classes))
        heard = {word for one in before for word in one.target}
        possible = {_instance(answer, heard) for answer in answers(Belief.of([posterior], [1.0]), example.source)}
        masses = _masses(posterior, example.source, possible)
        found.append(_token_probabilities(masses, _renamed(example.target, heard)))
        before.append(example)
    return found


def _tokens(rules: list, sentence: list[str], targets: list) -> list[list[float]]:
    """The same of any translations of a sentence; what it may have is looked for among all that there can be."""
    translator = ExactTranslator([tuple(rule) for rule in rules])
    sides = translator.sides
    posterior = posterior_of(translator.understanding.reading, in_good_order(sides.examples), dict(sides.classes))
    heard = {word for one in sides.examples for word in one.target}
    longest = max(map(len, targets))
    words = [*sorted(heard), *map(_new, range(longest))]
    every = {one for n in range(1, longest + 2) for one in itertools.product(words, repeat=n)}
    possible = {one for one in every if one == _renamed(one, heard)}
    masses = _masses(posterior, tuple(sentence), possible)
    return [_token_probabilities(masses, _renamed(one, heard)) for one in targets]


def _new(number: int) -> str:
    return f"new {number}"


def _renamed(target: Sequence[str], heard: set[str]) -> Sentence:
    """A translation in which words that weren't heard before are called new, as any of them is as good."""
    names = {word: _new(number) for number, word in enumerate(dict.fromkeys(w for w in target if w not in heard))}
    return tuple(names.get(word, word) for word in target)


def _instance(answer: Answer, heard: set[str]) -> Sentence:
    """An answer in words, with a new one for each unit that no example says."""
    words = itertools.chain.from_iterable(
        (f"unknown {said.unit}",) if said.words is None else said.words for said in answer.translation
    )
    return _renamed(tuple(words), heard)


def _masses(posterior: Posterior, sentence: Sentence, possible: set[Sentence]) -> dict[Sentence, float]:
    """By each translation, with new words, how probable the examples are that have it too."""
    heard = {word for one in posterior.examples for word in one.target}
    masses = {}
    for one in possible:
        ways = math.perm(posterior.num_symbols - len(heard), len(set(one) - heard))  # to choose the new words
        masses[one] = ways * math.exp(posterior.learn(Example(sentence, one)).evidence - posterior.evidence)
    return masses


def _token_probabilities(masses: dict[Sentence, float], target: Sentence) -> list[float]:
    """Of each word of a translation, and of its end, after those before it."""
    begun = [sum(m for one, m in masses.items() if one[:place] == target[:place]) for place in range(len(target) + 1)]
    steps = itertools.pairwise([*begun, masses.get(target, 0.0)])
    return [after / before if before else 0.0 for before, after in steps]


KINDS = {
    "predicted": _predicted,
    "tokens": _tokens,
    "lines": _lines,
    "questions": lambda texts: [*map(read_question, texts)],
    "spelling": _spelling,
    "words": lambda numbers, probabilities: {
        "inWords": in_words(numbers),
        "percent": [*map(percent, probabilities)],
    },
    "plans": _plans,
    "language": _language,
}


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """Where two answers differ, numbers by more than rounding."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        return [line for name in ours for line in differences(ours[name], theirs[name], f"{where}.{name}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [line for number, pair in pairs for line in differences(*pair, f"{where}[{number}]")]
    numbers = [isinstance(one, int | float) and not isinstance(one, bool) for one in (ours, theirs)]
    if all(numbers) and math.isclose(ours, theirs, rel_tol=0, abs_tol=TOLERANCE):
        return []
    return [] if ours == theirs and type(ours) is type(theirs) else [f"{where}: {ours!r} here, {theirs!r} in Python"]


def hold_equal(cases: list[dict], answers: list[Any]) -> None:
    """Tells of each case whose answer isn't Python's."""
    said = [
        f"{case}:\n  " + "\n  ".join(lines)
        for case, ours in zip(cases, answers, strict=True)
        if (lines := differences(ours, by_python(case)))
    ]
    assert not said, f"{len(said)} of {len(cases)} differ\n" + "\n".join(said[:5])
