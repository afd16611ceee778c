"""`generate()` on a MetaLSTM: every way to decode, and every way to split, pad and continue a prompt."""

import copy

import pytest
import torch
from transformers import GenerationConfig
from transformers.generation import BaseStreamer

from modeling_metalstm import MetaLSTMForCausalLM, build_tokenizer

from .conftest import STACKS

NEW = 7


def tokens_of(batch_size, length, seed=0):
    return torch.randint(0, 14, (batch_size, length), generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def make_model(make_model):
    """Without biases a model says many things, and by its memories: one that repeats words would hide mistakes."""

    def make(scale=4.0, **config):
        model = make_model(scale=scale, **config)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "bias" in name:
                    parameter.zero_()
                if name.endswith("out_proj.weight"):  # what is read of a memory, against the word itself
                    parameter.mul_(8)
            model.lm_head.bias[model.config.pad_token_id] = -1e3
        return model

    return make


def generate(model, tokens, **kwargs):
    """NEW more tokens, never stopping early, so that lengths and rows can be compared."""
    kwargs.setdefault("attention_mask", torch.ones_like(tokens))
    return model.generate(tokens, max_new_tokens=NEW, min_new_tokens=NEW, **kwargs)


def test_greedy_is_the_argmax_of_the_whole_sequence_read_anew(make_model, stack):
    model = make_model(dtype=torch.float64, **stack)
    expected = tokens_of(3, 9)
    result = model.generate(expected, attention_mask=torch.ones_like(expected), max_new_tokens=NEW, eos_token_id=None)
    for _ in range(NEW):
        with torch.no_grad():
            expected = torch.cat([expected, model(expected).logits[:, -1:].argmax(dim=-1)], dim=1)
    assert torch.equal(result, expected)
    # What follows a word depends on what was before it: a model that only looks at its last word would hide mistakes.
    said = result[:, 9:]
    assert len(said.unique()) > 4
    assert len(said.unfold(1, 2, 1).flatten(0, 1).unique(dim=0)) > len(said[:, :-1].unique())


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


def test_beam_search_reads_the_right_state(make_model, stack):
    model = make_model(dtype=torch.float64, **stack)
    tokens = tokens_of(2, 9)
    settings = {"num_beams": 4, "num_return_sequences": 4, "return_dict_in_generate": True, "output_scores": True}
    beams = generate(model, tokens, **settings)
    # Without a cache every beam is read anew: the same result means that reordering moves the states with the beams.
    anew = generate(model, tokens, use_cache=False, **settings)
    assert torch.equal(beams.sequences, anew.sequences)
    torch.testing.assert_close(beams.sequences_scores, anew.sequences_scores)
    assert len({tuple(row) for row in beams.sequences[:4].tolist()}) == 4


@pytest.mark.parametrize("side", ["left", "right", "middle"])
def test_padded_batches_generate_what_each_prompt_generates_alone(make_model, stack, side):
    model = make_model(dtype=torch.float64, **stack)
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


def test_a_prompt_read_once_serves_many_questions(make_model, stack):
    model = make_model(dtype=torch.float64, **stack)
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


def test_a_returned_cache_continues(make_model, stack):
    model = make_model(dtype=torch.float64, **stack)
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
def test_ways_to_read_the_prompt_agree(make_model, stack, settings):
    model = make_model(dtype=torch.float64, **stack)
    tokens = tokens_of(2, 11)
    assert torch.equal(generate(model, tokens, **settings), generate(model, tokens))


def test_embeddings_prompt_like_tokens(make_model, stack):
    model = make_model(dtype=torch.float64, **stack)
    tokens = tokens_of(2, 9)
    embeddings = model.model.embed_tokens(tokens)
    from_embeddings = model.generate(inputs_embeds=embeddings, max_new_tokens=NEW, min_new_tokens=NEW)
    assert torch.equal(from_embeddings, generate(model, tokens)[:, 9:])


def test_bfloat16_generates(make_model, stack):
    model = make_model(dtype=torch.bfloat16, **stack)
    assert generate(model, tokens_of(2, 9)).shape == (2, 9 + NEW)
    assert generate(model, tokens_of(2, 9), num_beams=3).shape == (2, 9 + NEW)


def test_float16_generates(make_model):
    model = make_model(dtype=torch.float16, scale=1.0)
    exact = make_model(scale=1.0)
    exact.load_state_dict(model.state_dict())
    tokens = tokens_of(2, 9)
    half = model(tokens).logits
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), exact(tokens).logits, rtol=1e-3, atol=5e-3)
    assert torch.equal(generate(model, tokens), generate(exact, tokens))


def test_beam_sampling_is_seeded(make_model, stack):
    model = make_model(dtype=torch.float64, **stack)

    def draw(seed):
        torch.manual_seed(seed)
        settings = {"do_sample": True, "temperature": 5.0, "num_beams": 3, "num_return_sequences": 2}
        return generate(model, tokens_of(2, 9), **settings)

    assert draw(1).shape == (4, 9 + NEW)
    assert torch.equal(draw(1), draw(1)) and not torch.equal(draw(1), draw(2))


