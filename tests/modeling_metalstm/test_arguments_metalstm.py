"""What a call is given beside the tokens is heeded, or refused in a sentence."""

import copy

import pytest
import torch
from transformers import DataCollatorWithFlattening

from .conftest import STACKS

TOKENS = torch.tensor([[12, 0, 1, 13, 6, 7, 12, 1, 13, 7], [12, 3, 13, 9, 12, 3, 2, 13, 9, 8]])


@pytest.mark.parametrize("name", ["cache_params", "state", "rnn_state", "inference_params"])
def test_a_state_by_another_model_s_name(make_model, name):
    model = make_model()
    state = model(TOKENS).past_key_values
    with pytest.raises(ValueError, match=rf"^This model takes its state as `past_key_values`, not as `{name}`\.$"):
        model(TOKENS, **{name: state})


@pytest.mark.parametrize(
    ("name", "meant"),
    [("attention_maks", "attention_mask"), ("past_key_value", "past_key_values"), ("label", "labels")],
)
def test_misspelt_arguments(make_model, name, meant):
    for model in (make_model(), make_model().model):
        with pytest.raises(ValueError, match=rf"no argument `{name}`; did you mean `{meant}`\?$"):
            model(TOKENS, **{name: TOKENS})


def test_what_libraries_pass_along_changes_nothing(make_model):
    model = make_model()
    others = {
        "position_ids": torch.arange(10)[None],
        "output_attentions": True,
        "token_type_ids": TOKENS,
        "state": None,
    }
    others |= {"cache_position": torch.arange(10), "num_items_in_batch": 18, "anything": 1}
    found, expected = model(TOKENS, labels=TOKENS, **others), model(TOKENS, labels=TOKENS)
    assert torch.equal(found.logits, expected.logits)
    torch.testing.assert_close(found.loss, expected.loss)


@pytest.mark.parametrize("told", [("return_seq_idx",), ("return_flash_attn_kwargs",), ()], ids=str)
def test_several_documents_in_a_row_are_refused(make_model, told):
    """Else the state of one would go on into the next."""
    collate = DataCollatorWithFlattening(**dict.fromkeys(told, True))
    documents = [{"input_ids": row[:length].tolist()} for row, length in zip(TOKENS, (7, 10), strict=True)]
    model = make_model()
    with pytest.raises(ValueError, match=r"^A row of this model is one document"):
        model(**collate(documents))
    assert torch.isfinite(model(**collate(documents[:1])).loss)


@pytest.mark.parametrize("shape", [(5,), (2, 5, 1)], ids=str)
def test_tokens_are_rows_of_tokens(make_model, shape):
    with pytest.raises(ValueError, match=r"^`input_ids` must have the shape"):
        make_model()(torch.zeros(shape, dtype=torch.long))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_tokens_of_any_width(make_model, dtype):
    for name in ("lstm-lstm", "example"):
        model = make_model(**STACKS[name])
        assert torch.equal(model(TOKENS.to(dtype)).logits, model(TOKENS).logits)


@pytest.mark.parametrize("token", [-100, -1, 15, 99])
@pytest.mark.parametrize("recurrence", ["auto", "reference", "cpu", "nn_lstm", "folded"])
def test_tokens_outside_of_the_vocabulary(make_model, recurrence, token):
    tokens = TOKENS.repeat(1, 4).clone()
    tokens[0, 3] = token
    with pytest.raises(IndexError):
        make_model(recurrence=recurrence)(tokens)


def test_marks_of_vectors_may_be_said(make_model, stack):
    model = make_model(dtype=torch.float64, **stack)
    vectors, mask = model.get_input_embeddings()(TOKENS).detach(), torch.ones_like(TOKENS)
    mask[0, :2] = 0
    expected = model(TOKENS, attention_mask=mask).logits
    given = {"inputs_embeds": vectors, "attention_mask": mask}
    torch.testing.assert_close(model(**given, mark_ids=TOKENS).logits, expected)
    torch.testing.assert_close(model(**given).logits, expected)
    # Halfway to nothing a mark is still a mark, at nothing only if it is said.
    given["inputs_embeds"] = torch.zeros_like(vectors)
    of_words = model(**given, mark_ids=torch.zeros_like(TOKENS)).logits
    assert torch.equal(model(**given).logits, of_words)
    uses_marks = any(kind.endswith("_example") for kind in model.config.layer_types)
    assert torch.equal(model(**given, mark_ids=TOKENS).logits, of_words) == (not uses_marks)


