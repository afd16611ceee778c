"""The posterior of a person's examples, against an enumeration of every language, and against the family predictor."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from dataset_script.episodes import sample_episodes
from dataset_script.families.grammar import GrammarConfig
from dataset_script.families.order import OrderConfig
from dataset_script.families.repetition import RepetitionConfig
from dataset_script.mixtures import read_pairs
from dataset_script.predictor import family_probabilities
from metatrans_lab.exact.answers import answers
from metatrans_lab.exact.classes import Component
from metatrans_lab.exact.grammar import SpokenGrammar
from metatrans_lab.exact.learned import classes_of
from metatrans_lab.exact.posterior import Belief, Example, Posterior, in_good_order
from metatrans_lab.exact.readings import CLASS_NAMES, components

GRAMMAR = GrammarConfig(
    fragments=True,
    sentence_length=1,
    order=("SVO", "SOV", "VSO"),
    article=("before", "dropped"),
    plural=("suffix", "dropped"),
    subject_particle="none",
    object_particle=("none", "after"),
)
SPOKEN = SpokenGrammar(
    order=("SVO", "OVS"),
    article="dropped",
    plural=("suffix", "dropped"),
    subject_particle="none",
    object_particle=("none", "after"),
)
ORDER = OrderConfig(orders=("straight", "reversed", "last_first"), sentence_length=1)
REPETITION = RepetitionConfig(sentence_length=1)


def example(text: str) -> Example:
    source, target = text.split(" = ")
    return Example(tuple(source.split()), tuple(target.split()))


def enumerate_answers(components, examples, question, num_symbols, longest=1, alike=False, silent=False):
    """The probability of every translation of the question, by going through all languages: every family, class of
    every word, setting, and assignment of strings to units.
    """
    words = sorted({word for e in examples for word in e.source} | set(question))
    symbols = sorted({word for e in examples for word in e.target})
    symbols += [f"new {number}" for number in range(num_symbols - len(symbols))]
    strings = [s for n in range(1 - silent, longest + 1) for s in itertools.product(symbols, repeat=n)]
    mass: dict[tuple[str, ...], float] = {}
    for component in components:
        config = component.config
        sizes = np.array(config.class_sizes) / sum(config.class_sizes)
        particles = [-1, -2] if isinstance(config, GrammarConfig) else []
        plans: dict = {}
        for classes in itertools.product(range(len(sizes)), repeat=len(words)):
            of_word = dict(zip(words, classes, strict=True))
            forms = [tuple(of_word[word] for word in s) for s in (*(e.source for e in examples), question)]
            if len(sizes) > 1 and not set(forms) <= set(config.all_forms()):
                continue
            prior = math.prod(sizes[list(classes)]) / len(config.settings)
            for number, setting in enumerate(config.settings):
                said = []
                for form, sentence in zip(forms, (*(e.source for e in examples), question), strict=True):
                    key = form, number
                    if key not in plans:
                        plans[key] = config.plan(form, setting)
                    said.append(
                        [
                            sentence[item.place] if item.place is not None else config.num_source_words - item.unit - 1
                            for item in plans[key]
                        ]
                    )
                units = sorted({unit for units in said for unit in units}, key=str)
                assert set(units) <= {*words, *particles}
                for chosen in itertools.product(strings, repeat=len(units)):
                    voiced = [s for s in chosen if s]
                    if not alike and len(set(voiced)) < len(voiced):
                        continue
                    if any(not s and not isinstance(unit, str) for s, unit in zip(chosen, units, strict=True)):
                        continue
                    lexicon = dict(zip(units, chosen, strict=True))
                    spoken = [tuple(itertools.chain(*(lexicon[unit] for unit in units))) for units in said]
                    if any(heard != e.target for heard, e in zip(spoken, examples, strict=False)):
                        continue
                    weight, used = prior, [0] * (longest + 1)
                    for string in chosen:
                        if silent:
                            weight *= (num_symbols if string else 1) / (num_symbols + 1)
                        if string:
                            weight /= longest * (num_symbols ** len(string) - used[len(string)])
                            used[len(string)] += not alike
                    mass[spoken[-1]] = mass.get(spoken[-1], 0.0) + weight
    total = sum(mass.values())
    return {text: weight / total for text, weight in mass.items()}


@pytest.mark.parametrize(
    "components, texts, question, num_symbols, longest, silent, alike",
    [
        ((ORDER, GRAMMAR), ["a b = x y"], "b a", 4, 1, False, False),
        ((ORDER, GRAMMAR), ["a b = x y", "b = y"], "a b", 4, 1, False, False),
        ((ORDER, GRAMMAR), ["a b = x y", "c d = z w"], "a d", 4, 1, False, False),
        ((GRAMMAR,), ["a b c = x y"], "b c", 4, 1, False, False),
        ((GRAMMAR,), ["a b = x", "b = x", "c = y"], "a c", 4, 1, False, False),
        ((SPOKEN,), ["a b c d = x y z w"], "a b d", 5, 1, False, False),
        ((SPOKEN,), ["a b c = x y", "d b c = w y"], "a b d", 5, 1, False, False),
        ((ORDER, REPETITION), ["a b = x x", "c = y"], "c b", 4, 1, False, False),
        ((ORDER,), ["a b = x y x", "b = x"], "b a", 2, 2, False, False),
        ((ORDER,), ["a b c = x y x"], "c a", 3, 1, False, True),
        ((ORDER,), ["a b c = x y"], "c b", 2, 2, True, True),
    ],
    ids=[
        "order",
        "settled",
        "groups",
        "article",
        "dropped",
        "cases",
        "marked",
        "operator",
        "strings",
        "alike",
        "silent",
    ],
)
def test_answers_are_those_of_an_enumeration_of_every_language(
    components, texts, question, num_symbols, longest, silent, alike
):
    named = tuple(Component(c.family, c, CLASS_NAMES if isinstance(c, GrammarConfig) else ()) for c in components)
    examples = [example(text) for text in texts]
    posterior = Posterior(named, longest, silent, alike, num_symbols=num_symbols).open()
    for one in in_good_order(examples):
        posterior = posterior.learn(one)
    sentence = tuple(question.split())
    expected = enumerate_answers(named, examples, sentence, num_symbols, longest, alike, silent)
    assert posterior.is_exact and math.isclose(
        sum(a.probability for a in answers(Belief.of([posterior], [1.0]), sentence)), 1
    )
    unheard = [f"new {number}" for number in range(num_symbols - len({word for e in examples for word in e.target}))]
    found: dict[tuple[str, ...], float] = {}
    for answer in answers(Belief.of([posterior], [1.0]), sentence):
        units = list(dict.fromkeys(said.unit for said in answer.translation if not said.is_known))
        assert not units or (longest == 1 and not alike)  # else a unit that isn't known may be more than a new symbol
        options = list(itertools.permutations(unheard, len(units)))
        for option in options:
            strings = dict(zip(units, option, strict=True))
            words = tuple(
                itertools.chain(
                    *([strings[said.unit]] if said.words is None else said.words for said in answer.translation)
                )
            )
            found[words] = found.get(words, 0.0) + answer.probability / len(options)
    assert found.keys() == expected.keys()
    assert all(found[words] == pytest.approx(expected[words], abs=1e-9) for words in expected)


@pytest.mark.parametrize("number", range(12))
def test_a_translation_is_as_probable_as_the_family_s_own_predictor_says(number):
    """Where the classes of all words are said, and the last sentence has no new unit."""
    config = GrammarConfig(
        num_pairs=14,
        sentence_length=(2, 6),
        num_nouns=3,
        num_verbs=2,
        num_adjectives=2,
        num_source_words=9,
        num_target_words=11,
    )
    tokens = np.asarray(sample_episodes(config, range(number, number + 1), "test").input_ids)
    heard, _ = read_pairs([config], tokens)
    pairs = []
    for k in range(config.num_pairs):
        words = [f"s{word}" for word in heard.words[0, k, : heard.lengths[0, k]]]
        pairs.append(Example(tuple(words), tuple(f"t{symbol}" for symbol in heard.targets[0, k] if symbol >= 0)))
    classes = {f"s{w}": CLASS_NAMES[c] for w, c in enumerate(config.plans.forms.class_of_word)}
    probabilities = family_probabilities(config, tokens)[0]
    turns = np.flatnonzero(tokens[0] == config.stx)
    component = Component("grammar", config, CLASS_NAMES)
    known: set[str] = set()
    checked = 0
    for k, pair in enumerate(pairs):
        if set(pair.target) <= known:
            posterior = Posterior((component,), classes=classes).open()
            for one in in_good_order(pairs[:k]):
                posterior = posterior.learn(one)
            said = tokens[0, turns[k] + 1 : turns[k] + len(pair.target) + 2]  # and the ␁ that ends it
            expected = math.prod(probabilities[turns[k] + i, token] for i, token in enumerate(said))
            found = {
                answer.words: answer.probability for answer in answers(Belief.of([posterior], [1.0]), pair.source)
            }
            assert found[pair.target] == pytest.approx(expected, abs=1e-9)
            checked += 1
        known |= set(pair.target)
    assert checked


def test_the_order_in_which_examples_are_read_changes_nothing():
    component = Component("order", replace(ORDER, orders=("straight", "reversed")))
    examples = [example("a b c = x y z"), example("b a = y x"), example("c = z")]
    found = []
    for order in itertools.permutations(examples):
        posterior = Posterior((component,)).open()
        for one in order:
            posterior = posterior.learn(one)
        found.append([(a.words, round(a.probability, 12)) for a in answers(Belief.of([posterior], [1.0]), ("a", "c"))])
    assert all(one == found[0] for one in found)
    assert in_good_order(examples)[0] == examples[2]


def test_ten_phrases_without_a_word_in_common_are_weighed_in_full():
    """Whose words may be of four pairs of classes each, which would be a million hypotheses for ten."""
    texts = [f"a{number} b{number} = y{number} x{number}" for number in range(10)]
    posterior = Posterior(components()).open()
    for text in texts:
        posterior = posterior.learn(example(text))
    assert posterior.is_exact and any(len(h.groups) == 10 for h in posterior.hypotheses)
    found = answers(Belief.of([posterior], [1.0]), ("a0", "b1"))
    assert sum(answer.probability for answer in found[:2]) > 0.999
    few = Posterior(components()).open()
    for text in texts[:2]:
        few = few.learn(example(text))
    for one, other in zip(found[:2], answers(Belief.of([few], [1.0]), ("a0", "b1")), strict=False):
        assert one.words == other.words and abs(one.probability - other.probability) < 0.05


def test_a_hypothesis_in_full_is_what_it_was():
    posterior = Posterior(components()).open()
    for text in ("a b = y x", "c d = w z", "e = v"):
        posterior = posterior.learn(example(text))
    for h in posterior.hypotheses:
        every = list(h.in_full())
        assert math.isclose(sum(share for share, _ in every), 1)
        assert all(set(one.decided) == set("abcde") and not one.groups for _, one in every)
        likely = classes_of(h)
        for word, odds in likely.items():
            for of_class, probability in odds.items():
                shares = (share for share, one in every if one.decided[word] == of_class)
                assert sum(shares) == pytest.approx(probability, abs=1e-12)
