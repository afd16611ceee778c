import pytest
from transformers import AutoConfig

from modeling_metalstm import MetaLSTMConfig


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


def test_layer_types_follow_the_number_of_layers():
    config = MetaLSTMConfig(num_hidden_layers=3)
    assert config.layer_types == ["lstm"] * 3
    config.num_hidden_layers = 1
    assert config.layer_types == ["lstm"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"tie_word_embeddings": True}, r"`embedding_size` \(512\) must equal `hidden_size` \(1024\)\.$"),
        ({"initialization": "zeros"}, r"must be one of \('torch', 'metalstm'\), not 'zeros'\.$"),
        ({"recurrence": "cudnn"}, r"must be one of \('auto', 'reference', .*\), not 'cudnn'\.$"),
        ({"vocab_size": 14}, r"`vocab_size` must be at least 15, .* not 14\.$"),
        ({"dropout": 1.0}, r"at least 0 and below 1, not 1\.0\.$"),
        ({"hidden_size": 0}, r"`hidden_size` must be 1 or more, not 0\.$"),
        ({"num_target_words": 0}, r"`num_target_words` must be 1 or more, not 0\.$"),
    ],
)
def test_impossible_values_are_refused_in_a_sentence(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        MetaLSTMConfig(**given)


def test_tying_is_allowed_where_the_sizes_agree():
    assert MetaLSTMConfig(embedding_size=8, hidden_size=8, tie_word_embeddings=True).tie_word_embeddings


def test_saved_configuration_comes_back_equal_and_names_its_code(tmp_path):
    config = MetaLSTMConfig(
        embedding_size=8, hidden_size=8, num_hidden_layers=2, dropout=0.1, num_target_words=7, recurrence="reference"
    )
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert type(loaded) is MetaLSTMConfig
    assert loaded.to_diff_dict() == config.to_diff_dict()
    written = loaded.to_dict()
    assert set(written["auto_map"]) == {"AutoConfig", "AutoModel", "AutoModelForCausalLM"}
    assert written["custom_pipelines"]["in-context-translation"]["impl"].startswith("pipeline_metalstm.")
    # With the package imported its own pipeline serves, and the folder's isn't offered.
    assert not hasattr(loaded, "custom_pipelines")
