import json

import pytest
from transformers import AutoConfig, AutoModelForCausalLM

from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM, MetaLSTMModel


def test_defaults_are_the_post():
    config = MetaLSTMConfig()
    assert (config.vocab_size, config.embedding_size, config.hidden_size, config.num_hidden_layers) == (
        15,
        512,
        1024,
        1,
    )
    assert (config.num_source_words, config.num_target_words, config.initialization) == (6, 6, "torch")
    assert (config.start_of_source_id, config.start_of_target_id, config.pad_token_id) == (12, 13, 14)
    assert config.bos_token_id == config.eos_token_id == 12
    assert config.dropout == 0 and not config.tie_word_embeddings and config.use_cache


def test_alphabet_sets_the_vocabulary_unless_given():
    config = MetaLSTMConfig(num_source_words=4, num_target_words=9)
    assert (config.vocab_size, config.bos_token_id, config.start_of_target_id, config.pad_token_id) == (16, 13, 14, 15)
    config = MetaLSTMConfig(num_source_words=4, num_target_words=9, vocab_size=32, eos_token_id=3, pad_token_id=20)
    assert (config.vocab_size, config.eos_token_id, config.pad_token_id, config.bos_token_id) == (32, 3, 20, 13)


def test_layers_are_lstms_unless_their_types_are_given():
    assert MetaLSTMConfig(num_hidden_layers=3).layer_types == ["lstm"] * 3
    config = MetaLSTMConfig(layer_types=["lstm", "mlstm_example", "mlstm"], hidden_size=16, lstm_size=6)
    assert config.num_hidden_layers == 3
    assert config.input_sizes == [512, 6, 16]


def test_a_config_keeps_a_list_of_its_own():
    kinds = ["lstm", "mlstm"]
    config = MetaLSTMConfig(layer_types=kinds)
    kinds.append("gru")
    assert config.layer_types == ["lstm", "mlstm"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("num_hidden_layers", 2, r"`layer_types` has 1 layers, but `num_hidden_layers` is 2; set both alike\.$"),
        ("hidden_size", 16, r"`lstm_size` \(8\) must equal `hidden_size` \(16\) where the last layer is an LSTM\.$"),
        ("hidden_size", -1, r"`hidden_size` must be 1 or more, not -1\.$"),
        ("num_source_words", 10, r"`vocab_size` must be at least 19, .* not 15\.$"),
        ("tie_word_embeddings", True, r"`embedding_size` \(12\) must equal `hidden_size` \(8\)\.$"),
    ],
)
def test_what_is_set_later_is_checked_when_a_model_is_built(name, value, sentence):
    config = MetaLSTMConfig(embedding_size=12, hidden_size=8)
    setattr(config, name, value)
    for build in (MetaLSTMModel, MetaLSTMForCausalLM, AutoModelForCausalLM.from_config):
        with pytest.raises(ValueError, match=sentence):
            build(config)


SMALL = {"embedding_size": 12, "hidden_size": 8}
MIXED = SMALL | {"layer_types": ["lstm", "mlstm"], "lstm_size": 6}


