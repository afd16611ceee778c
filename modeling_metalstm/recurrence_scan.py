"""
The recurrences as one operation over the sequence, torch's `scan`: what `torch.export` and ONNX are given, so that the
graph is as small as one step, and its length and batch may vary.

Each is the reference's function, held equal to it by tests; run outside of an export they are slow.
"""

import torch
import torch.nn.functional as F

from .layouts_metalstm import Layouts


def _scan(step, state, *sequences):  # type: ignore[no-untyped-def]
    """`state, output = step(state, inputs)` along the first axis of the sequences; the last state, and all outputs."""
    from torch._higher_order_ops.scan import scan  # imports the compiler, for which nothing but an export has time

    return scan(step, state, sequences, dim=0)


def lstm_scan(
    gates_x: torch.Tensor,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weight_hh: torch.Tensor,
    tokens: torch.Tensor | None = None,
    layouts: Layouts | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """As `recurrence.lstm_reference`."""
    if tokens is not None:
        gates_x = F.embedding(tokens, gates_x)
    dtype = gates_x.dtype
    state_dtype = torch.promote_types(dtype, torch.float32)

    def step(
        state: tuple[torch.Tensor, torch.Tensor], inputs: tuple[torch.Tensor]
    ) -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
        h, c = state
        gates = inputs[0].to(state_dtype) + F.linear(h, weight_hh).to(state_dtype)  # (B, 4H)
        i, f, g, o = gates.chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = (o.sigmoid() * c.tanh()).to(dtype)
        return (h, c), h.clone()

    # A state is given once and changed in two places: each has a tensor of its own.
    (h, c), outputs = _scan(step, (h0.to(dtype).clone(), c0.to(state_dtype).clone()), gates_x.transpose(0, 1))
    return outputs.transpose(0, 1), h, c


def memory_scan(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    log_i: torch.Tensor,
    log_f: torch.Tensor,
    memory: torch.Tensor,
    starts: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `matrix_recurrence.memory_reference`."""
    return _matrix_scan(q, k, v, log_i, log_f, memory, starts, is_delta=False)


def delta_scan(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    log_i: torch.Tensor,
    log_f: torch.Tensor,
    memory: torch.Tensor,
    starts: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `delta_recurrence.delta_reference`."""
    k = F.normalize(k.to(memory.dtype), dim=-1)
    return _matrix_scan(q, k, v, log_i, log_f, memory, starts, is_delta=True)


def _matrix_scan(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    log_i: torch.Tensor,
    log_f: torch.Tensor,
    memory: torch.Tensor,
    starts: torch.Tensor | None,
    is_delta: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Either; what is missing of a value, rather than the value, is what the delta rule writes."""
    i, f = log_i.exp(), log_f.exp()
    if starts is not None:
        f = f.masked_fill(starts[:, None], 0.0)

    def step(memory: torch.Tensor, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        q_t, k_t, v_t, i_t, f_t = inputs
        memory = f_t[..., None, None] * memory
        if is_delta:
            v_t = v_t - (k_t[..., :, None] * memory).sum(-2)
        memory = memory + k_t[..., :, None] * (i_t[..., None] * v_t)[..., None, :]
        # Sums rather than products: those would ask for the number of rows, which varies, within the scan.
        return memory, (q_t[..., :, None] * memory).sum(-2)

    sequences = [x.to(memory.dtype).movedim(2, 0) for x in (q, k, v, i, f)]  # (S, B, N, …) each
    memory, outputs = _scan(step, memory.clone(), *sequences)
    return outputs.movedim(0, 2).to(v.dtype), memory


def places_scan(sentences: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """
    As `place_metalstm.Marks.places` without offsets.

    Args:
        sentences (`torch.BoolTensor` of shape `(B, S)`): the tokens after which a sentence begins.
        before (`torch.LongTensor` of shape `(B,)`): the place of the last token before these.
    """

    def step(place: torch.Tensor, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        place = (place + 1) * inputs[0]
        return place, place.clone()

    continues = (~sentences).to(before.dtype).t()
    return _scan(step, before.clone(), continues)[1].t()
