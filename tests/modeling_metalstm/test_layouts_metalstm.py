"""Weights laid out for speed give what the plain ones give, and are never used after a change of the weights."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
import torch.nn.functional as F

from modeling_metalstm import layouts_metalstm
from modeling_metalstm.layouts_metalstm import Layouts, PackedLinear, can_pack


@pytest.fixture(params=["packed", "plain"])
def kind(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(layouts_metalstm, "_LINEAR", None)
    return request.param


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("rows", [1, 3, 40])
def test_a_packed_product_is_the_plain_product(kind, dtype, rows):
    torch.manual_seed(0)
    weight, inputs = torch.randn(24, 36, dtype=dtype), torch.randn(rows, 36, dtype=dtype)
    multiply = PackedLinear(weight, num_rows=8)
    assert multiply.is_packed == (can_pack(dtype, weight.device) and kind == "packed")
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.15}[dtype]
    for added in (None, torch.randn(24, dtype=dtype), torch.randn(rows, 24, dtype=dtype)):
        expected = F.linear(inputs, weight) if added is None else F.linear(inputs, weight) + added
        torch.testing.assert_close(multiply(inputs, added), expected, rtol=0, atol=tolerance)


def test_this_machine_packs_float32():
    """Otherwise the tests above would compare the plain product with itself."""
    assert can_pack(torch.float32, torch.device("cpu")) == torch.backends.mkldnn.is_available()
    assert not can_pack(torch.float64, torch.device("cpu")) and not can_pack(torch.float32, torch.device("meta"))


def test_a_layout_is_made_once_whoever_asks():
    layouts, made = Layouts(), []
    makers = {key: lambda key=key: made.append(key) or object() for key in "ab"}
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: layouts.get(makers), range(100)))
    assert sorted(made) == ["a", "b"] and len({tuple(map(id, result)) for result in results}) == 1
    assert layouts.get({"b": None, "a": None}) == results[0][::-1]


def test_threads_that_ask_together_share_the_making():
    layouts, both = Layouts(), Barrier(2, timeout=30)
    makers = dict.fromkeys("ab", both.wait)  # which neither thread gets past alone
    with ThreadPoolExecutor(2) as pool:
        a, b = pool.map(lambda _: layouts.get(makers), range(2))
    assert a == b and sorted(a) == [0, 1]


def test_what_could_not_be_made_is_said_to_all():
    layouts = Layouts()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            layouts.get({"a": lambda: 1 / 0})


@torch.no_grad()
def test_generation_sees_every_change_of_the_weights(make_model):
    """Also those that leave no trace, by `.data`: layouts don't outlive a call of `generate()`."""
    model, other = make_model(), make_model()
    for parameter in other.parameters():
        parameter.copy_(torch.randn_like(parameter))
    tokens = torch.randint(0, 14, (2, 9))

    def answer(model):
        return model.generate(tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=8, min_new_tokens=8)

    before = answer(model)
    for parameter, new in zip(model.parameters(), other.parameters(), strict=True):
        parameter.data.copy_(new)
    assert model.model.lstm.layouts is None
    assert torch.equal(answer(model), answer(other)) and not torch.equal(answer(model), before)


def test_frozen_weights_thaw_also_after_an_error(make_model):
    model = make_model()
    lstm = model.model.lstm
    with pytest.raises(RuntimeError, match="stop"), model.frozen_weights():
        with model.model.frozen_weights():  # one inside another keeps what is there
            layouts = lstm.layouts
        assert lstm.layouts is layouts
        raise RuntimeError("stop")
    assert lstm.layouts is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_gradients_through_frozen_weights(make_model, dtype):
    """The parts of a training step share layouts: they give the gradients that each part gives by itself."""
    model = make_model(recurrence="cpu")
    tokens = torch.randint(0, 14, (4, 20))

    def gradients():
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = sum(model(part, labels=part, use_cache=False).loss for part in tokens.split(2))
        return torch.autograd.grad(loss, list(model.parameters()))

    expected = gradients()
    with model.frozen_weights():
        actual = gradients()
    for a, e in zip(actual, expected, strict=True):
        assert torch.equal(a, e)


def test_weights_that_several_have_frozen_thaw_with_the_last(make_model):
    model = make_model()
    lstm = model.model.lstm
    first, second = model.frozen_weights(), model.frozen_weights()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert lstm.layouts is not None
    second.__exit__(None, None, None)
    assert lstm.layouts is None
