import pytest
import torch

from modeling_metalstm.dispatch_metalstm import IMPLEMENTATIONS, LONG, RECURRENCES, WIDE, plan_call
from modeling_metalstm.matrix_layer_metalstm import MEMORIES

SIZES = {"hidden_size": 16, "vocab_size": 15}


@pytest.mark.parametrize("name", RECURRENCES)
@pytest.mark.parametrize("sequence_length", [1, 2, 80])
@pytest.mark.parametrize("device_type", ["cpu", "cuda"])
def test_every_plan_can_be_run(name, sequence_length, device_type):
    for is_padded, is_frozen, with_gradient in [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]:
        with torch.set_grad_enabled(bool(with_gradient)):
            plan = plan_call(
                name, 4, sequence_length, device_type=device_type, is_padded=is_padded, is_frozen=is_frozen, **SIZES
            )
        assert plan.recurrence in IMPLEMENTATIONS
        assert plan.memory in MEMORIES or plan.memory == plan.recurrence == "step"


def test_matrix_memories_read_long_sequences_in_chunks():
    def choose(name, length):
        return plan_call(name, 4, length, **SIZES).memory

    for name in RECURRENCES:
        assert choose(name, 1) == "reference"
    assert [choose("auto", length) for length in (2, LONG, LONG + 1)] == ["parallel", "parallel", "chunked"]
    assert choose("reference", 1000) == "reference"


@pytest.mark.parametrize("name", [name for name in RECURRENCES if name != "auto"])
def test_what_the_config_names_runs(name):
    assert plan_call(name, 4, 2, **SIZES).recurrence == name


def test_auto_trains_wide_layers_by_the_cpu_recurrence():
    def choose(hidden_size, device_type="cpu"):
        return plan_call("auto", 4, 80, hidden_size=hidden_size, vocab_size=15, device_type=device_type).recurrence

    assert choose(WIDE) == "cpu" and choose(WIDE - 1) == "nn_lstm"
    assert choose(WIDE, "cuda") == "folded"
    with torch.no_grad():
        assert choose(WIDE) == "nn_lstm"


@pytest.mark.parametrize("name", RECURRENCES)
def test_a_single_token_never_goes_through_nn_lstm(name):
    assert plan_call(name, 4, 1, **SIZES).recurrence == "reference"


@pytest.mark.parametrize("name", RECURRENCES)
def test_only_a_plain_token_by_frozen_weights_is_a_step(name):
    def choose(sequence_length=1, **kwargs):
        return plan_call(name, 1, sequence_length, **({"is_frozen": True} | kwargs), **SIZES)

    with torch.no_grad():
        assert choose() == ("step", "step", True)  # by the products that are kept, however few the tokens
        assert choose(needs_vectors=True) == ("step", "step", False)
        assert choose(is_padded=True).recurrence == "reference"
        assert choose(is_frozen=False).recurrence == "reference"
        assert choose(sequence_length=2).recurrence != "step"
        with torch.autocast("cpu", torch.bfloat16):
            assert choose().recurrence == "reference"
    assert choose().recurrence == "reference"  # with a gradient


@pytest.mark.parametrize("name", [name for name in RECURRENCES if name not in ("auto", "nn_lstm")])
def test_the_vocabulary_is_multiplied_where_there_are_more_tokens(name):
    assert plan_call(name, 4, 4, **SIZES).reads_tokens and not plan_call(name, 3, 5, **SIZES).reads_tokens
    assert not plan_call(name, 4, 4, needs_vectors=True, **SIZES).reads_tokens
    assert plan_call(name, 16, 1, **SIZES).reads_tokens and not plan_call(name, 15, 1, **SIZES).reads_tokens


def test_nn_lstm_multiplies_each_token():
    assert not plan_call("nn_lstm", 64, 80, **SIZES).reads_tokens
    assert not plan_call("auto", 64, 80, **SIZES).reads_tokens
