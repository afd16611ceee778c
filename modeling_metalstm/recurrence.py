"""
The LSTM recurrence. `lstm_reference` is the one to read; the faster ones, in files beside this one, are held equal to
it by tests, and `dispatch_metalstm.py` decides which of them runs.

For each token x, with the state h, c before it,

    i, f, g, o = x W_ihᵀ + b_ih + b_hh + h W_hhᵀ
    c = σ(f) c + σ(i) tanh(g)
    h = σ(o) tanh(c)

(Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.) The gates stand in this order because
`torch.nn.LSTM` stores them so: its weights load here, and its kernel runs on ours.

Shapes: B batch, S sequence, D a layer's inputs, H hidden, V vocabulary; 4H are the four gates side by side.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from .layouts_metalstm import Layouts
from .loops_metalstm import Loop, one_by_one


def lstm_reference(
    gates_x: torch.Tensor,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weight_hh: torch.Tensor,
    tokens: torch.Tensor | None = None,
    layouts: Layouts | None = None,
    loop: Loop = one_by_one,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    The recurrence as its equations read, one token at a time.

    Args:
        gates_x (`torch.Tensor` of shape `(B, S, 4H)`): what the inputs and the biases add to the gates,
            x W_ihᵀ + b_ih + b_hh; or with `tokens` a table `(V, 4H)` of this for each token of the vocabulary.
        h0 (`torch.Tensor` of shape `(B, H)`): the hidden state before the first token.
        c0 (`torch.Tensor` of shape `(B, H)`): the cell state before the first token.
        weight_hh (`torch.Tensor` of shape `(4H, H)`): the recurrent matrix.
        tokens (`torch.LongTensor` of shape `(B, S)`, *optional*): the tokens, to be looked up in the table.
        layouts (`Layouts`, *optional*): not used here; faster recurrences keep there what they derive from the
            weights.
        loop (`Callable`): one of `loops_metalstm.py`.

    Returns:
        The outputs `(B, S, H)` in the dtype of `gates_x`, and the last hidden and cell state, `(B, H)` each.
    """
    if tokens is not None:
        gates_x = F.embedding(tokens, gates_x)  # (B, S, 4H)
    dtype = gates_x.dtype
    # The cell state adds up over the whole sequence: in half precision small additions to it would be rounded away.
    state_dtype = torch.promote_types(dtype, torch.float32)

    def step(
        state: tuple[torch.Tensor, torch.Tensor], inputs: tuple[torch.Tensor, ...]
    ) -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
        h, c = state  # (B, H) each
        gates = inputs[0].to(state_dtype) + F.linear(h, weight_hh).to(state_dtype)  # (B, 4H)
        i, f, g, o = gates.chunk(4, dim=-1)  # (B, H) each
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = (o.sigmoid() * c.tanh()).to(dtype)
        return (h, c), h

    (h, c), outputs = loop(step, (h0.to(dtype), c0.to(state_dtype)), gates_x.transpose(0, 1))
    return outputs.transpose(0, 1), h, c


def lstm_from_inputs(
    recurrence: Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
    inputs: torch.Tensor,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weights: list[torch.Tensor],
    lengths: torch.Tensor | None = None,
    vocabulary: torch.Tensor | None = None,
    layouts: Layouts | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    A layer by a recurrence on gates: the products of all inputs first, as one matrix product, then the recurrence.

    Args:
        recurrence: `lstm_reference`, or another of its signature.
        inputs (`torch.Tensor`): vectors `(B, S, D)`, or tokens `(B, S)` if there is a `vocabulary`.
        h0, c0 (`torch.Tensor` of shape `(B, H)`): the state before the first token.
        weights (`list[torch.Tensor]`): `weight_ih (4H, D)`, `weight_hh (4H, H)`, `bias_ih (4H,)`, `bias_hh (4H,)`.
        lengths (`torch.Tensor` of shape `(B,)`, *optional*): the number of tokens of each row, the rest being padding
            on the right; 0 is allowed, and outputs beyond a row's length mean nothing.
        vocabulary (`torch.Tensor` of shape `(V, D)`, *optional*): the vectors of all tokens. Each is multiplied once,
            and the tokens' products are looked up: less work where there are more tokens than the vocabulary has.
        layouts (`Layouts`, *optional*): where the layer keeps what is derived from weights that don't change.

    Returns:
        The outputs `(B, S, H)`, and the state after each row's own last token, `(B, H)` each.
    """
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    bias = bias_ih + bias_hh  # (4H,)
    if vocabulary is not None:
        table = F.linear(vocabulary, weight_ih, bias)  # (V, 4H)
        return lstm_from_gates(recurrence, table, h0, c0, weight_hh, inputs, lengths, layouts)
    # (B, S, 4H), stored time-major: a token's gates lie together, which `lstm_cpu` is fastest with.
    gates_x = F.linear(inputs.transpose(0, 1), weight_ih, bias).transpose(0, 1)
    return lstm_from_gates(recurrence, gates_x, h0, c0, weight_hh, None, lengths, layouts)


def lstm_from_gates(
    recurrence: Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
    gates_x: torch.Tensor,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weight_hh: torch.Tensor,
    tokens: torch.Tensor | None = None,
    lengths: torch.Tensor | None = None,
    layouts: Layouts | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    A recurrence on rows of their own lengths.

    Args:
        recurrence, lengths: as in `lstm_from_inputs`.
        gates_x, h0, c0, weight_hh, tokens, layouts: as in `lstm_reference`.

    Returns:
        As `lstm_from_inputs`.
    """
    if lengths is None:
        return recurrence(gates_x, h0, c0, weight_hh, tokens, layouts)
    # A closed input gate and an open forget gate carry the cell state through the padding unchanged, to the bit, in
    # any implementation; the hidden state is read where the row ends.
    num_steps = (gates_x if tokens is None else tokens).shape[1]
    is_padding = torch.arange(num_steps, device=gates_x.device) >= lengths[:, None]  # (B, S)
    closed = gates_x.new_tensor([-1e4, 1e4, 0.0, 0.0]).repeat_interleave(h0.shape[-1])  # (4H,): i, f, g, o
    if tokens is None:
        gates_x = torch.where(is_padding[..., None], closed, gates_x)
    else:  # padding is one more token, at the end of the table
        tokens = tokens.masked_fill(is_padding, len(gates_x))
        gates_x = torch.cat([gates_x, closed[None]])  # (V + 1, 4H)
    outputs, _, c = recurrence(gates_x, h0, c0, weight_hh, tokens, layouts)
    ends = lengths[:, None, None].expand(-1, 1, h0.shape[-1])
    h = prepend_state(h0, outputs).gather(1, ends).squeeze(1)  # (B, H)
    return outputs, h, c


def prepend_state(h0: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
    """The hidden states after 0, 1, … S tokens, `(B, S + 1, H)`: the first `(B, H)` and the others `(B, S, H)`."""
    return torch.cat([h0.to(outputs.dtype)[:, None], outputs], dim=1)
