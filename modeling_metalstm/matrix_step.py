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
    turned_by: tuple[torch.Tensor, torch.Tensor] | None,
    starts: torch.Tensor | None,
    layouts: Layouts,
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Two matrix products, one for all that is made of the input, one for the output: the norms' weights are multiplied
    into the matrices, which are kept in `layouts`.

    Args:
        layer (`MatrixMemoryLayer`): whose weights they are.
        inputs (`torch.Tensor` of shape `(B, D)`): the vectors of the layer below.
        memory (`torch.Tensor` of shape `(B, N, d, d)`): the memory before the token.
        turned_by (`tuple` of two `torch.Tensor` of shape `(B, d/2)`, *optional*): cosine and sine of the angles by
            which queries and keys turn.
        starts (`torch.BoolTensor` of shape `(B,)`, *optional*): the rows whose memory is emptied before.
        layouts (`Layouts`): where the layer's laid out weights are kept from call to call.

    Returns:
        The outputs `(B, H)`, and the memory after the token.
    """
    batch_size, num_heads, head_size, _ = memory.shape
    width = num_heads * head_size
    norm, in_proj, gates, out_proj, resize = layer.norm, layer.in_proj, layer.gates, layer.out_proj, layer.resize
    read_weight = layer.head_norm.weight
    read_in, bias, write_out, write_skip = layouts.get(
        {
            "in": lambda: PackedLinear(torch.cat([in_proj.weight, gates.weight]) * norm.weight, batch_size),
            "bias": lambda: torch.cat([in_proj.bias, gates.bias]),
            "out": lambda: PackedLinear(out_proj.weight * read_weight.repeat(num_heads), batch_size),
            "skip": lambda: None if resize is None else PackedLinear(resize.weight, batch_size),
        }
    )
    made = read_in(F.layer_norm(inputs, inputs.shape[-1:], eps=norm.eps), bias)  # (B, 4H + 2N)
    vectors, o, i, f = made.to(memory.dtype).split([3 * width, width, num_heads, num_heads], dim=-1)
    vectors = vectors.reshape(batch_size, 3, num_heads, head_size)
    if turned_by is not None:
        cos, sin = (x[:, None, None].to(memory.dtype) for x in turned_by)
        x, y = vectors[:, :2].chunk(2, dim=-1)
        vectors = torch.cat([torch.cat([x * cos - y * sin, x * sin + y * cos], dim=-1), vectors[:, 2:]], dim=1)
    q, k, v = vectors.unbind(1)  # (B, N, d) each
    i, f = i.sigmoid() / math.sqrt(head_size), f.sigmoid()  # (B, N) each
    if starts is not None:
        f = f.masked_fill(starts[:, None], 0.0)
    memory = torch.addcmul(f[..., None, None] * memory, (i[..., None] * k)[..., None], v[..., None, :])
    read = (q[..., None, :] @ memory).squeeze(-2)  # (B, N, d)
    read = o.sigmoid() * F.layer_norm(read, (head_size,), eps=layer.head_norm.eps).view(batch_size, width)
    skip = inputs if write_skip is None else write_skip(inputs)
    return write_out(read.to(inputs.dtype), skip), memory
