import yaml

from metatrans_lab.cards import model_card, shown
from metatrans_lab.configuration import TrainingConfig

RESULTS = {
    "num_eval_episodes": 8192,
    "target_nll": 0.2234,
    "target_bayes_nll": 0.2193,
    "determined_accuracy": None,
    "ragged_exact_match": 0.998,
    "steps": 1200,
    "timing": {"train_seconds": 61.2},
    "device": "cpu",
}


def test_the_card_says_what_was_measured():
    config = TrainingConfig(name="mine", language={"sentence_length": [1, 5], "held_out_languages": 0.1})
    card = model_card(config, RESULTS)
    front, body = card.removeprefix("---\n").split("---\n", 1)
    assert yaml.safe_load(front)["library_name"] == "transformers"
    assert "on 8,192 episodes of languages never trained on (K=10, T=1–5)" in body
    assert "| nats per target word | 0.22340 | 0.21930 |" in body
    assert "| accuracy on words shown before | – | 1 |" in body
    assert "{" not in body.replace("{L}", "")


def test_nothing_is_said_of_unseen_languages_where_none_are():
    assert "never trained on" not in model_card(TrainingConfig(), RESULTS)


def test_what_was_not_there_is_a_dash():
    assert (shown(None), shown(0.5, 2)) == ("–", "0.50")
