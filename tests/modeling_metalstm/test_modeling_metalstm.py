import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import DynamicCache

from modeling_metalstm import MetaLSTMForCausalLM
from modeling_metalstm.dispatch_metalstm import RECURRENCES

PAD = 14


def tokens_of(batch_size, length, seed=0):
    return torch.randint(0, 14, (batch_size, length), generator=torch.Generator().manual_seed(seed))


def gradients_of(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def assert_equal_gradients(actual, expected, atol=1e-10):
    assert actual.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(actual[name], expected[name], rtol=0, atol=atol, msg=lambda m, n=name: f"{n}: {m}")


def parts_of(layer):
    return [layer.keys, layer.values, *([layer.places] if hasattr(layer, "places") else [])]


class PostModel(nn.Module):
    """The layers of the post's model, by its names."""

    def __init__(self, config):
        super().__init__()
        self.words = nn.Embedding(config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id)
        self.rnn = nn.LSTM(config.embedding_size, config.hidden_size, config.num_hidden_layers, batch_first=True)
        self.classifier = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(self, inputs):
        return self.classifier(self.rnn(self.words(inputs))[0])


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_it_is_the_post_model_values_and_gradients(make_model, recurrence, num_layers, dtype):
    model = make_model(dtype=dtype, num_hidden_layers=num_layers, recurrence=recurrence)
    post = PostModel(model.config).to(dtype)
    # State dicts load as they are: the LSTM keeps nn.LSTM's names and layout.
    model.model.lstm.load_state_dict(post.rnn.state_dict())
    model.model.embed_tokens.load_state_dict(post.words.state_dict())
    model.lm_head.load_state_dict(post.classifier.state_dict())

    tokens = tokens_of(4, 33)
    tokens[0, -5:] = PAD
    atol = 1e-12 if dtype == torch.float64 else 1e-5
    expected = post(tokens)
    actual = model(tokens).logits
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)
    probe = torch.randn_like(expected)
    (expected * probe).sum().backward()
    (actual * probe).sum().backward()
    for ours, theirs in zip(model.parameters(), post.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=100 * atol)
    assert not model.model.embed_tokens.weight.grad[PAD].any()


def test_looking_products_up_is_multiplying_each_token(make_model):
    """Batches of more positions than the vocabulary has tokens are folded; few positions and embeddings aren't."""
    model = make_model(dtype=torch.float64, recurrence="reference")
    tokens = tokens_of(4, 20)
    tokens[1, 3:6] = PAD
    labels = torch.where(tokens == PAD, -100, tokens)
    folded = model(tokens, labels=labels)
    unfolded = model(inputs_embeds=model.model.embed_tokens(tokens), labels=labels)
    torch.testing.assert_close(folded.logits, unfolded.logits, rtol=0, atol=1e-12)
    assert_equal_gradients(gradients_of(model, folded.loss), gradients_of(model, unfolded.loss))
    for row in range(4):
        for part in tokens[row].split(5):  # 5 positions: below the vocabulary's 15
            torch.testing.assert_close(
                model(part[None]).logits, model(inputs_embeds=model.model.embed_tokens(part[None])).logits
            )


