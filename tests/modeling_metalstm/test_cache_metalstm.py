import copy

import pytest
import torch
from transformers import DynamicCache, StaticCache

from modeling_metalstm import LSTMCacheLayer


@pytest.fixture
def read(make_model):
    model = make_model()
    tokens = torch.randint(0, 12, (3, 10))
    with torch.no_grad():
        return model, model(tokens).past_key_values


def test_the_state_has_one_size_whatever_the_prompt(make_model):
    model = make_model()
    cache = DynamicCache(config=model.config)
    assert cache.get_seq_length() == 0 and len(cache.layers) == 2
    for length in (1, 7, 50):
        with torch.no_grad():
            model(torch.randint(0, 12, (3, length)), past_key_values=cache)
        assert all(layer.keys.shape == layer.values.shape == (3, 16) for layer in cache.layers)
    assert cache.get_seq_length() == 58
    assert cache.get_mask_sizes(2, 0) == (60, 0)


def test_both_kinds_of_cache_are_made_of_our_layer(make_model):
    config = make_model().config
    assert [type(layer) for layer in DynamicCache(config=config).layers] == [LSTMCacheLayer] * 2
    assert [type(layer) for layer in StaticCache(config=config, max_cache_len=5).layers] == [LSTMCacheLayer] * 2


def test_a_copy_keeps_its_state_while_the_original_reads_on(read):
    model, cache = read
    kept = copy.deepcopy(cache)
    before = kept.layers[1].keys.clone()
    with torch.no_grad():
        model(torch.randint(0, 12, (3, 4)), past_key_values=cache)
    assert torch.equal(kept.layers[1].keys, before) and not torch.equal(cache.layers[1].keys, before)
    assert (kept.get_seq_length(), cache.get_seq_length()) == (10, 14)


def test_rows_are_repeated_selected_and_reordered(read):
    _, cache = read
    h, c = cache.layers[0].keys.clone(), cache.layers[0].values.clone()
    cache.reorder_cache(torch.tensor([2, 0, 0]))
    assert torch.equal(cache.layers[0].keys, h[[2, 0, 0]]) and torch.equal(cache.layers[0].values, c[[2, 0, 0]])
    cache.batch_select_indices(torch.tensor([1]))
    cache.batch_repeat_interleave(4)
    assert torch.equal(cache.layers[0].keys, h[[0, 0, 0, 0]]) and cache.batch_size == 4


def test_reset_starts_anew(read):
    model, cache = read
    tokens = torch.randint(0, 12, (3, 5))
    cache.reset()
    assert cache.get_seq_length() == 0
    with torch.no_grad():
        assert torch.equal(model(tokens, past_key_values=cache).logits, model(tokens).logits)


def test_cropping_is_refused(read):
    _, cache = read
    assert not cache.is_croppable
    with pytest.raises(ValueError, match="can't be cropped"):
        cache.crop(-1)
    with pytest.raises(ValueError, match="can't be cropped"):
        cache.crop(3)
