"""
The recurrence `"cpu"`, for training wide layers: the same function as `lstm_reference`, within the dtype's rounding.

Its cost is that of its matrix products, nearly: the recurrent matrix is laid out once for all tokens, forward and
again for backward; its gradient is one product after the loop over the tokens; everything else works in place on
buffers made once. Products are in the dtype of the inputs, or in autocast's; the cell state and everything elementwise
in float32.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd import Function

from .derivatives_metalstm import gradients_by_reference
from .layouts_metalstm import Layouts, PackedLinear, can_pack
from .recurrence import lstm_reference

MANY = 256
"""Beyond so many tokens in a table, their gradients are added up row by row, not by a product with one-hot rows."""

_SIGMOID_SLOPE = torch.ops.aten.sigmoid_backward.grad_input  # grad · y (1 − y)
_TANH_SLOPE = torch.ops.aten.tanh_backward.grad_input  # grad · (1 − y²)


def lstm_cpu(
    gates_x: torch.Tensor,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weight_hh: torch.Tensor,
    tokens: torch.Tensor | None = None,
    layouts: Layouts | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    Args:
        gates_x, h0, c0, weight_hh, tokens: as in `lstm_reference`; fastest with a table, or where `gates_x` is stored
            time-major.
        layouts (`Layouts`, *optional*): where the layer's laid out weights are kept from call to call.

    Returns:
        As `lstm_reference`; the outputs are stored time-major.
    """
    if tokens is None:
        gates_x = gates_x.transpose(0, 1)
    else:
        tokens = tokens.t().contiguous()
    inputs = (gates_x, tokens, h0, c0, weight_hh)
    outputs, h, c = _Recurrence.apply(*inputs, layouts or Layouts(), torch.is_grad_enabled())
    return outputs.transpose(0, 1), h, c


