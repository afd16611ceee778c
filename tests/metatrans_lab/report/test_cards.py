import re

import yaml
from huggingface_hub import parse_eval_result_entries

from dataset_script import LanguageConfig
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.models.build import build_model
from metatrans_lab.report.cards import evaluation_results, model_card, shown

RESULTS = {
    "num_eval_episodes": 8192,
    "target_nll": 0.2234,
    "target_regret": 0.0041,
    "exact_match": 1.0,
    "episodes_seen": 76_800,
    "intervals": {"target_nll": [0.2233, 0.2235], "determined_accuracy": None},
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
    front = yaml.safe_load(front)
    assert front["library_name"] == "transformers" and front["pipeline_tag"] == "translation"
    (index,) = front["model-index"]
    (result,) = index["results"]
    assert index["name"] == "mine" and result["metrics"][0]["value"] == 0.0041
    assert "On 8,192 episodes of languages never trained on (K=10 pairs, T=1–5 words a sentence), seed 0" in body
    assert "| nats per target word | 0.22340 | 0.22330 … 0.22350 | 0.21930 |" in body
    assert "| accuracy on words shown before | – | – | 1 |" in body
    assert "{" not in body and "source words (`loss_on" not in body
    assert "datasets" not in front and "/datasets/" not in body


def test_the_card_names_the_data_set_if_it_is_known():
    card = model_card(TrainingConfig(hub_dataset_id="ada/metatrans"), RESULTS)
    front, body = card.removeprefix("---\n").split("---\n", 1)
    front = yaml.safe_load(front)
    assert front["datasets"] == ["ada/metatrans"]
    assert front.keys() >= {"library_name", "pipeline_tag", "license"}
    assert "[ada/metatrans](https://huggingface.co/datasets/ada/metatrans)" in body


def test_the_hub_reads_the_figures_beside_the_card():
    config = TrainingConfig(hub_dataset_id="ada/metatrans", seed=3, language={"held_out_languages": 0.1})
    (regret,) = parse_eval_result_entries(yaml.safe_load(evaluation_results(config, RESULTS)))
    assert (regret.dataset_id, regret.task_id, regret.value) == ("ada/metatrans", "target_regret", 0.0041)
    assert regret.notes == "split test, 8192 episodes, languages never trained on, seed 3"
    both = yaml.safe_load(evaluation_results(config, RESULTS | {"determined_accuracy": 0.9987654321}))
    assert {entry.task_id: entry.value for entry in parse_eval_result_entries(both)} == {
        "target_regret": 0.0041,
        "determined_accuracy": 0.998765,
    }
    assert evaluation_results(TrainingConfig(), RESULTS) is None  # an entry must name a data set on the Hub


def test_another_model_is_called_what_it_is():
    card = model_card(TrainingConfig(model={"model_type": "gpt2"}), RESULTS)
    assert "a gpt2 model" in card and "an LSTM" not in card
    front = yaml.safe_load(card.removeprefix("---\n").split("---\n", 1)[0])
    assert not {"lstm", "custom_code"} & set(front["tags"])


def test_a_model_without_code_of_its_own_is_used_through_the_package(tmp_path):
    brings = model_card(TrainingConfig(), RESULTS)
    assert "trust_remote_code=True" in brings and "import modeling_metalstm" not in brings
    settings = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2}
    card = model_card(TrainingConfig(name="mine", model=settings), RESULTS)
    assert "trust_remote_code" not in card
    build_model(settings, LanguageConfig()).save_pretrained(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", card, flags=re.S)
    names: dict = {}
    exec(code.replace('"mine"', repr(str(tmp_path))), names)
    result = names["translator"]("blue red", examples=[("red", "dax"), ("blue red", "wif dax")])
    assert [word["source"] for word in result["words"]] == ["blue", "red"]


def test_nothing_is_said_of_unseen_languages_where_none_are():
    assert "never trained on" not in model_card(TrainingConfig(), RESULTS)


def test_the_card_has_a_table_by_phenomenon():
    figures = {"target_regret": 0.0123, "determined_accuracy": None, "accuracy": 0.9, "bayes_accuracy": 0.95}
    language = {"family": "grammar", **dict.fromkeys(("num_nouns", "num_verbs"), 2), "num_adjectives": 2}
    config = TrainingConfig(language=language | {"num_source_words": 8, "num_target_words": 10})
    results = RESULTS | {"groups": {"article": figures}}
    assert "| article | 0.01230 | – | 0.90000 | 0.95000 |\n\n![" in model_card(config, results)
    seen = {"seen_structures": {"groups": {"article": figures | {"target_regret": 0.0011}}}}
    assert "| article | 0.01230 | – | 0.90000 | 0.95000 | 0.00110 | – |\n" in model_card(config, results | seen)
    assert "hangs on" not in model_card(config, RESULTS)


def test_what_was_not_there_is_a_dash():
    assert (shown(None), shown(0.5, 2)) == ("–", "0.50")


def test_the_card_says_what_was_left_out_of_the_loss():
    body = " ".join(model_card(TrainingConfig(name="mine", loss_on="targets"), RESULTS).split())
    assert "trained without source words (`loss_on: targets`): what it says of them means nothing, and their" in body
