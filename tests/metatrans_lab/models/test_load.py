import pytest

from dataset_script import LanguageConfig
from metatrans_lab.errors import UserError
from metatrans_lab.models.build import build_model
from metatrans_lab.models.load import load_translator

GPT2 = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2}


def test_any_model_with_an_alphabet_translates(tmp_path):
    build_model(GPT2, LanguageConfig()).save_pretrained(tmp_path)
    model = load_translator(str(tmp_path))
    assert model.config.model_type == "gpt2" and not model.training


def test_a_model_without_an_alphabet_is_refused(tmp_path):
    model = build_model(GPT2, LanguageConfig())
    del model.config.num_target_words
    model.save_pretrained(tmp_path)
    with pytest.raises(UserError) as error:
        load_translator(str(tmp_path))
    assert str(error.value) == (
        f"{tmp_path} is a gpt2 model without an alphabet (its config.json names no num_source_words and "
        "num_target_words); translating needs a model that train.py made"
    )