class _Recurrence(Function):
    """
    Time-major: `gates_x (S, B, 4H)`, or `(V, 4H)` and tokens `(S, B)`, to outputs `(S, B, H)` and the last state.

    tanh(x) is written 2 σ(2x) − 1, as ATen's float32 σ is several times as fast as its tanh.
    """

    @staticmethod
    def forward(
        ctx: Any,
        gates_x: torch.Tensor,
        tokens: torch.Tensor | None,
        h0: torch.Tensor,
        c0: torch.Tensor,
        weight_hh: torch.Tensor,
        layouts: Layouts,
        with_backward: bool,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        num_steps, batch_size = (gates_x if tokens is None else tokens).shape[:2]
        hidden_size = weight_hh.shape[1]
        dtype, state_dtype = gates_x.dtype, torch.promote_types(gates_x.dtype, torch.float32)
        makers = {("hh", dtype): lambda: PackedLinear(weight_hh.to(dtype), batch_size)}
        if with_backward:
            makers["hh transposed", dtype] = lambda: PackedLinear(weight_hh.to(dtype).t().contiguous(), batch_size)
        multiply, *multiply_back = layouts.get(makers)
        # What backward needs of every token; h and c also hold the state before the first.
        h = gates_x.new_empty(num_steps + 1, batch_size, hidden_size)  # (S + 1, B, H)
        c = h.new_empty(h.shape, dtype=state_dtype)  # (S + 1, B, H)
        tanh_c = c.new_empty(num_steps, batch_size, hidden_size)  # (S, B, H)
        gates = c.new_empty(num_steps, batch_size, 4, hidden_size)  # (S, B, 4, H), after σ and tanh
        h[0], c[0] = h0, c0

        @torch.inference_mode()
        def read(rows: slice) -> None:
            xs = (gates_x if tokens is None else tokens)[:, rows]  # (S, b, 4H) or (S, b), of b rows
            found = None if tokens is None else gates_x.new_empty(xs.shape[1], gates_x.shape[1])  # (b, 4H)
            for x_t, h_in, h_out, c_in, c_out, tanh_t, gates_t in zip(
                xs, *(part[:, rows] for part in (h, h[1:], c, c[1:], tanh_c, gates)), strict=False
            ):
                if tokens is not None:
                    x_t = torch.index_select(gates_x, 0, x_t, out=found)
                gates_t.flatten(1).copy_(multiply(h_in, x_t))  # (b, 4H)
                i, f, g, o = gates_t.unbind(1)  # (b, H) each
                g.mul_(2)
                gates_t.sigmoid_()
                g.mul_(2).sub_(1)  # now tanh(g)
                torch.mul(f, c_in, out=c_out).addcmul_(i, g)
                torch.mul(c_out, 2, out=tanh_t).sigmoid_().mul_(2).sub_(1)
                h_out.copy_(o * tanh_t)

        _side_by_side(read, batch_size)
        ctx.save_for_backward(gates_x, tokens, h0, c0, weight_hh, h, c, tanh_c, gates)
        ctx.multiply, ctx.table_size = multiply_back, len(gates_x)
        ctx.dtypes = (gates_x.dtype, h0.dtype, c0.dtype, weight_hh.dtype)
        return h[1:], h[-1].clone(), c[-1].clone()

    @staticmethod
    def backward(
        ctx: Any, grad_outputs: torch.Tensor, grad_h: torch.Tensor, grad_c: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        *inputs, h, c, tanh_c, gates = ctx.saved_tensors
        if torch.is_grad_enabled():  # these gradients are to be differentiated again
            found = gradients_by_reference(
                _time_major_reference, inputs, (grad_outputs, grad_h, grad_c), ctx.needs_input_grad[:5]
            )
            return *found, None, None
        tokens = inputs[1]
        num_steps, batch_size, _, hidden_size = gates.shape
        (multiply,), needs_dh0 = ctx.multiply, ctx.needs_input_grad[2]
        d_gates = h.new_empty(num_steps, batch_size, 4 * hidden_size)  # (S, B, 4H), of the gates before σ and tanh
        # (B, H) each: the gradients of the state, from the last token back to the first.
        dh0, dc0 = grad_h.to(h.dtype, copy=True), grad_c.to(c.dtype, copy=True)

        @torch.inference_mode()
        def read_back(rows: slice) -> None:
            dh_in, dc = dh0[rows], dc0[rows]
            slopes = torch.empty_like(gates[0, rows])  # (b, 4, H): of c by i, f and g, of h by o
            slope_i, slope_f, slope_g, slope_o = slopes.unbind(1)
            dh, dc_t = torch.empty_like(dc), torch.empty_like(dc)
            for t in reversed(range(num_steps)):
                i, f, g, o = gates[t, rows].unbind(1)
                _SIGMOID_SLOPE(g, i, grad_input=slope_i)
                _SIGMOID_SLOPE(c[t, rows], f, grad_input=slope_f)
                _TANH_SLOPE(i, g, grad_input=slope_g)
                _SIGMOID_SLOPE(tanh_c[t, rows], o, grad_input=slope_o)
                dh.copy_(grad_outputs[t, rows]).add_(dh_in)  # from the layer above, and from the next token
                torch.mul(o, dh, out=dc_t)
                dc.add_(_TANH_SLOPE(dc_t, tanh_c[t, rows], grad_input=dc_t))
                slopes[:, :3].mul_(dc[:, None])
                slope_o.mul_(dh)
                d_gates[t, rows].copy_(slopes.flatten(1))
                dc.mul_(f)
                if t > 0 or needs_dh0:
                    dh_in = multiply(d_gates[t, rows])
            dh0[rows] = dh_in

        _side_by_side(read_back, batch_size)
        gates_dtype, h_dtype, c_dtype, weight_dtype = ctx.dtypes
        d_weight = None
        if ctx.needs_input_grad[4]:
            d_weight = _transposed_product(d_gates.flatten(0, 1), h[:-1].flatten(0, 1)).to(weight_dtype)  # (4H, H)
        if tokens is not None and ctx.needs_input_grad[0]:
            d_gates = _sum_by_token(d_gates.flatten(0, 1), tokens.flatten(), ctx.table_size)
        return (
            d_gates.to(gates_dtype),
            None,
            dh0.to(h_dtype) if needs_dh0 else None,
            dc0.to(c_dtype),
            d_weight,
            None,
            None,
        )


def _time_major_reference(
    gates_x: torch.Tensor,
    tokens: torch.Tensor | None,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weight_hh: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`lstm_reference` of what `_Recurrence` is given."""
    gates_x, tokens = (gates_x.transpose(0, 1), None) if tokens is None else (gates_x, tokens.t())
    outputs, h, c = lstm_reference(gates_x, h0, c0, weight_hh.to(gates_x.dtype), tokens)
    return outputs.transpose(0, 1), h, c


def _sum_by_token(rows: torch.Tensor, tokens: torch.Tensor, table_size: int) -> torch.Tensor:
    """The sum of each token's rows: `(N, M)` and tokens `(N,)` to `(V, M)`."""
    if table_size > MANY:
        return rows.new_zeros(table_size, rows.shape[1]).index_add_(0, tokens, rows)
    # One product with one-hot rows adds up in float32, and in a fraction of the time of adding up row by row.
    return F.one_hot(tokens, table_size).to(rows.dtype).t() @ rows


def _side_by_side(work: Callable[[slice], None], num_rows: int) -> None:
    """
    Runs `work` on all rows, as many at a time as torch has threads: threads that take rows each meet once, where
    threads inside of each operation would meet thousands of times.
    """
    num_threads = min(torch.get_num_threads(), num_rows)
    if num_threads == 1:
        work(slice(None))
        return
    bounds = [num_rows * i // num_threads for i in range(num_threads + 1)]
    # Threads of their own: a pool whose threads torch is to use one core each.
    list(_pool(num_threads).map(work, map(slice, bounds, bounds[1:])))


@lru_cache(maxsize=1)
def _pool(num_threads: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(num_threads, "lstm_cpu", torch.set_num_threads, (1,))
    wait = threading.Barrier(num_threads)
    list(pool.map(lambda _: wait.wait(), range(num_threads)))  # all have started
    torch.set_num_threads(num_threads)  # what the last thread set is what torch gives to new threads
    return pool


def _transposed_product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """`aᵀ b` of `(N, K)` and `(N, M)`."""
    if a.dtype == torch.float32 and can_pack(a.dtype, a.device):
        return PackedLinear(b.t(), a.shape[1])(a.t())  # up to twice as fast as mm, whose float32 isn't oneDNN's
    return torch.mm(a.t(), b)
