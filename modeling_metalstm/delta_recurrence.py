"""
The recurrence of an associative memory that corrects itself, by the delta rule: three ways to compute it, held equal
by tests.

For each token, a head has a query q and a key k of d numbers, a value v of e numbers, an input gate i and a forget
gate f in (0, 1), and the memory C, a matrix of d × e, from the token before. The key, at length 1, is asked what the
memory says of it already, and only what is missing is written:

    u = i (v - f Cᵀ k)
    C = f C + k uᵀ
    y = Cᵀ q

This is the gated delta rule (Yang et al. 2024, arXiv 2412.06464). The memory of `matrix_recurrence.py` adds up all
values of a key; this one fits them, as by a step of least squares each: where a token has been seen with several
others, and with one of them always, that one is what is left.

Shapes: B batch, N heads, S sequence, d a key, e a value. Gates come as logarithms, in float32 or wider; so do the
memory and all that is computed from it, whatever the dtype of queries, keys and values.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
import torch.nn.functional as F

from .derivatives_metalstm import gradients_by_reference
from .loops_metalstm import Loop, one_by_one
from .matrix_recurrence import fill_chunks, starts_of, steps_of


def delta_reference(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    log_i: torch.Tensor,
    log_f: torch.Tensor,
    memory: torch.Tensor,
    starts: torch.Tensor | None = None,
    loop: Loop = one_by_one,
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    The recurrence as its equations read, one token at a time.

    Args:
        q, k (`torch.Tensor` of shape `(B, N, S, d)`): queries and keys; keys of any length, which is taken for 1.
        v (`torch.Tensor` of shape `(B, N, S, e)`): values.
        log_i, log_f (`torch.Tensor` of shape `(B, N, S)`): the gates' logarithms, at most 0. A token of padding has
            -inf and 0: the memory passes it unchanged.
        memory (`torch.Tensor` of shape `(B, N, d, e)`): the memory before the first token.
        starts (`torch.BoolTensor` of shape `(B, S)`, *optional*): the tokens before which the memory is emptied.
        loop (`Callable`): one of `loops_metalstm.py`.

    Returns:
        What the queries read, `(B, N, S, e)` in the dtype of `v`, and the memory after the last token.
    """
    dtype = v.dtype
    q, k, v = (x.to(memory.dtype) for x in (q, k, v))
    k = F.normalize(k, dim=-1)
    i, f = log_i.exp(), log_f.exp()
    if starts is not None:
        f = f.masked_fill(starts[:, None], 0.0)

    def step(memory: torch.Tensor, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        q_t, k_t, v_t, i_t, f_t = inputs
        memory = f_t[..., None, None] * memory
        said = (k_t[..., None, :] @ memory).squeeze(-2)  # (B, N, e)
        memory = memory + k_t[..., :, None] * (i_t[..., None] * (v_t - said))[..., None, :]
        return memory, (q_t[..., None, :] @ memory).squeeze(-2)  # (B, N, e)

    memory, outputs = loop(step, memory, *(x.movedim(2, 0) for x in (q, k, v, i, f)))  # (S, B, N, …) each
    return outputs.movedim(0, 2).to(dtype), memory


def delta_parallel(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    log_i: torch.Tensor,
    log_f: torch.Tensor,
    memory: torch.Tensor,
    starts: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    All tokens at once: what each writes, u, is the solution of a triangular system, as it depends on all before it.

    Args:
        q, k, v, log_i, log_f, memory, starts: as in `delta_reference`.

    Returns:
        As `delta_reference`.
    """
    return delta_chunked(q, k, v, log_i, log_f, memory, starts, chunk_size=q.shape[2])


def delta_chunked(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    log_i: torch.Tensor,
    log_f: torch.Tensor,
    memory: torch.Tensor,
    starts: torch.Tensor | None = None,
    *,
    chunk_size: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Chunks of tokens, each at once within itself, and the memory from one to the next.

    Args:
        q, k, v, log_i, log_f, memory, starts: as in `delta_reference`.
        chunk_size (`int`): at most so many tokens a chunk.

    Returns:
        As `delta_reference`.
    """
    dtype, (batch_size, num_heads, num_tokens, _) = v.dtype, q.shape
    q, k, v = (x.to(memory.dtype) for x in (q, k, v))
    k = F.normalize(k, dim=-1)
    (q, k, v, log_i, log_f, starts), num_chunks = fill_chunks(q, k, v, log_i, log_f, starts, chunk_size)

    def in_chunks(x: torch.Tensor) -> torch.Tensor:
        """(B, N, J·C, …) → (B·N, J, C, …)"""
        return x.unflatten(2, (num_chunks, -1)).flatten(0, 1)

    both = torch.cat([in_chunks(q), in_chunks(k)], dim=2)
    kept = in_chunks(log_f).cumsum(-1)  # (B·N, J, C): since before the chunk, the logarithm
    stretch = None
    if starts is not None:  # (B·N, J, C): how many starts the chunk has had; 0 is still what was before it
        stretch = in_chunks(starts[:, None].expand(-1, num_heads, -1)).cumsum(-1)
    outputs, last = _Chunks.apply(both, in_chunks(v), kept, in_chunks(log_i), memory.flatten(0, 1), stretch)
    outputs = outputs.flatten(1, 2).unflatten(0, (batch_size, num_heads))[:, :, :num_tokens]
    return outputs.to(dtype), last.view_as(memory)


def _in_its_own_dtype(function: Callable[..., Any]) -> Any:
    """A step of an autograd function that autocast leaves alone: a system solved in half precision is too far off."""

    @wraps(function)
    def called(ctx: Any, first: torch.Tensor, *others: Any) -> Any:
        with torch.autocast(first.device.type, enabled=False):
            return function(ctx, first, *others)

    return called


class _Chunks(torch.autograd.Function):
    """
    The chunks, and their gradients by hand, which reuse the solved systems. Queries and keys go together, as `both`,
    the one below the other, since whatever is done to the ones is done to the others.

    For J chunks of C tokens: both (B·N, J, 2C, d), v (B·N, J, C, e), kept, log_i and stretch (B·N, J, C), memory
    (B·N, d, e). With K the sum of a chunk's log f up to a token, M the memory before the chunk, and
    w_ts = exp(K_t - K_s) for tokens s ≤ t of one stretch,

        a_ts = i_t w_ts (k_t · k_s)           for s < t
        u    = (1 + a)⁻¹ r                    with r_t = i_t (v_t - exp(K_t) Mᵀ k_t)
        y_t  = Σ_s w_ts (q_t · k_s) u_s + exp(K_t) Mᵀ q_t
        M'   = exp(K_C) M + Σ_s w_Cs k_s u_sᵀ
    """

    @staticmethod
    @_in_its_own_dtype
    def forward(ctx: Any, both, v, kept, log_i, memory, stretch):  # type: ignore[no-untyped-def]
        (rows, num_chunks, size), k = kept.shape, both[:, :, kept.shape[2] :]
        ends, gates = kept[..., -1:], log_i.exp()[..., None]
        read, left, passed = kept.exp(), (ends - kept).exp(), ends.exp()
        # The exponents of the future would overflow; those of the past are at most 0.
        weights = (kept[..., :, None] - kept[..., None, :]).clamp_(max=0).exp_().tril_()  # (B·N, J, C, C)
        if stretch is not None:
            is_first, is_last = stretch == 0, stretch == stretch[..., -1:]
            read, left, passed = read * is_first, left * is_last, passed * is_first[..., -1:]
            weights.mul_(stretch[..., :, None] == stretch[..., None, :])
        read, left, passed = read.repeat(1, 1, 2)[..., None], left[..., None], passed[..., None]
        products = (both @ k.mT).view(rows, num_chunks, 2, size, size).mul_(weights[:, :, None])
        pairs, of_keys = products.unbind(2)  # (B·N, J, C, C) each
        one = torch.eye(size, dtype=kept.dtype, device=kept.device)
        system = (gates * of_keys).tril_(-1)
        solver = torch.linalg.solve_triangular(system, one.expand_as(system), upper=False, unitriangular=True)
        reads, keeps = both * read, k * left
        missing, u, outputs = (torch.empty_like(v, memory_format=torch.contiguous_format) for _ in range(3))
        memories = [memory]
        for j in range(num_chunks):
            said = torch.bmm(reads[:, j], memory)  # (B·N, 2C, e): for the queries, and of the keys already
            torch.sub(v[:, j], said[:, size:], out=missing[:, j])
            written = torch.bmm(solver[:, j], gates[:, j] * missing[:, j])
            u[:, j] = written
            outputs[:, j] = said[:, :size].baddbmm_(pairs[:, j], written)
            memory = torch.baddbmm(passed[:, j] * memory, keeps[:, j].mT, written)
            memories.append(memory)
        inputs = both, v, kept, log_i, memories[0], stretch
        kept_for_later = gates, read, left, passed, weights, products, solver, reads, keeps, missing, u
        ctx.save_for_backward(*inputs, *kept_for_later, *memories)
        return outputs, memory

    @staticmethod
    @_in_its_own_dtype
    def backward(ctx: Any, dy, d_memory):  # type: ignore[no-untyped-def]
        saved = ctx.saved_tensors  # read once: with checkpointing, each reading computes them anew
        inputs, kept_for_later = saved[:6], saved[6:]
        if torch.is_grad_enabled():  # these gradients are to be differentiated again
            return gradients_by_reference(_chunks_reference, inputs, (dy, d_memory), ctx.needs_input_grad)
        both = inputs[0]
        gates, read, left, passed, weights, products, solver, reads, keeps, missing, u, *memories = kept_for_later
        num_chunks, size = dy.shape[1:3]
        k = both[:, :, size:]
        # From the last chunk to the first: the gradients of what is read of the memory, for queries and of keys, and
        # of the memory after each.
        d_u = products[:, :, 0].mT @ dy  # (B·N, J, C, e): so far by what is read in the same chunk
        d_said, d_r = torch.cat([dy, dy], 2), torch.empty_like(d_u)  # (B·N, J, 2C, e), (B·N, J, C, e)
        of_memory, d_passed = [], []
        for j in reversed(range(num_chunks)):
            of_memory.append(d_memory)
            d_passed.append((d_memory * memories[j]).sum((-2, -1)))  # (B·N,)
            of_r = torch.bmm(solver[:, j].mT, torch.baddbmm(d_u[:, j], keeps[:, j], d_memory))
            d_r[:, j] = of_r
            torch.mul(of_r, -gates[:, j], out=d_said[:, j, size:])
            d_memory = torch.baddbmm(passed[:, j] * d_memory, reads[:, j].mT, d_said[:, j])
        after, before = torch.stack(of_memory[::-1], 1), torch.stack(memories[:-1], 1)  # (B·N, J, d, e) each
        d_products = (d_said @ u.mT).view_as(products)  # (B·N, J, 2, C, C), those of keys times their gates
        d_products[:, :, 1].tril_(-1)
        scaled = d_products * products
        d_log_i = (gates * d_r).mul_(missing).sum(-1).add_(scaled[:, :, 1].sum(-1))
        # Each weight is exp(K_t - K_s): what it weighs scales with the one and against the other.
        scaled = scaled.sum(2)
        d_kept = scaled.sum(-1).sub_(scaled.sum(-2))
        by_pairs = d_products.mul_(weights[:, :, None]).flatten(2, 3)  # (B·N, J, 2C, C)
        d_reads, d_keeps = d_said @ before.mT, u @ after.mT  # (B·N, J, 2C, d), (B·N, J, C, d)
        d_both = (by_pairs @ k).addcmul_(d_reads, read)
        d_both[:, :, size:].add_(by_pairs.mT @ both).addcmul_(d_keeps, left)
        d_kept += d_reads.mul_(reads).sum(-1).view(*d_kept.shape[:2], 2, size).sum(2)
        d_left = d_keeps.mul_(keeps).sum(-1)
        d_kept -= d_left
        d_kept[..., -1] += d_left.sum(-1).addcmul_(torch.stack(d_passed[::-1], 1), passed[..., 0, 0])
        return d_both, d_said[:, :, size:].neg(), d_kept, d_log_i, d_memory, None


def _chunks_reference(
    both: torch.Tensor,
    v: torch.Tensor,
    kept: torch.Tensor,
    log_i: torch.Tensor,
    memory: torch.Tensor,
    stretch: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`delta_reference` of what `_Chunks` is given, each head a row of its own."""
    q, k = both.chunk(2, dim=2)
    q, k, v = (x.flatten(1, 2)[:, None] for x in (q, k, v))  # (B·N, 1, J·C, …)
    log_i, log_f = (x.flatten(1)[:, None] for x in (log_i, steps_of(kept)))
    starts = None if stretch is None else starts_of(stretch[:, None])
    outputs, memory = delta_reference(q, k, v, log_i, log_f, memory[:, None], starts)
    return outputs.reshape(*both.shape[:2], -1, v.shape[-1]), memory[:, 0]
