"""`generate()` on a MetaLSTM: every way to decode, and every way to split, pad and continue a prompt."""

import copy

import pytest
import torch
from transformers import GenerationConfig

NEW = 7


def tokens_of(batch_size, length, seed=0):
    return torch.randint(0, 14, (batch_size, length), generator=torch.Generator().manual_seed(seed))


def generate(model, tokens, **kwargs):
    """NEW more tokens, never stopping early, so that lengths and rows can be compared."""
    kwargs.setdefault("attention_mask", torch.ones_like(tokens))
    return model.generate(tokens, max_new_tokens=NEW, min_new_tokens=NEW, **kwargs)


def test_greedy_is_the_argmax_of_the_whole_sequence_read_anew(make_model):
    model = make_model()
    expected = tokens_of(3, 9)
    result = model.generate(expected, attention_mask=torch.ones_like(expected), max_new_tokens=NEW, eos_token_id=None)
    for _ in range(NEW):
        with torch.no_grad():
            expected = torch.cat([expected, model(expected).logits[:, -1:].argmax(dim=-1)], dim=1)
    assert torch.equal(result, expected)
    assert len(result[:, 9:].unique()) > 1  # a model that says one thing would hide mistakes


def test_it_stops_at_the_end_of_the_sentence(make_model):
    model = make_model()
    with torch.no_grad():
        model.lm_head.bias[model.config.eos_token_id] += 1e3
    assert model.generate(tokens_of(1, 5), max_new_tokens=NEW)[0, 5:].tolist() == [12]


def test_sampling_is_seeded_and_follows_the_probabilities(make_model):
    model = make_model()
    tokens = tokens_of(1, 9).expand(2000, -1)
    with torch.no_grad():
        probabilities = model(tokens[:1]).logits[0, -1].softmax(dim=-1)

    def draw(seed):
        torch.manual_seed(seed)
        return model.generate(
            tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=1, do_sample=True, top_k=0
        )

    assert torch.equal(draw(1), draw(1)) and not torch.equal(draw(1), draw(2))
    frequencies = draw(3)[:, -1].bincount(minlength=15) / 2000
    assert (frequencies - probabilities).abs().max() < 0.05


def test_beam_search_reads_the_right_state(make_model):
    model = make_model()
    tokens = tokens_of(2, 9)
    settings = {"num_beams": 4, "num_return_sequences": 4, "return_dict_in_generate": True, "output_scores": True}
    beams = generate(model, tokens, **settings)
    # Without a cache every beam is read anew: the same result means that reordering moves the states with the beams.
    anew = generate(model, tokens, use_cache=False, **settings)
    assert torch.equal(beams.sequences, anew.sequences)
    torch.testing.assert_close(beams.sequences_scores, anew.sequences_scores)
    assert len({tuple(row) for row in beams.sequences[:4].tolist()}) == 4


@pytest.mark.parametrize("side", ["left", "right", "middle"])
def test_padded_batches_generate_what_each_prompt_generates_alone(make_model, side):
    model = make_model()
    lengths, width = [3, 11, 7], 12
    tokens, mask = tokens_of(3, width), torch.zeros(3, width, dtype=torch.long)
    for row, length in enumerate(lengths):
        real = {
            "left": torch.arange(width - length, width),
            "right": torch.arange(length),
            "middle": torch.randperm(width)[:length].sort().values,
        }[side]
        mask[row, real] = 1
    together = generate(model, tokens, attention_mask=mask)[:, width:]
    for row in range(3):
        assert torch.equal(together[row], generate(model, tokens[row, mask[row] == 1][None])[0, lengths[row] :])


def test_a_prompt_read_once_serves_many_questions(make_model):
    model = make_model()
    examples, questions = tokens_of(1, 30), tokens_of(3, 5, seed=1)
    with torch.no_grad():
        state = model(examples).past_key_values
    prompts = torch.cat([examples.expand(3, -1), questions], dim=1)
    expected = generate(model, prompts)

    state_of_three = copy.deepcopy(state)
    state_of_three.batch_repeat_interleave(3)
    assert torch.equal(generate(model, prompts, past_key_values=state_of_three), expected)
    for row in range(3):  # only the question, with a mask for all that was read
        result = generate(
            model, questions[row][None], attention_mask=torch.ones(1, 35), past_key_values=copy.deepcopy(state)
        )
        assert torch.equal(result[0, 5:], expected[row, 35:])


def test_a_returned_cache_continues(make_model):
    model = make_model()
    tokens = tokens_of(2, 9)
    first = generate(model, tokens, return_dict_in_generate=True)
    longer = torch.cat([first.sequences, tokens_of(2, 4, seed=1)], dim=1)
    assert torch.equal(generate(model, longer, past_key_values=first.past_key_values), generate(model, longer))


@pytest.mark.parametrize(
    "settings",
    [
        {"use_cache": False},
        {"prefill_chunk_size": 4},
        {"cache_implementation": "static"},
        {"cache_implementation": "static", "prefill_chunk_size": 4},
    ],
    ids=str,
)
def test_ways_to_read_the_prompt_agree(make_model, settings):
    model = make_model()
    tokens = tokens_of(2, 11)
    assert torch.equal(generate(model, tokens, **settings), generate(model, tokens))


def test_embeddings_prompt_like_tokens(make_model):
    model = make_model()
    tokens = tokens_of(2, 9)
    embeddings = model.model.embed_tokens(tokens)
    from_embeddings = model.generate(inputs_embeds=embeddings, max_new_tokens=NEW, min_new_tokens=NEW)
    assert torch.equal(from_embeddings, generate(model, tokens)[:, 9:])


def test_bfloat16_generates(make_model):
    model = make_model(dtype=torch.bfloat16)
    assert generate(model, tokens_of(2, 9)).shape == (2, 9 + NEW)
    assert generate(model, tokens_of(2, 9), num_beams=3).shape == (2, 9 + NEW)


def test_assisted_decoding_is_refused(make_model):
    model = make_model()
    with pytest.raises(ValueError, match="not supported with stateful models"):
        generate(model, tokens_of(1, 9), assistant_model=make_model())


def test_translations_are_greedy_by_default(make_model):
    model = make_model()
    assert model.generation_config.do_sample is False
    tokens = tokens_of(1, 9)
    assert torch.equal(generate(model, tokens), generate(model, tokens, generation_config=GenerationConfig()))
