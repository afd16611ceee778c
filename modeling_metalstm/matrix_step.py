"""A single token through a layer with a matrix memory, by frozen weights, without a gradient: what generation runs."""

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from .layouts_metalstm import Layouts, PackedLinear

if TYPE_CHECKING:
    from .matrix_layer_metalstm import MatrixMemoryLayer


def matrix_step(
    layer: "MatrixMemoryLayer",
    inputs: torch.Tensor,
    memory: torch.Tensor,
    keys: torch.Tensor,
    places: torch.Tensor | None,
    starts: torch.Tensor | None,
    layouts: Layouts,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    Two matrix products, one for all that is made of the input, one for the output: the norms' weights and the keys'
    scale are multiplied into the matrices, which are kept in `layouts`. The rest is as few operations as can be, as
    each of them costs more than its work.

    Args:
        layer (`MatrixMemoryLayer`): whose weights they are.
        inputs (`torch.Tensor` of shape `(B, D)`): the vectors of the layer below.
        memory (`torch.Tensor` of shape `(B, N, d, d)`): the memory before the token.
        keys (`torch.Tensor` of shape `(B, M, d)`): the shifted heads', of the token before.
        places (`torch.LongTensor` of shape `(B,)`, *optional*): the places by which queries and keys turn.
        starts (`torch.BoolTensor` of shape `(B,)`, *optional*): the rows whose memory is emptied before, or after.
        layouts (`Layouts`): where the layer's laid out weights are kept from call to call.

    Returns:
        The outputs `(B, H)`, the memory after the token, and the token's keys of the shifted heads.
    """
    batch_size, num_heads, head_size, _ = memory.shape
    width = num_heads * head_size
    read_in, bias, write_out, write_skip, rates = layouts.get(
        {
            "in": lambda: PackedLinear(_joined(layer, "weight") * layer.norm.weight, batch_size),
            "bias": lambda: _joined(layer, "bias"),
            "out": lambda: PackedLinear(layer.out_proj.weight * layer.head_norm.weight.repeat(num_heads), batch_size),
            "skip": lambda: None if layer.resize is None else PackedLinear(layer.resize.weight, batch_size),
            "rates": lambda: turning_rates(head_size, memory.device).repeat(2),  # (d,)
        }
    )
    made = read_in(F.layer_norm(inputs, inputs.shape[-1:], eps=layer.norm.eps), bias).to(memory.dtype)  # (B, 4H + 2N)
    q, k, v = made[:, : 3 * width].view(batch_size, 3, num_heads, head_size).unbind(1)  # (B, N, d) each
    if places is not None:
        angles = (places[:, None] * rates).view(batch_size, 1, 1, head_size).to(memory.dtype)
        pairs = made[:, : 2 * width].view(batch_size, 2, num_heads, head_size)
        # x cos - y sin and y cos + x sin, side by side: the other half of the numbers, with a sign.
        others = torch.cat([-pairs[..., head_size // 2 :], pairs[..., : head_size // 2]], dim=-1)
        q, k = (pairs * angles.cos()).addcmul_(others, angles.sin()).unbind(1)
    if layer.num_shifted_heads:
        scale = math.sqrt(head_size)
        before, keys = keys / scale, k[:, : layer.num_shifted_heads] * scale
        k = torch.cat([before, k[:, layer.num_shifted_heads :]], dim=1)
    o, i, f = made[:, 3 * width :].sigmoid().split([width, num_heads, num_heads], dim=-1)
    if starts is not None and not layer.empty_after_start:
        f = f.masked_fill(starts[:, None], 0.0)
    memory = f[..., None, None] * memory
    if layer.is_delta:
        k = F.normalize(k, dim=-1)
        v = v - (k[..., None, :] @ memory).squeeze(-2)
    memory = memory.addcmul_((i[..., None] * k)[..., None], v[..., None, :])
    read = F.layer_norm(
        (q[..., None, :] @ memory).view(batch_size, num_heads, head_size), (head_size,), eps=layer.head_norm.eps
    )
    if starts is not None and layer.empty_after_start:
        memory = memory.masked_fill(starts[:, None, None, None], 0.0)
    read = (o * read.view(batch_size, width)).to(inputs.dtype)
    return write_out(read, inputs if write_skip is None else write_skip(inputs)), memory, keys


def _joined(layer: "MatrixMemoryLayer", name: str) -> torch.Tensor:
    """The weights, or the biases, of queries, keys, values, output gates and gates, one below the other."""
    queries, keys, *others = getattr(layer.in_proj, name).chunk(4)
    return torch.cat([queries, keys / math.sqrt(layer.head_size), *others, getattr(layer.gates, name)])


def turning_rates(size: int, device: torch.device) -> torch.Tensor:
    """The angles, `(d/2,)` in float32, by which vectors of `size` d turn at each place: (j + ½) π / (d/2)."""
    return (torch.arange(size // 2, device=device, dtype=torch.float32) + 0.5) * (2 * math.pi / size)
