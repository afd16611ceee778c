import hashlib
import itertools
import json

import numpy as np
import pytest
import torch
from datasets import load_dataset
from scipy.stats import chisquare

from dataset_script import family_probabilities, make_language, sample_episodes
from dataset_script.baselines import family, induction
from dataset_script.families.order import ORDERS, OrderConfig
from dataset_script.predictor import expected_nll, levels
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation import evaluate_words
from metatrans_lab.models import load_translator

SMALL = {
    "three words": OrderConfig(num_pairs=3, num_source_words=3, num_target_words=3, sentence_length=3),
    "lengths drawn": OrderConfig(num_pairs=4, num_source_words=3, num_target_words=3, sentence_length=(1, 4)),
    "R > L": OrderConfig(num_pairs=3, num_source_words=2, num_target_words=4, sentence_length=(1, 3)),
    "two orders": OrderConfig(
        num_pairs=3, num_source_words=3, num_target_words=3, sentence_length=(2, 3), orders=("reversed", "straight")
    ),
    "one order": OrderConfig(num_pairs=3, num_source_words=3, num_target_words=3, orders=["last_first"]),
    "few active": OrderConfig(num_pairs=4, num_source_words=4, num_target_words=4, num_active_words=(1, 3)),
}
DEFAULT = OrderConfig()
COLUMNS = ("input_ids", "role", "shot", "determined", "eliminated", "token_counts", "lexicons", "order")


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("length", range(1, 9))
def test_an_order_says_every_word_once(name, length):
    assert sorted(ORDERS[name](length)) == list(range(length))


def test_orders_of_four_words():
    assert {name: "".join("abcd"[i] for i in order(4)) for name, order in ORDERS.items()} == {
        "straight": "abcd",
        "reversed": "dcba",
        "last_first": "dabc",
        "first_last": "bcda",
        "pairs_swapped": "badc",
        "ends_swapped": "dbca",
    }


def test_golden_stream():
    """Whoever changes this has changed every episode, and raises GENERATOR_VERSION."""
    tokens = sample_episodes(SMALL["lengths drawn"], range(256), "test").input_ids
    assert hashlib.sha256(tokens.astype("<i4").tobytes()).hexdigest()[:16] == "ed1f31af4f8df817"
    assert DEFAULT.stream_name("train").startswith("metatrans 1 train family=order,num_pairs=10,")


@pytest.mark.parametrize("config", [*SMALL.values(), DEFAULT], ids=[*SMALL, "default"])
def test_numpy_and_torch_are_the_same(config):
    in_numpy, in_torch = sample_episodes(config, range(200)), sample_episodes(config, range(200), device="cpu")
    for column in COLUMNS:
        a, b = getattr(in_numpy, column), getattr(in_torch, column)
        assert isinstance(b, torch.Tensor) and np.array_equal(a, b.numpy()), column
    np.testing.assert_allclose(in_torch.bayes_nll.numpy(), in_numpy.bayes_nll, atol=1e-6)


@pytest.mark.parametrize("config", SMALL.values(), ids=SMALL)
def test_rows_read_as_drawn(config):
    episodes = sample_episodes(config, range(40))
    for n, row in enumerate(episodes.input_ids.tolist()):
        text = row[: episodes.token_counts[n] - 1]
        sentences = "".join(chr(token) for token in text).split(chr(config.soh))[1:]
        assert len(sentences) == config.num_pairs
        for sentence in sentences:
            source, target = ([ord(token) for token in side] for side in sentence.split(chr(config.stx)))
            order = ORDERS[config.orders[episodes.order[n]]](len(source))
            wanted = [config.num_source_words + episodes.lexicons[n, source[place]] for place in order]
            assert target == wanted


def languages(config):
    """All of them, each an order and a lexicon."""
    injections = itertools.permutations(range(config.num_target_words), config.num_source_words)
    return list(itertools.product(config.orders, injections))


@pytest.mark.parametrize("config", SMALL.values(), ids=SMALL)
def test_a_brute_force_posterior_agrees(config):
    """Over all languages: what they say next, of those that agree with all translations so far."""
    L, R = config.num_source_words, config.num_target_words
    episodes = sample_episodes(config, range(25))
    probabilities, nll = family_probabilities(config, episodes.input_ids), episodes.bayes_nll
    determined = eliminated = 0
    for n, row in enumerate(episodes.input_ids.tolist()):
        alive, heard, position = languages(config), set(), 0
        for length, words in zip(episodes.every_length[n], episodes.words[n].tolist(), strict=True):
            source = words[:length]
            position += int(length) + 2
            for place in range(length):
                says = [lexicon[source[ORDERS[order](length)[place]]] for order, lexicon in alive]
                brute = np.bincount(says, minlength=R) / len(says)
                np.testing.assert_allclose(probabilities[n, position - 1, L : L + R], brute, atol=1e-12)
                token = row[position] - L
                assert nll[n, position] == pytest.approx(-np.log(brute[token]), abs=1e-6)
                true_word = source[ORDERS[config.orders[episodes.order[n]]](length)[place]]
                certain = brute[token] == 1
                assert episodes.determined[n, position] == (certain and true_word in heard)
                assert episodes.eliminated[n, position] == (certain and true_word not in heard)
                determined, eliminated = determined + (certain and true_word in heard), eliminated + certain
                heard.add(true_word)
                alive = [one for one, said in zip(alive, says, strict=True) if said == token]
                position += 1
    assert determined > 0


