"""The three ways to compute a matrix memory, by sums or by the delta rule, are one function, gradients too."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch

from modeling_metalstm.delta_recurrence import delta_chunked, delta_parallel, delta_reference
from modeling_metalstm.matrix_recurrence import memory_chunked, memory_parallel, memory_reference

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2}
CHUNKS = [1, 4, 7, 64]
WAYS = {
    "sum": SimpleNamespace(reference=memory_reference, parallel=memory_parallel, chunked=memory_chunked),
    "delta": SimpleNamespace(reference=delta_reference, parallel=delta_parallel, chunked=delta_chunked),
}


@pytest.fixture(params=WAYS)
def ways(request):
    """How a memory writes: its reference, parallel and chunked recurrence."""
    return WAYS[request.param]


def named(ways, name):
    """The recurrence of that name; of "in chunks", in chunks of four."""
    return partial(ways.chunked, chunk_size=4) if name == "in chunks" else getattr(ways, name)


ALL, FAST = ["reference", "parallel", "in chunks"], ["parallel", "in chunks"]


def draw(seed, length, num_heads=2, key_size=5, value_size=3, batch_size=3, dtype=torch.float32):
    """q, k, v in a dtype, the gates' logarithms and a memory, at least in float32; all of them need gradients."""
    torch.manual_seed(seed)
    wide = torch.promote_types(dtype, torch.float32)
    shape = (batch_size, num_heads, length)
    q, k = (torch.randn(*shape, key_size, dtype=dtype) / key_size**0.5 for _ in range(2))
    v = torch.randn(*shape, value_size, dtype=dtype)
    log_i = torch.nn.functional.logsigmoid(torch.randn(shape, dtype=wide))
    log_f = torch.nn.functional.logsigmoid(torch.randn(shape, dtype=wide) + 2)
    memory = torch.randn(batch_size, num_heads, key_size, value_size, dtype=wide)
    return [leaf.requires_grad_() for leaf in (q, k, v, log_i, log_f, memory)]


def with_gradients(recurrence, leaves, real=None, **options):
    """The outputs (of real tokens), the last memory, and the gradients of all inputs, by fixed random probes."""
    outputs, memory = recurrence(*leaves, **options)
    if real is not None:
        outputs = outputs[real[:, None].expand(outputs.shape[:3])]
    torch.manual_seed(1)
    probes = [torch.randn(x.shape, dtype=torch.float64).to(x.dtype) for x in (outputs, memory)]
    return [outputs, memory, *torch.autograd.grad((outputs, memory), leaves, probes)]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("chunk_size", [None, *CHUNKS])
@pytest.mark.parametrize("num_heads", [1, 4])
@pytest.mark.parametrize("length", [1, 2, 17, 70])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_way_is_the_reference_gradients_too(ways, seed, length, num_heads, chunk_size, dtype):
    recurrence = ways.parallel if chunk_size is None else partial(ways.chunked, chunk_size=chunk_size)
    leaves = draw(seed, length, num_heads, dtype=dtype)
    # What half precision is compared with is computed in float32, of the same numbers.
    exact = [leaf.detach().to(torch.promote_types(dtype, torch.float32)).requires_grad_() for leaf in leaves]
    for starts in (None, torch.rand(3, length) < 0.2):
        for actual, expected in zip(
            with_gradients(recurrence, leaves, starts=starts),
            with_gradients(ways.reference, exact, starts=starts),
            strict=True,
        ):
            assert (actual.to(expected.dtype) - expected).norm() <= TOLERANCE[dtype] * max(1, expected.norm())


@pytest.mark.parametrize("name", ALL)
@torch.no_grad()
def test_a_stretch_after_a_start_is_read_by_itself(ways, name):
    q, k, v, log_i, log_f, memory = draw(0, 13, batch_size=1, dtype=torch.float64)
    starts = torch.zeros(1, 13, dtype=torch.bool)
    starts[0, [4, 5, 11]] = True
    outputs, last = named(ways, name)(q, k, v, log_i, log_f, memory, starts)
    for first, end in [(0, 4), (4, 5), (5, 11), (11, 13)]:
        before = memory if first == 0 else torch.zeros_like(memory)
        stretch = [x[:, :, first:end] for x in (q, k, v, log_i, log_f)]
        alone, after = ways.reference(*stretch, before)
        torch.testing.assert_close(outputs[:, :, first:end], alone)
    torch.testing.assert_close(last, after)


