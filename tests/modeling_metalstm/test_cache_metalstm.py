import copy

import pytest
import torch
from transformers import DynamicCache, StaticCache

from modeling_metalstm import LSTMCacheLayer
from modeling_metalstm.cache_metalstm import ExampleMatrixCacheLayer, MatrixCacheLayer


@pytest.fixture
def read(make_model, stack):
    model = make_model(**stack)
    tokens = torch.randint(0, 14, (3, 10))
    with torch.no_grad():
        return model, model(tokens).past_key_values


def parts_of(layer):
    return [layer.keys, layer.values, *([layer.places, layer.last_keys] if hasattr(layer, "places") else [])]


def test_the_state_has_one_size_whatever_the_prompt(make_model, stack):
    model = make_model(**stack)
    cache = DynamicCache(config=model.config)
    assert cache.get_seq_length() == 0 and len(cache.layers) == model.config.num_hidden_layers
    for length in (1, 7, 50):
        with torch.no_grad():
            model(torch.randint(0, 14, (3, length)), past_key_values=cache)
        for layer, layer_type in zip(cache.layers, model.config.layer_types, strict=True):
            if layer_type == "lstm":
                assert layer.keys.shape == layer.values.shape == (3, model.config.lstm_size)
            else:
                assert (
                    layer.keys.shape == (3, 2, 8, 8) and layer.values.shape == (3, 16) and layer.places.shape == (3,)
                )
    assert cache.get_seq_length() == 58
    assert cache.get_mask_sizes(2, 0) == (60, 0)


def test_both_kinds_of_cache_are_made_of_our_layer(make_model):
    config = make_model().config
    assert [type(layer) for layer in DynamicCache(config=config).layers] == [LSTMCacheLayer] * 2
    assert [type(layer) for layer in StaticCache(config=config, max_cache_len=5).layers] == [LSTMCacheLayer] * 2


def test_a_copy_keeps_its_state_while_the_original_reads_on(read):
    model, cache = read
    kept = copy.deepcopy(cache)
    before = [[part.clone() for part in parts_of(layer)] for layer in kept.layers]
    with torch.no_grad():
        model(torch.randint(0, 12, (3, 4)), past_key_values=cache)
    for layer, parts in zip(kept.layers, before, strict=True):
        assert all(torch.equal(part, old) for part, old in zip(parts_of(layer), parts, strict=True))
    assert not any(torch.equal(layer.keys, parts[0]) for layer, parts in zip(cache.layers, before, strict=True))
    assert (kept.get_seq_length(), cache.get_seq_length()) == (10, 14)


def test_a_copy_passes_on_the_same_gradients(make_model, stack):
    """Branches from one prompt, with gradients through it."""
    model = make_model(dtype=torch.float64, **stack)
    prompt, more = torch.randint(0, 14, (3, 10)), torch.randint(0, 14, (3, 4))

    def gradients(copied):
        cache = model(prompt).past_key_values
        loss = model(more, past_key_values=copied(cache)).logits.square().sum()
        return torch.autograd.grad(loss, list(model.parameters()))

    for actual, expected in zip(gradients(copy.deepcopy), gradients(lambda cache: cache), strict=True):
        assert torch.equal(actual, expected)


def test_a_copy_of_a_state_that_learns_is_its_own(make_model):
    cache = make_model()(torch.randint(0, 14, (3, 10))).past_key_values
    layer = cache.layers[0]
    layer.detach()
    layer.keys.requires_grad_()
    kept, expected = copy.deepcopy(layer), layer.keys.detach().clone()
    with torch.no_grad():
        layer.keys.zero_()
    assert kept.keys.is_leaf and kept.keys.requires_grad and torch.equal(kept.keys, expected)


def test_a_detached_state_has_no_gradients(make_model, stack):
    model = make_model(**stack)
    cache = DynamicCache(config=model.config)
    for layer in cache.layers:
        layer.detach()  # before the first token there is nothing to do
    with torch.enable_grad():
        model(torch.randint(0, 14, (3, 10)), past_key_values=cache)
    before = [[part.clone() for part in parts_of(layer)] for layer in cache.layers]
    assert any(part.requires_grad for layer in cache.layers for part in parts_of(layer))
    for layer in cache.layers:
        layer.detach()
    assert not any(part.requires_grad for layer in cache.layers for part in parts_of(layer))
    for layer, parts in zip(cache.layers, before, strict=True):
        assert all(torch.equal(part, old) for part, old in zip(parts_of(layer), parts, strict=True))


def test_rows_are_repeated_selected_and_reordered(read):
    _, cache = read
    before = [parts_of(layer) for layer in cache.layers]

    def has_rows(*rows):
        parts = [parts_of(layer) for layer in cache.layers]
        pairs = [pair for olds, news in zip(before, parts, strict=True) for pair in zip(olds, news, strict=True)]
        return all(torch.equal(new, old[list(rows)]) for old, new in pairs)

    cache.reorder_cache(torch.tensor([2, 0, 0]))
    assert has_rows(2, 0, 0)
    cache.batch_select_indices(torch.tensor([1]))
    cache.batch_repeat_interleave(4)
    assert has_rows(0, 0, 0, 0) and cache.batch_size == 4


def test_of_matrix_memories_too(make_model):
    model = make_model(layer_types=["mlstm_example", "mlstm"])
    with torch.no_grad():
        cache = model(torch.tensor([[12, 1], [12, 13], [3, 4]])).past_key_values
    memory, said, places = (x.clone() for x in (cache.layers[0].keys, cache.layers[0].values, cache.layers[0].places))
    assert places.tolist() == [1, 0, 2]
    cache.reorder_cache(torch.tensor([2, 0, 0]))
    cache.batch_repeat_interleave(2)
    rows = [2, 2, 0, 0, 0, 0]
    assert torch.equal(cache.layers[0].keys, memory[rows]) and torch.equal(cache.layers[0].values, said[rows])
    assert torch.equal(cache.layers[0].places, places[rows])
    cache.reset()
    assert cache.layers[0].places is None and cache.get_seq_length() == 0
    kinds = [ExampleMatrixCacheLayer, MatrixCacheLayer]
    assert [type(layer) for layer in cache.layers] == kinds
    assert [type(layer) for layer in StaticCache(config=model.config, max_cache_len=5).layers] == kinds


@pytest.mark.parametrize("others", [["lstm", "lstm"], ["mlstm", "lstm"], ["lstm", "mlstm_example"], ["lstm"]], ids=str)
def test_a_cache_of_other_layers_is_refused(make_model, others):
    cache = DynamicCache(config=make_model(layer_types=others).config)
    with pytest.raises(ValueError, match=r"DynamicCache\(config=model.config\)"):
        make_model(layer_types=["lstm", "mlstm"])(torch.zeros(3, 2, dtype=torch.long), past_key_values=cache)


def test_reset_starts_anew(read):
    model, cache = read
    tokens = torch.randint(0, 14, (3, 5))
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
