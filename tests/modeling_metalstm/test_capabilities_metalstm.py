from types import SimpleNamespace

import pytest
import torch
from transformers import DynamicCache, GPT2Config, LlamaConfig, Mamba2Config
from transformers.modeling_outputs import CausalLMOutputWithPast

from modeling_metalstm.capabilities_metalstm import frozen_weights, kept_state, reach, skips_padding


def test_weights_are_frozen_where_they_can_be(make_model):
    model = make_model()
    with frozen_weights(model):
        assert model.model.lstm.layouts is not None
    assert model.model.lstm.layouts is None
    with frozen_weights(torch.nn.Linear(2, 2)):
        pass


def test_a_model_that_says_nothing_does_not_skip_padding(make_model):
    assert skips_padding(make_model()) and not skips_padding(torch.nn.Linear(2, 2))


def test_a_state_whose_rows_can_be_picked_is_kept(make_model):
    output = make_model()(input_ids=torch.zeros(1, 2, dtype=torch.long), use_cache=True)
    assert kept_state(output) is output.past_key_values
    attention = DynamicCache(config=LlamaConfig(num_hidden_layers=2))
    assert kept_state(CausalLMOutputWithPast(past_key_values=attention)) is attention


@pytest.mark.parametrize(
    "output",
    [
        CausalLMOutputWithPast(),
        CausalLMOutputWithPast(past_key_values=((torch.zeros(1), torch.zeros(1)),)),
        CausalLMOutputWithPast(past_key_values=DynamicCache(config=Mamba2Config(num_hidden_layers=2))),
        SimpleNamespace(cache_params=DynamicCache(config=LlamaConfig(num_hidden_layers=2))),
    ],
    ids=["none", "tuples", "recurrent", "of its own"],
)
def test_any_other_is_not(output):
    assert kept_state(output) is None


@pytest.mark.parametrize(
    ("config", "longest"),
    [
        (LlamaConfig(max_position_embeddings=512), 512),
        (GPT2Config(n_positions=64), 64),
        (Mamba2Config(), None),
        (SimpleNamespace(max_position_embeddings=-1), None),
        (SimpleNamespace(max_position_embeddings=None), None),
    ],
    ids=range(5),
)
def test_how_far_a_model_reads(config, longest):
    assert reach(config) == longest
