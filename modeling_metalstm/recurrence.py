"""
The LSTM recurrence, by name: a plain reference and faster ones held equal to it.

Gates are in `torch.nn.LSTM`'s order, i, f, g, o, and for each token

    i, f, g, o = gates_x + h W_hhᵀ          gates_x = x W_ihᵀ + b_ih + b_hh
    c = σ(f) c + σ(i) tanh(g)
    h = σ(o) tanh(c)

(Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.) A recurrence takes the gate contributions
of the inputs rather than the inputs, so that a small vocabulary's can be looked up in a table.
"""

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from .layouts_metalstm import Layouts, PackedLinear
from .recurrence_cpu import lstm_cpu


def lstm_reference(
    gates_x: torch.Tensor,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weight_hh: torch.Tensor,
    tokens: torch.LongTensor | None = None,
    layouts: Layouts | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    The recurrence as its equations read, one token at a time. In half precision the cell state stays in float32, as
    it accumulates over the whole sequence.

    Args:
        gates_x (`torch.Tensor` of shape `(B, S, 4H)`): what the inputs and the biases add to the gates; or with
            `tokens` a table `(V, 4H)` of what each token and the biases add.
        h0 (`torch.Tensor` of shape `(B, H)`): the hidden state before the first token.
        c0 (`torch.Tensor` of shape `(B, H)`): the cell state before the first token.
        weight_hh (`torch.Tensor` of shape `(4H, H)`): the recurrent matrix.
        tokens (`torch.LongTensor` of shape `(B, S)`, *optional*): the tokens, to be looked up in the table.
        layouts (`Layouts`, *optional*): not used here; faster ones keep there what they derive from the weights.

    Returns:
        The outputs `(B, S, H)` in the dtype of `gates_x`, and the last hidden and cell state, `(B, H)` each.
    """
    if tokens is not None:
        gates_x = F.embedding(tokens, gates_x)
    dtype = gates_x.dtype
    state_dtype = torch.promote_types(dtype, torch.float32)
    h, c = h0.to(dtype), c0.to(state_dtype)
    outputs = []
    for gates in gates_x.unbind(1):
        gates = gates.to(state_dtype) + F.linear(h, weight_hh).to(state_dtype)
        i, f, g, o = gates.chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = (o.sigmoid() * c.tanh()).to(dtype)
        outputs.append(h)
    return torch.stack(outputs, dim=1), h, c


# A faster recurrence of the same signature is entered here, and `choose_recurrence` says when "auto" takes it.
GATE_RECURRENCES = {"reference": lstm_reference, "cpu": lstm_cpu}

RECURRENCES = ("auto", *GATE_RECURRENCES, "nn_lstm", "folded")

WIDE = 512
"""From this hidden size on, "auto" trains by `lstm_cpu` on a CPU; below, nn.LSTM's fused cell wins."""


def choose_recurrence(name: str, sequence_length: int, hidden_size: int = 0, device_type: str = "cpu") -> str:
    """
    The recurrence to run for what `config.recurrence` asks: never `"auto"`, and a plain step for a single token, since
    every call of `torch.nn.LSTM` on a CPU rearranges its weights, which costs more than the token.
    """
    if sequence_length == 1:
        return "reference"
    if name != "auto":
        return name
    if device_type == "cuda":
        return "folded"
    return "cpu" if hidden_size >= WIDE and torch.is_grad_enabled() else "nn_lstm"


def fold(
    tokens: torch.LongTensor, vocabulary: torch.Tensor, weight_ih: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    One-hot vectors `(B, S, F)` of the tokens and a matrix `(4H, F)` that make the same products as the vocabulary's
    vectors `(V, D)` and `weight_ih (4H, D)`: F is V, filled up to a multiple of 128, as cuDNN's persistent kernels
    want the size of their inputs. (NVIDIA, cuDNN's developer guide: `CUDNN_RNN_ALGO_PERSIST_STATIC`.)
    """
    size = -(-len(vocabulary) // 128) * 128
    products = F.linear(vocabulary, weight_ih).t()
    places = torch.arange(size, device=tokens.device)
    return (tokens[..., None] == places).to(products.dtype), F.pad(products, (0, size - len(vocabulary)))


def lstm_step(
    inputs: torch.Tensor,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weights: list[torch.Tensor],
    layouts: Layouts,
    vocabulary: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    One token, without a gradient, by weights that were laid out before: what generation runs.

    Args:
        inputs (`torch.Tensor`): vectors `(B, 1, D)`, or tokens `(B, 1)` if there is a `vocabulary (V, D)`.
        h0, c0, weights: as in `lstm_from_inputs`.
        layouts (`Layouts`): the layer's.

    Returns:
        As `lstm_from_gates`.
    """
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    rows = len(inputs)
    if vocabulary is not None:
        table, multiply = layouts.get(
            {
                "table": lambda: F.linear(vocabulary, weight_ih, bias_ih + bias_hh),
                ("hh", weight_hh.dtype): lambda: PackedLinear(weight_hh, rows),
            }
        )
        gates = multiply(h0, table[inputs[:, 0]])
    else:
        multiply, bias = layouts.get(
            {
                "ih hh": lambda: PackedLinear(torch.cat([weight_ih, weight_hh], dim=1), rows),
                "bias": lambda: bias_ih + bias_hh,
            }
        )
        gates = multiply(torch.cat([inputs[:, 0], h0], dim=1), bias)
    i, f, g, o = gates.to(c0.dtype).chunk(4, dim=-1)
    c = f.sigmoid() * c0 + i.sigmoid() * g.tanh()
    h = (o.sigmoid() * c.tanh()).to(h0.dtype)
    return h[:, None], h, c


def lstm_from_gates(
    name: str,
    gates_x: torch.Tensor,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weight_hh: torch.Tensor,
    tokens: torch.LongTensor | None = None,
    lengths: torch.Tensor | None = None,
    layouts: Layouts | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    Runs the recurrence called `name`, one of `GATE_RECURRENCES`, on rows of their own lengths.

    Args:
        gates_x, h0, c0, weight_hh, tokens, layouts: as in `lstm_reference`.
        lengths (`torch.Tensor` of shape `(B,)`, *optional*): the number of tokens of each row, the rest being padding
            on the right; 0 is allowed, and outputs beyond a row's length mean nothing.

    Returns:
        The outputs `(B, S, H)` and each row's state after its own last token, `(B, H)` each.
    """
    recurrence = GATE_RECURRENCES[name]
    if lengths is None:
        return recurrence(gates_x, h0, c0, weight_hh, tokens, layouts)
    # A closed input gate and an open forget gate carry the cell state through the padding unchanged, to the bit, in
    # any implementation; the hidden state is read where the row ends.
    num_steps = (gates_x if tokens is None else tokens).shape[1]
    is_padding = torch.arange(num_steps, device=gates_x.device) >= lengths[:, None]
    closed = gates_x.new_tensor([-1e4, 1e4, 0.0, 0.0]).repeat_interleave(h0.shape[-1])
    if tokens is None:
        gates_x = torch.where(is_padding[..., None], closed, gates_x)
    else:
        tokens = tokens.masked_fill(is_padding, len(gates_x))
        gates_x = torch.cat([gates_x, closed[None]])
    outputs, _, c = recurrence(gates_x, h0, c0, weight_hh, tokens, layouts)
    h = prepend_state(h0, outputs).take_along_dim(lengths[:, None, None], dim=1).squeeze(1)
    return outputs, h, c


def lstm_from_inputs(
    inputs: torch.Tensor,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weights: list[torch.Tensor],
    lengths: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    The recurrence called `"nn_lstm"`: the kernel behind `torch.nn.LSTM`, which multiplies the inputs itself.

    Args:
        inputs (`torch.Tensor` of shape `(B, S, D)`): the layer's inputs.
        h0, c0, lengths: as in `lstm_from_gates`.
        weights (`list[torch.Tensor]`): `weight_ih (4H, D)`, `weight_hh (4H, H)`, `bias_ih (4H,)`, `bias_hh (4H,)`.

    Returns:
        As `lstm_from_gates`; the cell state comes in the dtype of the inputs.
    """
    training = torch.is_grad_enabled()  # cuDNN keeps what backward needs only in "training"
    state = (h0.to(inputs.dtype)[None], c0.to(inputs.dtype)[None])
    if lengths is None:
        outputs, h, c = torch._VF.lstm(inputs, state, weights, True, 1, 0.0, training, False, True)
        return outputs, h[0], c[0]
    packed = pack_padded_sequence(inputs, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
    order, back = packed.sorted_indices, packed.unsorted_indices
    state = (state[0][:, order], state[1][:, order])
    data, h, c = torch._VF.lstm(packed.data, packed.batch_sizes, state, weights, True, 1, 0.0, training, False)
    packed = PackedSequence(data, packed.batch_sizes, order, back)
    outputs, _ = pad_packed_sequence(packed, batch_first=True, total_length=inputs.shape[1])
    # Packing has no empty rows: those read one token of padding, and get their old state back here.
    has_tokens = (lengths > 0)[:, None]
    return (
        outputs,
        torch.where(has_tokens, h[0, back], h0.to(h.dtype)),
        torch.where(has_tokens, c[0, back], c0.to(c.dtype)),
    )


def prepend_state(h0: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
    """The hidden states after 0, 1, … S tokens, `(B, S + 1, H)`: the first `(B, H)` and the others `(B, S, H)`."""
    return torch.cat([h0.to(outputs.dtype)[:, None], outputs], dim=1)
