"""
The recurrence of a matrix-valued cell, an associative memory: three ways to compute it, held equal by tests.

For each token, a head has a query q and a key k of d numbers, a value v of e numbers, an input gate i and a forget
gate f in (0, 1), and the memory C, a matrix of d × e, from the token before:

    C = f C + i k vᵀ
    y = Cᵀ q

This is the mLSTM of xLSTM (Beck et al. 2024, arXiv 2405.04517) with a sigmoid for its input gate, as in Beck et al.
2025 (arXiv 2503.14376). No weight of a pair of tokens is then larger than 1, so that nothing has to be stabilised, and
what normalises y is left to whoever reads it.

`memory_reference` is the one to read, and reads tokens one by one. `memory_parallel` takes all pairs of tokens at
once, as attention does: products instead of a loop, at a cost that grows with the square of the length.
`memory_chunked` is parallel within chunks and goes from one to the next by the memory, at a cost that grows with the
length.

Shapes: B batch, N heads, S sequence, d a key, e a value. Gates come as logarithms, in float32 or wider; so do the
memory and all sums of gates, whatever the dtype of queries, keys and values.
"""

from typing import Any

import torch
import torch.nn.functional as F

from .derivatives_metalstm import gradients_by_reference
from .loops_metalstm import Loop, one_by_one