MASKS = {
    "left": [[0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], [0] + [1] * 11],
    "right": [[1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [1] * 11 + [0]],
    "middle": [[1, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1], [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]],
}


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("where", MASKS)
def test_a_padded_position_shows_what_the_last_real_token_left(make_model, stack, recurrence, where):
    """So a right-padded prompt can be continued too."""
    model = make_model(recurrence=recurrence, **stack)
    mask, tokens = torch.tensor(MASKS[where]), tokens_of(2, 12)
    with torch.no_grad():
        logits = model(tokens, attention_mask=mask).logits
    for row in range(2):
        last = None
        for position in range(12):
            last = position if mask[row, position] else last
            if last is not None:
                torch.testing.assert_close(logits[row, position], logits[row, last], rtol=0, atol=1e-5)


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_gradients_ignore_padding(make_model, stack, recurrence):
    model = make_model(dtype=torch.float64, recurrence=recurrence, **stack)
    mask, tokens = torch.tensor(MASKS["middle"]), tokens_of(2, 12)
    padded = model(tokens, attention_mask=mask).logits
    probe = torch.randn_like(padded) * mask[..., None]
    alone = sum(
        (model(tokens[row, mask[row] == 1][None]).logits[0] * probe[row, mask[row] == 1]).sum() for row in range(2)
    )
    assert_equal_gradients(gradients_of(model, (padded * probe).sum()), gradients_of(model, alone), atol=1e-8)


def test_padding_shifts_no_places_in_training(make_model):
    """An example is shifted by its tokens, not by where in the batch they are."""
    model = make_model(dtype=torch.float64, layer_types=["mlstm_example"], max_place_offset=32).train()
    mask, tokens = torch.tensor(MASKS["left"] + MASKS["middle"]), tokens_of(4, 12)
    tokens[:, 4] = 12
    mask[:, 4] = 1
    padded = model(tokens, attention_mask=mask).logits
    for row in range(4):
        real = mask[row] == 1
        torch.testing.assert_close(padded[row, real], model(tokens[row, real][None]).logits[0])


def test_fast_gradients_are_the_reference_s(make_model, stack):
    """In training, where the places of each example are shifted, over several chunks and with padding."""
    model = make_model(dtype=torch.float64, max_place_offset=32, **stack).train()
    tokens, mask = tokens_of(2, 150), torch.rand(2, 150) < 0.9
    actual = model(tokens, attention_mask=mask, labels=tokens)
    gradients = gradients_of(model, actual.loss)
    model.config.recurrence = "reference"
    expected = model(tokens, attention_mask=mask, labels=tokens)
    torch.testing.assert_close(actual.logits, expected.logits)
    assert_equal_gradients(gradients, gradients_of(model, expected.loss), atol=1e-8)


def test_places_are_shifted_in_training_only(make_model):
    model = make_model(layer_types=["mlstm_example"], max_place_offset=32)
    tokens = tokens_of(2, 40)
    still = model(tokens).logits
    moved = model.train()(tokens).logits
    assert not torch.allclose(still, moved) and torch.equal(moved, model(tokens).logits)
    # Only from the first ␁ on.
    model.config.max_place_offset = 0
    torch.testing.assert_close(model(tokens).logits, still)


def test_vectors_of_tokens_are_those_tokens(make_model, stack):
    model = make_model(dtype=torch.float64, **stack)
    tokens = tokens_of(2, 40)
    vectors = model.model.embed_tokens(tokens)
    torch.testing.assert_close(model(inputs_embeds=vectors).logits, model(tokens).logits)
    mask = torch.rand(2, 40) < 0.7
    padded = model(inputs_embeds=vectors, attention_mask=mask)
    torch.testing.assert_close(padded.logits, model(tokens, attention_mask=mask).logits)
    more = model(inputs_embeds=vectors[:, :5], past_key_values=padded.past_key_values).logits
    cache = model(tokens, attention_mask=mask).past_key_values
    torch.testing.assert_close(more, model(tokens[:, :5], past_key_values=cache).logits)


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("length", [1, 6])
def test_rows_without_a_real_token_keep_their_state(make_model, stack, recurrence, length):
    model = make_model(recurrence=recurrence, **stack)
    with torch.no_grad():
        cache = model(tokens_of(3, 8)).past_key_values
        before = [[part.clone() for part in parts_of(layer)] for layer in cache.layers]
        mask = torch.ones(3, length)
        mask[1] = 0
        model(tokens_of(3, length, seed=1), attention_mask=mask, past_key_values=cache)
        for layer, old in zip(cache.layers, before, strict=True):
            assert all(torch.equal(part[1], part_old[1]) for part, part_old in zip(parts_of(layer), old, strict=True))
            assert not torch.equal(layer.keys[0], old[0][0])
        fresh = model(tokens_of(2, length), attention_mask=torch.zeros(2, length))
    assert not any(part.any() for layer in fresh.past_key_values.layers for part in parts_of(layer))


def test_only_the_last_columns_of_a_mask_matter(make_model):
    model = make_model()
    tokens = tokens_of(2, 10)
    with torch.no_grad():
        cache = model(tokens[:, :6], attention_mask=torch.ones(2, 6)).past_key_values
        mask = torch.ones(2, 10)
        mask[:, :6] = 0
        continued = model(tokens[:, 6:], attention_mask=mask, past_key_values=cache).logits
        torch.testing.assert_close(continued, model(tokens).logits[:, 6:], rtol=0, atol=1e-5)


def test_no_token_sees_a_later_one(make_model, stack):
    """Causality by gradients: the scores at position 5 depend on the inputs 0 … 5 and on no other."""
    model = make_model(**stack)
    embeddings = torch.randn(1, 9, 12, requires_grad=True)
    model(inputs_embeds=embeddings).logits[0, 5].sum().backward()
    influence = embeddings.grad[0].abs().sum(dim=-1)
    assert (influence[:6] > 0).all() and not influence[6:].any()


def test_loss_is_the_mean_cost_of_the_next_token(make_model):
    model = make_model()
    tokens = tokens_of(3, 11)
    labels = torch.where(torch.rand(3, 11) < 0.4, -100, tokens)
    outputs = model(tokens, labels=labels)
    costs = F.cross_entropy(outputs.logits[:, :-1].transpose(1, 2), labels[:, 1:], reduction="none")
    counted = labels[:, 1:] != -100
    torch.testing.assert_close(outputs.loss, costs[counted].mean())
    # What a trainer passes on reaches the loss.
    summed = model(tokens, labels=labels, num_items_in_batch=7).loss
    torch.testing.assert_close(summed, costs[counted].sum() / 7)


def test_hidden_states_tuples_and_kept_logits(make_model):
    model = make_model()
    tokens = tokens_of(2, 16)
    outputs = model(tokens, output_hidden_states=True)
    assert [tuple(h.shape) for h in outputs.hidden_states] == [(2, 16, 12), (2, 16, 16), (2, 16, 16)]
    torch.testing.assert_close(outputs.hidden_states[0], model.model.embed_tokens(tokens))
    torch.testing.assert_close(outputs.logits, model.lm_head(outputs.hidden_states[-1]))
    torch.testing.assert_close(outputs.logits, model(tokens).logits)
    assert model(tokens).hidden_states is None

    as_tuple = model(tokens, labels=tokens, output_hidden_states=True, return_dict=False)
    assert isinstance(as_tuple, tuple) and len(as_tuple) == 4
    torch.testing.assert_close(as_tuple[1], outputs.logits)
    model.config.return_dict = False
    assert torch.equal(model(tokens)[0], model(tokens, return_dict=True).logits)
    assert isinstance(model.model(tokens), tuple)
    model.config.return_dict = True

    torch.testing.assert_close(model(tokens, logits_to_keep=1).logits, outputs.logits[:, -1:])
    kept = torch.tensor([3, 9])
    torch.testing.assert_close(model(tokens, logits_to_keep=kept).logits, outputs.logits[:, kept])
    assert model(tokens, use_cache=False).past_key_values is None


def test_hidden_states_of_padded_rows_are_those_of_the_rows_alone(make_model, stack):
    model = make_model(dtype=torch.float64, **stack)
    mask, tokens = torch.tensor(MASKS["middle"]), tokens_of(2, 12)
    padded = model(tokens, attention_mask=mask, output_hidden_states=True).hidden_states
    alone = model(tokens[0, mask[0] == 1][None], output_hidden_states=True).hidden_states
    for a, e in zip(padded, alone, strict=True):
        torch.testing.assert_close(a[0, mask[0] == 1], e[0], rtol=0, atol=1e-5)


def test_dropout_is_between_layers_and_in_training_only(make_model):
    tokens = tokens_of(2, 16)
    model = make_model(dropout=0.5)
    assert torch.equal(model(tokens).logits, model(tokens).logits)
    model.train()
    assert not torch.equal(model(tokens).logits, model(tokens).logits)
    first = [model(tokens, output_hidden_states=True).hidden_states[1] for _ in range(2)]
    assert torch.equal(*first)
    single = make_model(dropout=0.5, num_hidden_layers=1).train()
    assert torch.equal(single(tokens).logits, single(tokens).logits)


@pytest.mark.filterwarnings("ignore:`gradient_checkpointing_enable`:FutureWarning")  # its new name isn't in 5.17
@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_gradient_checkpointing_gives_the_same_gradients(make_model, monkeypatch, recurrence):
    model = make_model(dtype=torch.float64, recurrence=recurrence).train()
    tokens, mask = tokens_of(2, 12), torch.tensor(MASKS["middle"])
    expected = gradients_of(model, model(tokens, attention_mask=mask, labels=tokens).loss)
    calls, layer_weights = [], model.model.lstm.layer_weights
    monkeypatch.setattr(model.model.lstm, "layer_weights", lambda layer: calls.append(layer) or layer_weights(layer))
    model.gradient_checkpointing_enable()
    actual = gradients_of(model, model(tokens, attention_mask=mask, labels=tokens).loss)
    assert calls == [0, 1, 1, 0]  # each layer runs forward, and again for backward
    assert_equal_gradients(actual, expected)


@pytest.mark.filterwarnings("ignore:`gradient_checkpointing_enable`:FutureWarning")  # its new name isn't in 5.17
def test_gradient_checkpointing_of_a_stack_gives_the_same_gradients(make_model, stack):
    model = make_model(dtype=torch.float64, max_place_offset=32, **stack).train()
    tokens, mask = tokens_of(2, 12), torch.tensor(MASKS["middle"])
    expected = gradients_of(model, model(tokens, attention_mask=mask, labels=tokens).loss)
    calls = []
    for layer in model.model.mlstm:
        layer.norm.register_forward_hook(lambda *_: calls.append(1))
    model.gradient_checkpointing_enable()
    actual = gradients_of(model, model(tokens, attention_mask=mask, labels=tokens).loss)
    assert len(calls) == 2 * len(model.model.mlstm)
    assert_equal_gradients(actual, expected)


def test_resized_embeddings_keep_the_old_tokens(make_model):
    model = make_model()
    tokens = tokens_of(2, 20)
    before = model(tokens).logits
    model.resize_token_embeddings(24, mean_resizing=False)
    assert model.config.vocab_size == 24
    after = model(tokens).logits
    assert after.shape[-1] == 24
    torch.testing.assert_close(after[..., :15], before)
    assert model(torch.full((1, 30), 23)).logits.shape == (1, 30, 24)


def test_tied_weights_are_one_tensor(make_model, tmp_path):
    model = make_model(embedding_size=16, tie_word_embeddings=True)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    model.save_pretrained(tmp_path)
    loaded = MetaLSTMForCausalLM.from_pretrained(tmp_path)
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight
    torch.testing.assert_close(loaded(tokens_of(1, 20)).logits, model(tokens_of(1, 20)).logits)


def test_bfloat16_and_autocast_stay_close(make_model):
    model = make_model(scale=1.0)
    tokens = tokens_of(2, 40)
    expected = model(tokens).logits
    for recurrence in RECURRENCES:
        model.config.recurrence = recurrence
        with torch.autocast("cpu", torch.bfloat16):
            mixed = model(tokens, labels=tokens)
        assert mixed.logits.dtype == torch.bfloat16 and torch.isfinite(mixed.loss)
        assert (mixed.logits - expected).abs().max() < 0.03
        half = make_model(scale=1.0)
        half.load_state_dict(model.state_dict())
        half = half.to(torch.bfloat16)
        half.config.recurrence = recurrence
        outputs = half(tokens)
        assert outputs.logits.dtype == torch.bfloat16
        assert (outputs.logits - expected).abs().max() < 0.03
        stepped = half(tokens[:, 39:], past_key_values=half(tokens[:, :39]).past_key_values).logits
        assert (stepped[:, 0] - expected[:, -1]).abs().max() < 0.03


def test_single_precision_of_stacks_is_double_within_rounding(make_model, stack):
    model = make_model(**stack)
    tokens = tokens_of(2, 40)
    tokens[:, ::8], tokens[:, 4::8] = 12, 13
    single = model(tokens).logits
    exact = model.double()(tokens).logits
    assert single.dtype == torch.float32 and exact.dtype == torch.float64
    assert (single - exact).norm() < 1e-5 * exact.norm()


def test_half_precision_of_stacks_stays_close(make_model, stack):
    model = make_model(scale=1.0, **stack)
    tokens = tokens_of(2, 40)
    expected = model(tokens).logits
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model(tokens, labels=tokens)
    assert mixed.logits.dtype == torch.bfloat16 and torch.isfinite(mixed.loss)
    half = model.to(torch.bfloat16)
    first = half(tokens[:, :39])
    last = half(tokens[:, 39:], past_key_values=first.past_key_values).logits
    for logits in (mixed.logits, torch.cat([first.logits, last], dim=1)):
        assert (logits - expected).norm() < 0.05 * expected.norm()


def test_a_batch_without_rows_has_no_scores(make_model, stack):
    tokens = torch.zeros(0, 4, dtype=torch.long)
    assert make_model(**stack)(tokens).logits.shape == (0, 4, 15)


def test_mistakes_are_said_in_a_sentence(make_model):
    model = make_model()
    tokens = tokens_of(2, 4)
    with pytest.raises(ValueError, match="one of the two"):
        model()
    with pytest.raises(ValueError, match="The input has no tokens"):
        model(tokens[:, :0])
    with pytest.raises(ValueError, match="one of the two"):
        model(tokens, inputs_embeds=torch.zeros(2, 4, 12))
    with pytest.raises(ValueError, match=r"at least the 4 columns of the input, but its shape is \(2, 3\)"):
        model(tokens, attention_mask=torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"DynamicCache\(config=model.config\)"):
        model(tokens, past_key_values=DynamicCache())
    with pytest.raises(ValueError, match="state of 2 sequences, but the input has 1"):
        model(tokens[:1], past_key_values=model(tokens).past_key_values)