def test_logits_processors_shape_the_answers(make_model):
    model = make_model()
    tokens = tokens_of(2, 9)
    said = generate(model, tokens)[:, 9:].unique().tolist()
    banned = generate(model, tokens, bad_words_ids=[[word] for word in said])[:, 9:]
    assert not set(banned.flatten().tolist()) & set(said)

    def only_three(input_ids, scores):
        return torch.full_like(scores, -torch.inf).index_fill(1, torch.tensor([3]), 0.0)

    assert (generate(model, tokens, logits_processor=[only_three])[:, 9:] == 3).all()
    samples = generate(model, tokens, do_sample=True, temperature=0.7, top_p=0.9, num_return_sequences=3)
    assert samples.shape == (6, 9 + NEW)


def test_stop_strings_end_a_row(make_model):
    model, tokenizer = make_model(), build_tokenizer()
    tokens = tokens_of(2, 9)
    whole = generate(model, tokens)
    texts = [tokenizer.decode(row).split() for row in whole[:, 9:]]
    stop = texts[0][2]  # a word that the first row says at once or later
    stopped = model.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=NEW,
        min_new_tokens=NEW,
        stop_strings=stop,
        tokenizer=tokenizer,
    )
    for row, text in enumerate(texts):
        length = text.index(stop) + 1 if stop in text else NEW
        said = tokenizer.decode(stopped[row, 9:]).split()
        assert said[:length] == text[:length] and set(said[length:]) <= {"<pad>"}
    # A string across words, of a list; and the prompt's own words don't count.
    pair = " ".join(texts[0][:2])
    settings = {"attention_mask": torch.ones(1, 9), "max_new_tokens": NEW, "eos_token_id": None}
    across = model.generate(tokens[:1], stop_strings=["nowhere", pair], tokenizer=tokenizer, **settings)
    assert tokenizer.decode(across[0, 9:]) == pair
    with pytest.raises(ValueError, match="tokenizer"):
        model.generate(tokens[:1], stop_strings=pair, **settings)


def test_streamers_get_each_token(make_model):
    class Collector(BaseStreamer):
        def __init__(self):
            self.tokens, self.ended = [], False

        def put(self, value):
            self.tokens += value.flatten().tolist()

        def end(self):
            self.ended = True

    streamer, tokens = Collector(), tokens_of(1, 9)
    assert generate(make_model(), tokens, streamer=streamer)[0].tolist() == streamer.tokens and streamer.ended


@pytest.mark.parametrize("name", ["lstm-lstm", "small-lstm-example-mlstm"])
def test_compiled_models_agree(make_model, name):
    model = make_model(dtype=torch.float64, **STACKS[name])
    tokens = tokens_of(2, 20)
    compiled = torch.compile(model, backend="aot_eager")  # inductor's kernels are torch's to test
    torch.testing.assert_close(compiled(tokens).logits, model(tokens).logits)
    assert torch.equal(generate(compiled, tokens), generate(model, tokens))


@pytest.mark.parametrize(
    "device_map",
    ["cpu", "auto", {"": "cpu"}, {"model.embed_tokens": "cpu", "model.lstm": "disk", "lm_head": "cpu"}],
    ids=["cpu", "auto", "whole", "offloaded"],
)
def test_device_maps(make_model, tmp_path, device_map):
    model = make_model()
    model.save_pretrained(tmp_path)
    loaded = MetaLSTMForCausalLM.from_pretrained(tmp_path, device_map=device_map, offload_folder=tmp_path / "offload")
    tokens = tokens_of(2, 9)
    assert torch.equal(loaded(tokens).logits, model(tokens).logits)
    assert torch.equal(generate(loaded, tokens), generate(model, tokens))


STACK_ON_CPU = dict.fromkeys(["model.embed_tokens", "model.lstm", "model.mlstm", "model.norm", "lm_head"], "cpu")


@pytest.mark.parametrize("offloaded", ["model.lstm", "model.mlstm"])
def test_layers_of_a_stack_can_be_offloaded(make_model, tmp_path, offloaded):
    model = make_model(layer_types=["lstm", "mlstm_example", "mlstm"])
    model.save_pretrained(tmp_path)
    loaded = MetaLSTMForCausalLM.from_pretrained(
        tmp_path, device_map=STACK_ON_CPU | {offloaded: "disk"}, offload_folder=tmp_path / "offload"
    )
    tokens = tokens_of(2, 9)
    assert torch.equal(loaded(tokens).logits, model(tokens).logits)
    assert torch.equal(generate(loaded, tokens), generate(model, tokens))


def test_resized_models_generate_the_new_words(make_model):
    model = make_model()
    model.resize_token_embeddings(20, mean_resizing=False)
    with torch.no_grad():
        model.lm_head.bias[19] += 1e3
    assert (generate(model, tokens_of(2, 9))[:, 9:] == 19).all()


@pytest.mark.parametrize(
    "settings", [{"prompt_lookup_num_tokens": 2}, {"assistant_early_exit": 1}, {"assistant_model": "itself"}], ids=str
)
def test_assisted_decoding_is_refused(make_model, settings):
    model = make_model()
    if "assistant_model" in settings:
        settings = {"assistant_model": make_model()}
    with pytest.raises(ValueError, match="not supported with stateful models"):
        generate(model, tokens_of(1, 9), **settings)


def test_translations_are_greedy_by_default(make_model):
    model = make_model()
    assert model.generation_config.do_sample is False
    tokens = tokens_of(1, 9)
    assert torch.equal(generate(model, tokens), generate(model, tokens, generation_config=GenerationConfig()))