def memory_reference(
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
        q, k (`torch.Tensor` of shape `(B, N, S, d)`): queries and keys.
        v (`torch.Tensor` of shape `(B, N, S, e)`): values.
        log_i, log_f (`torch.Tensor` of shape `(B, N, S)`): the gates' logarithms, at most 0. A token of padding has
            -inf and 0: the memory passes it unchanged.
        memory (`torch.Tensor` of shape `(B, N, d, e)`): the memory before the first token.
        starts (`torch.BoolTensor` of shape `(B, S)`, *optional*): the tokens before which the memory is emptied.
        loop (`Callable`): one of `loops_metalstm.py`.

    Returns:
        What the queries read, `(B, N, S, e)` in the dtype of `v`, and the memory after the last token.
    """
    i, f = log_i.exp(), log_f.exp()
    if starts is not None:
        f = f.masked_fill(starts[:, None], 0.0)

    def step(memory: torch.Tensor, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        q_t, k_t, v_t, i_t, f_t = inputs
        added = k_t[..., :, None] * v_t[..., None, :]  # (B, N, d, e)
        memory = f_t[..., None, None] * memory + i_t[..., None, None] * added
        return memory, (q_t[..., None, :] @ memory).squeeze(-2)  # (B, N, e)

    sequences = (x.to(memory.dtype).movedim(2, 0) for x in (q, k, v, i, f))  # (S, B, N, …) each
    memory, outputs = loop(step, memory, *sequences)
    return outputs.movedim(0, 2).to(v.dtype), memory


def memory_parallel(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    log_i: torch.Tensor,
    log_f: torch.Tensor,
    memory: torch.Tensor,
    starts: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    All pairs of tokens at once: what token t reads of token s ≤ t is its value, weighted by

        q_t · k_s × i_s × f_{s+1} … f_t

    Args:
        q, k, v, log_i, log_f, memory, starts: as in `memory_reference`.

    Returns:
        As `memory_reference`.
    """
    return memory_chunked(q, k, v, log_i, log_f, memory, starts, chunk_size=q.shape[2])


def memory_chunked(
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
    Chunks of tokens side by side, each in parallel within itself, and the memory from one to the next.

    Args:
        q, k, v, log_i, log_f, memory, starts: as in `memory_reference`.
        chunk_size (`int`): at most so many tokens a chunk.

    Returns:
        As `memory_reference`.
    """
    batch_size, num_heads, num_tokens, _ = q.shape
    (q, k, v, log_i, log_f, starts), num_chunks = fill_chunks(q, k, v, log_i, log_f, starts, chunk_size)
    size = q.shape[2] // num_chunks
    kept = log_f.unflatten(2, (num_chunks, size)).cumsum(-1)  # (B, N, J, C): since before the chunk, the logarithm
    log_i = log_i.unflatten(2, (num_chunks, size))
    stretch = None
    if starts is not None:  # (B, 1, J, C): how many starts the chunk has had; 0 is still what was before it
        stretch = starts[:, None].unflatten(2, (num_chunks, size)).cumsum(-1)
    chunks = (x.reshape(batch_size * num_heads * num_chunks, size, x.shape[-1]) for x in (q, k, v))
    outputs, memory = _Chunks.apply(*chunks, kept, log_i, memory, stretch)
    return outputs.view(batch_size, num_heads, num_chunks * size, v.shape[-1])[:, :, :num_tokens], memory


def fill_chunks(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    log_i: torch.Tensor,
    log_f: torch.Tensor,
    starts: torch.Tensor | None,
    chunk_size: int,
) -> tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None], int]:
    """
    The tokens, with padding at the end as far as makes chunks of one size, as even as can be.

    Args:
        q, k, v, log_i, log_f, starts: as in `memory_reference`.
        chunk_size (`int`): at most so many tokens a chunk.

    Returns:
        The six, with S a multiple of the number of chunks, and that number. A start leaves its forget gate open: who
        reads chunks empties the memory by `starts`.
    """
    num_tokens = q.shape[2]
    num_chunks = -(-num_tokens // chunk_size)
    if starts is not None:
        # Not by a closed forget gate: sums of its logarithms would leave nothing of the others' digits.
        log_f = log_f.masked_fill(starts[:, None], 0.0)
    filling = num_chunks * -(-num_tokens // num_chunks) - num_tokens
    if filling:
        q, k, v = (F.pad(x, (0, 0, 0, filling)) for x in (q, k, v))
        log_i, log_f = F.pad(log_i, (0, filling), value=-torch.inf), F.pad(log_f, (0, filling))
        starts = None if starts is None else F.pad(starts, (0, filling))
    return (q, k, v, log_i, log_f, starts), num_chunks


class _Chunks(torch.autograd.Function):
    """
    The chunks' products, and their gradients by hand: of the weights of all pairs of tokens, which are most of the
    numbers, autograd would keep and pass over several times as many.

    For J chunks of C tokens: q, k (B·N·J, C, d), v (B·N·J, C, e), kept and log_i (B, N, J, C), memory (B, N, d, e),
    stretch (B, 1, J, C). With K the sum of a chunk's log f up to a token, and M the memory before the chunk,

        w_ts = exp(K_t - K_s + log i_s)                  for s ≤ t, of one stretch
        y_t  = Σ_s w_ts (q_t · k_s) v_s + exp(K_t) Mᵀ q_t
        M'   = exp(K_C) M + Σ_s w_Cs k_s v_sᵀ
    """

    @staticmethod
    def forward(ctx: Any, q, k, v, kept, log_i, memory, stretch):  # type: ignore[no-untyped-def]
        size, num_chunks, dtype = q.shape[1], kept.shape[2], q.dtype
        ends = kept[..., -1:]  # (B, N, J, 1)
        read, left, passed = kept.exp(), (ends - kept + log_i).exp(), ends.exp()
        if stretch is not None:
            is_first, is_last = stretch == 0, stretch == stretch[..., -1:]
            read, left, passed = read * is_first, left * is_last, passed * is_first[..., -1:]

        # The exponents of the future would overflow; those of the past are at most 0.
        weights = kept[..., :, None] - kept[..., None, :]  # (B, N, J, C, C)
        weights = weights.add_(log_i[..., None, :]).clamp_(max=0).exp_().to(dtype)
        weights = weights.tril_() if stretch is None else weights.mul_(_is_read(stretch).to(dtype))
        weights = weights.view(len(q), size, size)
        pairs = torch.bmm(q, k.mT).mul_(weights)  # (B·N·J, C, C)
        y = torch.bmm(pairs, v)  # (B·N·J, C, e)

        left_flat, read_flat = (x.to(dtype).view(len(q), size, 1) for x in (left, read))
        added = torch.bmm((k * left_flat).mT, v).view(*kept.shape[:3], *memory.shape[-2:])  # (B, N, J, d, e)
        memories = [memory]
        for chunk in range(num_chunks):
            memories.append(passed[:, :, chunk, :, None] * memories[-1] + added[:, :, chunk].to(memory.dtype))
        before = torch.stack(memories[:-1], dim=2).to(dtype).view(len(q), *memory.shape[-2:])  # (B·N·J, d, e)
        y.baddbmm_(q * read_flat, before)
        inputs = q, k, v, kept, log_i, memory, stretch
        ctx.save_for_backward(*inputs, weights, pairs, y, read_flat, left_flat, passed, before, *memories)
        return y, memories[-1]

    @staticmethod
    def backward(ctx: Any, dy, d_memory):  # type: ignore[no-untyped-def]
        saved = ctx.saved_tensors  # read once: with checkpointing, each reading computes them anew
        inputs, kept_for_later = saved[:7], saved[7:]
        if torch.is_grad_enabled():  # these gradients are to be differentiated again
            return gradients_by_reference(_chunks_reference, inputs, (dy, d_memory), ctx.needs_input_grad)
        q, k, v = inputs[:3]
        weights, pairs, y, read, left, passed, before, *memories = kept_for_later
        shape, dtype, wide = passed.shape[:3], q.dtype, passed.dtype  # (B, N, J)
        dy = dy.contiguous()

        # From the last chunk to the first: the gradient of the memory after each.
        d_before = torch.bmm((q * read).mT, dy).view(*shape, *d_memory.shape[-2:])  # (B, N, J, d, e)
        after, d_ends = [], []
        for chunk in reversed(range(shape[2])):
            after.append(d_memory)
            d_ends.append((d_memory * memories[chunk + 1]).sum((-2, -1)))  # (B, N)
            d_memory = passed[:, :, chunk, :, None] * d_memory + d_before[:, :, chunk].to(d_memory.dtype)
        d_after = torch.stack(after[::-1], dim=2).to(dtype).view(len(q), *d_memory.shape[-2:])  # (B·N·J, d, e)

        d_products = torch.bmm(dy, v.mT).mul_(weights)  # (B·N·J, C, C)
        dq = torch.baddbmm(torch.bmm(dy, before.mT).mul_(read), d_products, k)
        dk = torch.baddbmm(torch.bmm(v, d_after.mT).mul_(left), d_products.mT, q)
        dv = torch.baddbmm(torch.bmm(k, d_after).mul_(left), pairs.mT, dy)
        # A token's K_t scales all that it reads, and exp(log i_s - K_s) all that is read of it.
        d_kept = (dy * y).sum(-1, dtype=wide).view(*shape, q.shape[1])  # (B, N, J, C)
        d_log_i = (v * dv).sum(-1, dtype=wide).view(*shape, q.shape[1])
        d_kept = d_kept - d_log_i
        d_kept[..., -1] += torch.stack(d_ends[::-1], dim=2)
        return dq, dk, dv, d_kept, d_log_i, d_memory, None


def _chunks_reference(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    kept: torch.Tensor,
    log_i: torch.Tensor,
    memory: torch.Tensor,
    stretch: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`memory_reference` of what `_Chunks` is given."""
    chunks, (batch_size, num_heads) = q.shape[:2], kept.shape[:2]
    q, k, v = (x.view(batch_size, num_heads, -1, x.shape[-1]) for x in (q, k, v))
    outputs, memory = memory_reference(
        q, k, v, log_i.flatten(2), steps_of(kept).flatten(2), memory, starts_of(stretch)
    )
    return outputs.reshape(*chunks, -1), memory


def steps_of(sums: torch.Tensor) -> torch.Tensor:
    """What adds up to these sums along the last axis."""
    return sums.diff(dim=-1, prepend=torch.zeros_like(sums[..., :1]))


def starts_of(stretch: torch.Tensor | None) -> torch.Tensor | None:
    """The starts `(B, J · C)` that were counted, `(B, 1, J, C)`, within each chunk."""
    return None if stretch is None else steps_of(stretch[:, 0]).flatten(1) > 0


def _is_read(stretch: torch.Tensor) -> torch.Tensor:
    """Whether token t reads of token s, `(B, 1, J, C, C)`: it is none of the future, and of the same stretch."""
    return (stretch[..., :, None] == stretch[..., None, :]).tril_()
