import io
import logging

import pytest
import torch

from dataset_script import LanguageConfig, sample_episodes
from metatrans_lab.errors import UserError
from metatrans_lab.models.build import build_model
from metatrans_lab.models.limits import check_language
from metatrans_lab.models.load import load_model

GPT2 = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2}
LSTM = {"embedding_size": 4, "hidden_size": 8}


@pytest.mark.parametrize("settings", [GPT2, LSTM, GPT2 | {"hidden_size": 4}], ids=str)
def test_a_model_speaks_the_language(settings):
    language = LanguageConfig(num_source_words=3, num_target_words=4)
    model = build_model(settings, language)
    config = model.config
    assert (config.vocab_size, config.bos_token_id, config.eos_token_id, config.pad_token_id) == (10, 7, 7, 9)
    assert (config.num_source_words, config.num_target_words) == (3, 4)
    assert config.hidden_size == settings.get("hidden_size", 8)
    episodes = sample_episodes(language, range(2))
    assert model(input_ids=torch.as_tensor(episodes.input_ids).long()).logits.shape == (2, 81, 10)


@pytest.mark.parametrize("model_type", ["falcon_h1", "bamba"])
def test_of_a_mistake_only_the_sentence_shows(model_type):
    logged = io.StringIO()
    logger, handler = logging.getLogger("transformers"), logging.StreamHandler(logged)
    logger.addHandler(handler)
    before = logger.level
    try:
        with pytest.raises(UserError, match=rf"^model: property .* \({model_type} with layer_types=\['lstm'\]\)$"):
            build_model({"model_type": model_type, "layer_types": ["lstm"]}, LanguageConfig())
    finally:
        logger.removeHandler(handler)
    assert logged.getvalue() == "" and logger.level == before


def test_trying_a_model_draws_no_random_numbers():
    torch.manual_seed(1)
    build_model(GPT2, LanguageConfig())
    state = torch.get_rng_state()
    torch.manual_seed(1)
    model = build_model(GPT2, LanguageConfig(num_pairs=3))
    assert torch.equal(torch.get_rng_state(), state) and model.training


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"model_type": "gtp2"}, "transformers knows no model_type 'gtp2'; did you mean 'gpt2'?"),
        ({"model_type": 3}, "transformers knows no model_type 3"),
        ({"model_type": ["gpt2"]}, "transformers knows no model_type ['gpt2']"),
        ({"model_type": "t5"}, "model_type 't5' is no causal language model; use one such as metalstm or gpt2"),
        ({"model_type": "vit"}, "model_type 'vit' is no causal language model"),
        ({"hidden_sizes": 3}, "unknown key 'hidden_sizes' in model; did you mean 'hidden_size'?"),
        ({"to_dict": 3}, "unknown key 'to_dict' in model"),
        ({1: 2}, "unknown key 1 in model"),
        (GPT2 | {"to_dict": 3}, "unknown key 'to_dict' in model"),
        ({"layer_types": 3}, "model: Field 'layer_types' "),
        (
            {"layer_types": ["gru"]},
            "model: `layer_types` may have ('lstm', 'mlstm', 'mlstm_example', 'delta', 'delta_example'), not 'gru'.",
        ),
        (GPT2 | {"layer_types": ["lstm"]}, "unknown key 'layer_types' in model"),
        ({"num_source_words": 3}, "model.num_source_words follows from the language; leave it out"),
        ({"pad_token_id": 99}, "model.pad_token_id follows from the language"),
        (GPT2 | {"vocab_size": 5}, "model.vocab_size follows from the language"),
        (GPT2 | {"n_positions": 16}, "the model reads at most 16 tokens (max_position_embeddings), but an episode"),
        (GPT2 | {"n_embd": 30, "n_head": 4}, "model: `embed_dim` must be divisible by num_heads"),
        (GPT2 | {"dtype": "foo"}, "model: module 'torch' has no attribute 'foo' (gpt2 with n_embd=8, n_layer=1, "),
        (GPT2 | {"n_layer": "x"}, "model: Field 'n_layer' expected int, got str (value: 'x') (gpt2 with"),
        (GPT2 | {"n_embd": -4}, "model: Trying to create tensor with negative dimension -4"),
        (GPT2 | {"return_dict": False}, "model: 'tuple' object has no attribute "),
        ({"hidden_size": 0}, "model: `hidden_size` must be 1 or more, not 0. (metalstm with hidden_size=0)"),
        ({"hidden_size": "x"}, "model: Field 'hidden_size' expected int, got str"),
        ({"recurrence": "fast"}, "model: `recurrence` must be one of"),
        ({"tie_word_embeddings": 3}, "model: Field 'tie_word_embeddings' expected bool, got int"),
        ({"model_type": "gemma4_assistant"}, "model: "),
    ],
)
def test_impossible_settings_are_one_sentence(settings, message):
    with pytest.raises(UserError) as error:
        build_model(settings, LanguageConfig())
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_positions_must_last_for_the_longest_sequence():
    build_model(GPT2 | {"n_positions": 81}, LanguageConfig())
    with pytest.raises(UserError, match=r"at most 81 tokens .*, but an episode has up to 121"):
        build_model(GPT2 | {"n_positions": 81}, LanguageConfig(), longest=121)


@pytest.mark.parametrize("settings", [GPT2, LSTM], ids=str)
def test_another_alphabet_is_refused(settings):
    config = build_model(settings, LanguageConfig()).config
    check_language(config, LanguageConfig(num_pairs=3, sentence_length=(1, 5), seed=4))
    for L, R in ((5, 7), (5, 6), (6, 7)):
        with pytest.raises(UserError, match="the model has 6 source and 6 target words, but the language"):
            check_language(config, LanguageConfig(num_source_words=L, num_target_words=R))


def test_a_folder_s_alphabet_is_kept(tmp_path):
    for settings in (GPT2, LSTM):
        build_model(settings, LanguageConfig(num_source_words=3)).save_pretrained(tmp_path)
        model = load_model(str(tmp_path))
        assert (model.config.num_source_words, model.config.num_target_words) == (3, 6) and not model.training


def test_broken_weights_are_one_sentence(tmp_path):
    build_model(LSTM, LanguageConfig()).save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(UserError, match=f"can't load a model from {tmp_path}: "):
        load_model(str(tmp_path))
