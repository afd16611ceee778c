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

import torch


def memory_reference(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, log_i: torch.Tensor, log_f: torch.Tensor, memory: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    The recurrence as its equations read, one token at a time.

    Args:
        q, k (`torch.Tensor` of shape `(B, N, S, d)`): queries and keys.
        v (`torch.Tensor` of shape `(B, N, S, e)`): values.
        log_i, log_f (`torch.Tensor` of shape `(B, N, S)`): the gates' logarithms, at most 0. A token of padding has
            -inf and 0: the memory passes it unchanged.
        memory (`torch.Tensor` of shape `(B, N, d, e)`): the memory before the first token.

    Returns:
        What the queries read, `(B, N, S, e)` in the dtype of `v`, and the memory after the last token.
    """
    outputs = []
    for q_t, k_t, v_t, i_t, f_t in zip(*(x.unbind(2) for x in (q, k, v, log_i.exp(), log_f.exp())), strict=True):
        added = k_t.to(memory.dtype)[..., :, None] * v_t.to(memory.dtype)[..., None, :]  # (B, N, d, e)
        memory = f_t[..., None, None] * memory + i_t[..., None, None] * added
        outputs.append((q_t.to(memory.dtype)[..., None, :] @ memory).squeeze(-2))  # (B, N, e)
    return torch.stack(outputs, dim=2).to(v.dtype), memory


def memory_parallel(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, log_i: torch.Tensor, log_f: torch.Tensor, memory: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    All pairs of tokens at once: what token t reads of token s ≤ t is its value, weighted by

        q_t · k_s × i_s × f_{s+1} … f_t

    Args:
        q, k, v, log_i, log_f, memory: as in `memory_reference`.

    Returns:
        As `memory_reference`.
    """
    kept = log_f.cumsum(-1)  # (B, N, S): of what was there before the first token, the logarithm
    num_tokens = q.shape[2]
    is_past = torch.ones(num_tokens, num_tokens, dtype=torch.bool, device=q.device).tril()  # (S, S): t by s
    weights = kept[..., :, None] - kept[..., None, :] + log_i[..., None, :]  # (B, N, S, S)
    # Before the exponential, where the future's weights could overflow, and their gradients be no numbers.
    weights = weights.masked_fill(~is_past, -torch.inf).exp().to(q.dtype)
    outputs = (q @ k.mT * weights) @ v  # (B, N, S, e)
    outputs = outputs + (q * kept.exp()[..., None].to(q.dtype)) @ memory.to(q.dtype)

    left = (kept[..., -1:] - kept + log_i).exp()  # (B, N, S): what is left of each token at the end
    added = (k * left[..., None].to(k.dtype)).mT @ v  # (B, N, d, e)
    return outputs, kept[..., -1, None, None].exp() * memory + added.to(memory.dtype)


def memory_chunked(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    log_i: torch.Tensor,
    log_f: torch.Tensor,
    memory: torch.Tensor,
    chunk_size: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Chunk by chunk, each in parallel, for long sequences.

    Args:
        q, k, v, log_i, log_f, memory: as in `memory_reference`.
        chunk_size (`int`): tokens a chunk; the last one may have fewer.

    Returns:
        As `memory_reference`.
    """
    outputs = []
    parts = zip(*(x.split(chunk_size, dim=2) for x in (q, k, v, log_i, log_f)), strict=True)
    for q_part, k_part, v_part, i_part, f_part in parts:
        read, memory = memory_parallel(q_part, k_part, v_part, i_part, f_part, memory)
        outputs.append(read)
    return torch.cat(outputs, dim=2), memory