@pytest.mark.parametrize("name", ALL)
def test_padding_leaves_the_memory_as_it_is(ways, name):
    leaves = draw(0, 9, dtype=torch.float64)
    real = torch.arange(9) < torch.tensor([9, 4, 0])[:, None]  # (B, S)
    with torch.no_grad():
        leaves[3].masked_fill_(~real[:, None], -torch.inf)
        leaves[4].masked_fill_(~real[:, None], 0)
    _, memory, *gradients = with_gradients(named(ways, name), leaves, real)
    assert torch.equal(memory[2], leaves[5][2])
    for row, length in enumerate([9, 4]):
        alone = [leaf[row : row + 1, :, :length] for leaf in leaves[:5]]
        torch.testing.assert_close(memory[row], ways.reference(*alone, leaves[5][row : row + 1])[1][0])
    assert all(gradient.isfinite().all() for gradient in gradients)
    for gradient in gradients[:3]:  # of queries, keys and values of padding
        assert not gradient[~real[:, None].expand(gradient.shape[:3])].any()


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("lengths", [[13, 6, 0], [1, 12, 5]], ids=str)
def test_padding_after_starts_is_the_reference_s_gradients_too(ways, name, lengths):
    leaves = draw(0, 13, dtype=torch.float64)
    real = torch.arange(13) < torch.tensor(lengths)[:, None]  # (B, S)
    starts = (torch.rand(3, 13) < 0.3) & real
    starts[0, 0] = True
    with torch.no_grad():
        leaves[3].masked_fill_(~real[:, None], -torch.inf)
        leaves[4].masked_fill_(~real[:, None], 0)
    actual, expected = (
        with_gradients(way, leaves, real, starts=starts) for way in (named(ways, name), ways.reference)
    )
    for a, e in zip(actual, expected, strict=True):
        assert a.isfinite().all()
        torch.testing.assert_close(a, e)


@pytest.mark.parametrize("name", ALL)
def test_what_is_before_a_start_has_no_gradient_from_after_it(ways, name):
    leaves = draw(0, 13, dtype=torch.float64)
    starts = torch.zeros(3, 13, dtype=torch.bool)
    starts[:, 6] = True
    outputs, memory = named(ways, name)(*leaves, starts)
    *gradients, d_memory = torch.autograd.grad(outputs[:, :, 6:].sum() + memory.sum(), leaves)
    assert not d_memory.any()
    for gradient in gradients:
        torch.testing.assert_close(gradient[:, :, :6], torch.zeros_like(gradient[:, :, :6]))
        assert not gradient[:, :, :6].abs().max() > 1e-12


@pytest.mark.parametrize("name", FAST)
def test_closed_gates_and_long_sequences_stay_finite(ways, name):
    """A forget gate that closes at every token sums up to a logarithm of -40,000; nothing of it overflows."""
    leaves = draw(0, 1000, dtype=torch.float32)
    with torch.no_grad():
        leaves[4].fill_(-40.0)
    actual, expected = (with_gradients(way, leaves) for way in (named(ways, name), ways.reference))
    for a, e in zip(actual, expected, strict=True):
        assert a.isfinite().all()
        torch.testing.assert_close(a, e, rtol=1e-4, atol=1e-4)


def test_a_half_precision_memory_accumulates_in_float32():
    """512 additions of 1/512: in bfloat16 they would stall at a half."""
    q = torch.ones(1, 1, 512, 1, dtype=torch.bfloat16)
    log_i, log_f = torch.full((1, 1, 512), 1 / 512).log(), torch.zeros(1, 1, 512)
    for recurrence in (named(WAYS["sum"], name) for name in ALL):
        _, memory = recurrence(q, q, q, log_i, log_f, torch.zeros(1, 1, 1, 1))
        assert memory.dtype == torch.float32 and abs(float(memory) - 1) < 0.01


@pytest.mark.parametrize("name", ALL)
def test_by_the_delta_rule_a_new_value_replaces_the_old_one(name):
    """Two keys, one of them written twice: each is read as it was written last."""
    k = torch.tensor([[3.0, 4.0], [-4.0, 3.0], [6.0, 8.0]])[None, None]
    v = torch.tensor([[1.0], [5.0], [2.0]])[None, None]
    open_gates = torch.zeros(1, 1, 3)
    y, memory = named(WAYS["delta"], name)(k / 5, k, v, open_gates, open_gates, torch.zeros(1, 1, 2, 1))
    torch.testing.assert_close(y.flatten(), torch.tensor([1.0, 5.0, 4.0]))  # the last query is of length 2
    torch.testing.assert_close(k[0, 0, :2] @ memory[0, 0] / 5, torch.tensor([[2.0], [5.0]]))