@pytest.mark.parametrize("config", [*SMALL.values(), DEFAULT], ids=[*SMALL, "default"])
def test_costs_are_the_probabilities_of_what_came(config):
    episodes = sample_episodes(config, range(100), "test")
    p = family_probabilities(config, episodes.input_ids)
    np.testing.assert_allclose(p.sum(-1), 1, atol=1e-12)
    came = np.take_along_axis(p[:, :-1], episodes.input_ids[:, 1:, None].astype(int), -1)[..., 0]
    real = np.arange(1, p.shape[1]) < episodes.token_counts[:, None]
    np.testing.assert_allclose(episodes.bayes_nll[:, 1:][real], -np.log(came[real]), atol=1e-6)
    assert (episodes.bayes_nll[:, 0] == 0).all()


def test_prefixes_are_predicted_like_whole_episodes():
    tokens = sample_episodes(SMALL["lengths drawn"], range(20)).input_ids
    whole = family_probabilities(SMALL["lengths drawn"], tokens)
    for width in (3, 9, 14):
        np.testing.assert_array_equal(
            family_probabilities(SMALL["lengths drawn"], tokens[:, :width]), whole[:, :width]
        )


def test_one_straight_order_is_the_post_s_family():
    """By the shared predictor, whose hypotheses are of one order, and in closed form."""
    knobs = {"sentence_length": (1, 4), "num_active_words": (2, 6), "word_repetition": 2}
    order, lexicon = OrderConfig(orders=("straight",), **knobs), make_language(**knobs)
    tokens = sample_episodes(lexicon, range(60), "test")
    np.testing.assert_allclose(
        family_probabilities(order, tokens.input_ids), family_probabilities(lexicon, tokens.input_ids), atol=1e-12
    )


@pytest.mark.parametrize(
    "tokens, message",
    [
        ([6, 0, 1, 2, 7, 3, 3, 4], "row 0 is no episode of this family: token 3 can't stand at position 6"),
        ([6, 0, 1, 2, 7, 3, 4, 5, 3], "row 0 is no episode of this family: token 3 can't stand at position 8"),
        ([6, 0, 0, 1, 2], "row 0 is no episode of this family: token 2 can't stand at position 4"),
        ([0, 6], "row 0 is no episode of this family: token 0 can't stand at position 0"),
        ([6, 3], "row 0 is no episode of this family: token 3 can't stand at position 1"),
    ],
)
def test_impossible_rows_are_named(tokens, message):
    with pytest.raises(ValueError) as error:
        family_probabilities(SMALL["three words"], np.array([tokens]))
    assert str(error.value) == message


def test_orders_are_uniform():
    order = sample_episodes(DEFAULT, range(6000)).order
    assert chisquare(np.bincount(order, minlength=6)).pvalue > 1e-3


@pytest.mark.parametrize("orders", [(), ("upside_down",), ("reversed", "reversed"), "reversed", 3])
def test_impossible_orders_are_refused(orders):
    with pytest.raises(ValueError, match="orders must be a list of different names of straight, reversed"):
        OrderConfig(orders=orders)


def test_no_regret_for_the_exact_predictor():
    figures = evaluate_words(family, DEFAULT, "test", 200)
    assert figures["target_regret"] == pytest.approx(0, abs=1e-9) and figures["determined_accuracy"] == 1
    in_place = evaluate_words(induction, DEFAULT, "test", 200)
    assert in_place["determined_accuracy"] < 0.6


def test_levels_and_the_want_of_a_closed_form():
    for loss_on in ("all", "targets"):
        known = list(levels(DEFAULT, loss_on).values())
        assert known == sorted(known, reverse=True)
    with pytest.raises(ValueError, match="the family order has no closed form"):
        expected_nll(DEFAULT)


def test_rows_of_the_data_set():
    knobs = {"family": "order", "num_pairs": 3, "sentence_length": (1, 3), "orders": ["reversed", "straight"]}
    rows = load_dataset("metatrans", split="test", streaming=True, num_episodes=5, with_details=True, **knobs)
    episodes = sample_episodes(make_language(**knobs), range(5), "test")
    for n, row in enumerate(rows):
        assert row["input_ids"] == episodes.input_ids[n, : episodes.token_counts[n]].tolist()
        assert row["order"] == episodes.order[n] and row["lexicon"] == episodes.lexicons[n].tolist()
    with pytest.raises(ValueError, match="the family lexicon has no knob 'orders'"):
        load_dataset("metatrans", split="test", streaming=True, orders=["reversed"])


def test_it_is_trained_on_and_measured(train, tmp_path):
    assert train("--language.family", "order", "--name", "order", "--num_steps", "20", "--decay_steps", "0") == 0
    results = json.loads((tmp_path / "outputs/order/results.json").read_text())
    assert results["config"]["language"]["family"] == "order" and results["target_regret"] > 0
    with pytest.raises(UserError, match="trained on languages of the family order, whose words change places"):
        load_translator(str(tmp_path / "outputs/order"))
    assert "in one order: straight, reversed" in " ".join((tmp_path / "outputs/order/README.md").read_text().split())
