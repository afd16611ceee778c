"""The recurrence of a single token by frozen weights, without a gradient: what generation runs."""

import torch
import torch.nn.functional as F

from .layouts_metalstm import Layouts, PackedLinear


def lstm_step(
    inputs: torch.Tensor,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weights: list[torch.Tensor],
    lengths: torch.Tensor | None = None,
    vocabulary: torch.Tensor | None = None,
    layouts: Layouts | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    One token is one matrix product: of tokens the recurrent one, on top of a table of the vocabulary's products; of
    vectors the one of input and hidden state side by side. The table and the matrices are kept in `layouts`.

    Args:
        inputs, h0, c0, weights, vocabulary: as in `lstm_from_inputs`, with `S = 1`.
        lengths: not used, as there is no padding: the dispatch sends padded tokens elsewhere.
        layouts (`Layouts`, *optional*): where the layer's laid out weights are kept from call to call.

    Returns:
        As `lstm_from_inputs`.
    """
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    rows = len(inputs)
    layouts = layouts or Layouts()
    if vocabulary is not None:
        table, multiply = layouts.get(
            {
                "table": lambda: F.linear(vocabulary, weight_ih, bias_ih + bias_hh),  # (V, 4H)
                ("hh", weight_hh.dtype): lambda: PackedLinear(weight_hh, rows),
            }
        )
        gates = multiply(h0, table[inputs[:, 0]])  # (B, 4H)
    else:
        multiply, bias = layouts.get(
            {
                "ih hh": lambda: PackedLinear(torch.cat([weight_ih, weight_hh], dim=1), rows),  # (4H, D + H)
                "bias": lambda: bias_ih + bias_hh,  # (4H,)
            }
        )
        gates = multiply(torch.cat([inputs[:, 0], h0], dim=1), bias)  # (B, 4H)
    i, f, g, o = gates.to(c0.dtype).chunk(4, dim=-1)  # (B, H) each
    c = f.sigmoid() * c0 + i.sigmoid() * g.tanh()
    h = (o.sigmoid() * c.tanh()).to(h0.dtype)
    return h[:, None], h, c