class TestGeneration:
    @pytest.mark.parametrize("name", ["lstm-lstm", "small-lstm-delta-example-delta"])
    def test_a_state_of_one_row_serves_several_answers(self, make_model, name):
        model = make_model(dtype=torch.float64, **STACKS[name])
        prompt, settings = TOKENS[:1], {"max_new_tokens": 6, "eos_token_id": None, "pad_token_id": 14}
        with torch.no_grad():
            state = model(prompt[:, :6]).past_key_values
        before = copy.deepcopy(state)
        for more in ({"num_beams": 3, "num_return_sequences": 3}, {"num_beams": 2}):
            given = copy.deepcopy(state)
            found = model.generate(prompt, past_key_values=given, **settings, **more)
            assert torch.equal(found, model.generate(prompt, **settings, **more))
        torch.manual_seed(0)
        found = model.generate(prompt, past_key_values=state, do_sample=True, num_return_sequences=4, **settings)
        torch.manual_seed(0)
        assert torch.equal(found, model.generate(prompt, do_sample=True, num_return_sequences=4, **settings))
        for layer, kept in zip(state.layers, before.layers, strict=True):
            assert torch.equal(layer.keys, kept.keys)  # the caller's own stays as it was

    @pytest.mark.parametrize("num_read", [10, 9])
    def test_a_state_that_has_read_the_whole_prompt(self, make_model, num_read):
        model = make_model()
        state = model(TOKENS[:, :num_read]).past_key_values
        with pytest.raises(ValueError, match=rf"^`past_key_values` has read {num_read} tokens, and the prompt has 9:"):
            model.generate(TOKENS[:, :9], past_key_values=state, max_new_tokens=2)

    def test_continuous_batching(self, make_model):
        with pytest.raises(ValueError, match=r"^Continuous batching .* `generate\(\)` takes prompts"):
            make_model().generate_batch([[12, 0, 13], [12, 1, 13]])

    def test_token_healing(self, make_model):
        with pytest.raises(ValueError, match=r"^`token_healing` completes parts of words"):
            make_model().generate(TOKENS, token_healing=True, tokenizer=object(), max_new_tokens=2)

    def test_a_decoding_loop_of_one_s_own(self, make_model, stack):
        def greedy(model, input_ids, past_key_values=None, **kwargs):
            for _ in range(3):
                has_read = past_key_values is not None and past_key_values.get_seq_length() > 0
                newest = input_ids[:, -1:] if has_read else input_ids
                output = model(newest, past_key_values=past_key_values)
                past_key_values = output.past_key_values
                input_ids = torch.cat([input_ids, output.logits[:, -1:].argmax(-1)], dim=1)
            return input_ids

        model = make_model(dtype=torch.float64, **stack)
        found = model.generate(TOKENS, custom_generate=greedy, max_new_tokens=3)
        assert torch.equal(found, model.generate(TOKENS, max_new_tokens=3, eos_token_id=None))

    def test_a_decoding_loop_that_tries_candidates(self, make_model, stack):
        """Contrastive search on the Hub expands what the model is given and repeats its state in two steps."""

        def most_probable_after_next(model, input_ids, past_key_values=None, **kwargs):
            output = model(input_ids, past_key_values=past_key_values)
            _, kept = model._expand_inputs_for_generation(
                input_ids=input_ids, expand_size=3, past_key_values=output.past_key_values
            )
            state = kept["past_key_values"]
            state.batch_repeat_interleave(3)
            candidates = output.logits[:, -1].topk(3).indices
            logits = model(candidates.view(-1, 1), past_key_values=state).logits[:, -1]
            best = logits.max(-1).values.view(-1, 3).argmax(-1)
            state.batch_select_indices(torch.arange(len(best)) * 3 + best)
            chosen = torch.cat([input_ids, candidates.gather(1, best[:, None])], dim=1)
            newest = model(chosen[:, -1:], past_key_values=state).logits[:, -1].argmax(-1)
            return torch.cat([chosen, newest[:, None]], dim=1)

        model = make_model(dtype=torch.float64, **stack)
        found = model.generate(TOKENS, custom_generate=most_probable_after_next, max_new_tokens=2)
        for row, prompt in zip(found, TOKENS, strict=True):
            candidates = model(prompt[None]).logits[0, -1].topk(3).indices
            after = [model(torch.cat([prompt, candidate[None]])[None]).logits[0, -1] for candidate in candidates]
            best = max(range(3), key=lambda number: after[number].max())
            assert row[len(prompt)] == candidates[best]
            read_twice = torch.cat([prompt, candidates[best][None], candidates[best][None]])[None]
            assert row[-1] == model(read_twice).logits[0, -1].argmax()