@pytest.mark.parametrize(
    ("saved", "given", "same_as"),
    [
        (SMALL, {"hidden_size": 16}, {"embedding_size": 12, "hidden_size": 16}),
        (SMALL, {"num_hidden_layers": 3}, SMALL | {"num_hidden_layers": 3}),
        (SMALL, {"layer_types": ["lstm", "mlstm"]}, SMALL | {"layer_types": ["lstm", "mlstm"]}),
        (SMALL, {"num_source_words": 10}, SMALL | {"num_source_words": 10}),
        (SMALL, {"num_source_words": 10, "vocab_size": 30}, SMALL | {"num_source_words": 10, "vocab_size": 30}),
        (SMALL, {"dropout": 0.5, "use_cache": False}, SMALL | {"dropout": 0.5, "use_cache": False}),
        # What was given in its own right stays.
        (SMALL | {"vocab_size": 30}, {"num_target_words": 7}, SMALL | {"vocab_size": 30, "num_target_words": 7}),
        (SMALL | {"eos_token_id": 3}, {"num_target_words": 7}, SMALL | {"eos_token_id": 3, "num_target_words": 7}),
        (MIXED, {"hidden_size": 16}, MIXED | {"hidden_size": 16}),
        (MIXED, {"layer_types": ["mlstm"]}, MIXED | {"layer_types": ["mlstm"]}),
    ],
    ids=str,
)
def test_values_that_are_given_on_loading_bring_what_follows_from_them(tmp_path, saved, given, same_as):
    MetaLSTMConfig(**saved).save_pretrained(tmp_path)
    expected = MetaLSTMConfig(**same_as)
    for loaded in (AutoConfig.from_pretrained(tmp_path, **given), MetaLSTMConfig.from_pretrained(tmp_path, **given)):
        assert loaded.to_diff_dict() == expected.to_diff_dict()
        assert loaded.num_hidden_layers == expected.num_hidden_layers
    model, unused = MetaLSTMConfig.from_pretrained(tmp_path, return_unused_kwargs=True, **given, depth=3)
    assert model.to_diff_dict() == expected.to_diff_dict() and unused == {"depth": 3}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"num_hidden_layers": 3}, r"`layer_types` has 2 layers, but `num_hidden_layers` is 3; set both alike\.$"),
        ({"recurrence": "cudnn"}, r"must be one of \('auto', 'reference', .*\), not 'cudnn'\.$"),
        ({"hidden_size": 10}, r"`hidden_size` \(10\) must be a multiple of 4, for 4 heads\.$"),
        ({"vocab_size": 14}, r"`vocab_size` must be at least 15, .* not 14\.$"),
        ({"num_hidden_layers": 10**9}, r"`num_hidden_layers` must be at most 1,000, not 1,000,000,000\.$"),
    ],
)
def test_impossible_values_that_are_given_on_loading_are_refused(tmp_path, given, sentence):
    MetaLSTMConfig(**MIXED).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=sentence):
        AutoConfig.from_pretrained(tmp_path, **given)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"tie_word_embeddings": True}, r"`embedding_size` \(512\) must equal `hidden_size` \(1024\)\.$"),
        ({"initialization": "zeros"}, r"must be one of \('torch', 'metalstm'\), not 'zeros'\.$"),
        ({"recurrence": "cudnn"}, r"must be one of \('auto', 'reference', .*\), not 'cudnn'\.$"),
        ({"loss_on": "sources"}, r"`loss_on` must be one of \(None, 'all', 'targets'\), not 'sources'\.$"),
        ({"vocab_size": 14}, r"`vocab_size` must be at least 15, .* not 14\.$"),
        ({"dropout": 1.0}, r"at least 0 and below 1, not 1\.0\.$"),
        ({"hidden_size": 0}, r"`hidden_size` must be 1 or more, not 0\.$"),
        ({"num_target_words": 0}, r"`num_target_words` must be 1 or more, not 0\.$"),
        (
            {"layer_types": ["gru"]},
            r"`layer_types` may have \('lstm', 'mlstm', 'mlstm_example', 'delta', 'delta_example'\), not 'gru'\.$",
        ),
        ({"layer_types": []}, r"`num_hidden_layers` must be 1 or more, not 0\.$"),
        (
            {"layer_types": ["lstm"], "num_hidden_layers": 2},
            r"`layer_types` has 1 layers, but `num_hidden_layers` is 2; set both alike\.$",
        ),
        (
            {"lstm_size": 64},
            r"`lstm_size` \(64\) must equal `hidden_size` \(1024\) where the last layer is an LSTM\.$",
        ),
        (
            {"layer_types": ["mlstm"], "hidden_size": 10},
            r"`hidden_size` \(10\) must be a multiple of 4, for 4 heads\.$",
        ),
        (
            {"layer_types": ["mlstm_example"], "hidden_size": 12},
            r"`hidden_size` \(12\) must be a multiple of 8, for 4 heads whose keys turn in pairs\.$",
        ),
        (
            {"layer_types": ["lstm", "mlstm", "lstm"], "lstm_size": 64},
            r"`lstm_size` \(64\) must equal `hidden_size` \(1024\) where the last layer is an LSTM\.$",
        ),
        (
            {"layer_types": ["mlstm", "mlstm_example"], "hidden_size": 12},
            r"`hidden_size` \(12\) must be a multiple of 8, for 4 heads whose keys turn in pairs\.$",
        ),
        ({"lstm_size": 0}, r"`lstm_size` must be 1 or more, not 0\.$"),
        ({"num_heads": 1_001}, r"`num_heads` must be at most 1,000, not 1,001\.$"),
        ({"layer_types": ["mlstm"] * 1_001}, r"`num_hidden_layers` must be at most 1,000, not 1,001\.$"),
        ({"num_heads": 0}, r"`num_heads` must be 1 or more, not 0\.$"),
        ({"max_place_offset": -1}, r"`max_place_offset` must be between 0 and 1,048,576, not -1\.$"),
        ({"max_place_offset": 10**30}, r"`max_place_offset` must be between 0 and 1,048,576, not 1,000.*\.$"),
    ],
)
def test_impossible_values_are_refused_in_a_sentence(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        MetaLSTMConfig(**given)


def test_tying_is_allowed_where_the_sizes_agree():
    assert MetaLSTMConfig(embedding_size=8, hidden_size=8, tie_word_embeddings=True).tie_word_embeddings


def test_a_folder_from_before_layers_had_types_has_lstms(tmp_path):
    MetaLSTMConfig(embedding_size=8, hidden_size=8, num_hidden_layers=2).save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["num_hidden_layers"] == 2 and "layer_types" not in written
    for name in ("num_heads", "lstm_size", "max_place_offset"):
        del written[name]
    (tmp_path / "config.json").write_text(json.dumps(written))
    assert AutoConfig.from_pretrained(tmp_path).layer_types == ["lstm", "lstm"]
    assert AutoConfig.from_pretrained(tmp_path, hidden_size=16).layer_types == ["lstm", "lstm"]


@pytest.mark.parametrize("layers", [["lstm", "lstm"], ["lstm", "mlstm"]], ids=str)
def test_a_folder_that_names_its_layers_and_counts_them_loads(tmp_path, layers):
    """As they were all saved before."""
    config = MetaLSTMConfig(**SMALL, layer_types=layers)
    config.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert not written.keys() >= {"num_hidden_layers", "layer_types"}
    (tmp_path / "config.json").write_text(json.dumps(written | {"num_hidden_layers": 2, "layer_types": layers}))
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert (loaded.num_hidden_layers, loaded.layer_types) == (2, layers)
    assert loaded.to_diff_dict() == config.to_diff_dict()


@pytest.mark.parametrize("layers", [{"num_hidden_layers": 2}, {"layer_types": ["lstm", "mlstm"], "lstm_size": 4}])
def test_saved_configuration_comes_back_equal_and_names_its_code(tmp_path, layers):
    config = MetaLSTMConfig(
        embedding_size=8, hidden_size=8, dropout=0.1, num_target_words=7, recurrence="reference", **layers
    )
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert type(loaded) is MetaLSTMConfig
    assert loaded.to_diff_dict() == config.to_diff_dict()
    assert loaded.num_hidden_layers == config.num_hidden_layers
    written = loaded.to_dict()
    assert set(written["auto_map"]) == {"AutoConfig", "AutoModel", "AutoModelForCausalLM"}
    assert written["custom_pipelines"]["in-context-translation"]["impl"].startswith("pipeline_metalstm.")
    # With the package imported its own pipeline serves, and the folder's isn't offered.
    assert not hasattr(loaded, "custom_pipelines")
