"""
A layer whose cell is a matrix, in a residual block: the mLSTM of xLSTM (Beck et al. 2024, arXiv 2405.04517), layer
types `"mlstm"` and `"mlstm_example"`, or one that writes by the gated delta rule (Yang et al. 2024, arXiv 2412.06464),
layer types `"delta"` and `"delta_example"`.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from .configuration_metalstm import OF_EXAMPLE
from .delta_recurrence import delta_chunked, delta_parallel, delta_reference
from .layouts_metalstm import FreezableWeights, Layouts, is_plain
from .loops_metalstm import scanned
from .matrix_recurrence import memory_chunked, memory_parallel, memory_reference
from .matrix_step import matrix_step, turning_rates
from .place_metalstm import Marks

CHUNK_SIZE, DELTA_CHUNK_SIZE = 64, 32
"""Tokens a chunk; of the delta rule fewer, as a chunk's system is solved in cubic time."""

Memory = Callable[..., tuple[torch.Tensor, torch.Tensor]]

MEMORIES: dict[str, Memory] = {
    "reference": memory_reference,
    "parallel": memory_parallel,
    "chunked": partial(memory_chunked, chunk_size=CHUNK_SIZE),
    "scan": partial(memory_reference, loop=scanned),
}
"""What a plan may name for these layers, see `dispatch_metalstm.py`."""

DELTA_MEMORIES: dict[str, Memory] = {
    "reference": delta_reference,
    "parallel": delta_parallel,
    "chunked": partial(delta_chunked, chunk_size=DELTA_CHUNK_SIZE),
    "scan": partial(delta_reference, loop=scanned),
}
"""The same for layers that write by the delta rule."""

REMEMBERING = (0.0, 6.0)
"""The heads' forget biases at the start, spread between these: a memory then halves in 1 to 280 tokens."""


class MemoryProjection(nn.Linear):
    """Queries, keys, values and output gates of all heads. A class of its own, as it is drawn in a way of its own."""


class MemoryGates(nn.Linear):
    """Input and forget gates, a number each a head. A class of its own, as it is drawn in a way of its own."""


class MatrixState(NamedTuple):
    """
    What a layer keeps of the tokens that it has read.

    Args:
        memory (`torch.Tensor` of shape `(B, N, d, d)`): the heads' memories, in float32 or wider.
        output (`torch.Tensor` of shape `(B, H)`): what the layer said of the last token.
        place (`torch.LongTensor` of shape `(B,)`): the last token's place in its sentence.
        keys (`torch.Tensor` of shape `(B, M, d)`): the last token's, of the M shifted heads, as the memory's dtype.
    """

    memory: torch.Tensor
    output: torch.Tensor
    place: torch.Tensor
    keys: torch.Tensor


class MatrixMemoryLayer(FreezableWeights, GradientCheckpointingLayer):
    """
    Writes each token's value under its key into a memory, and reads the memory by the token's query:

    ```
    u       = LayerNorm(x)
    q k v o = u W_in + b                 queries, keys, values and output gates of all heads
    i f     = σ(u W_gates + b)           a number each a head
    C       = f C + i k vᵀ / √d          see matrix_recurrence.py
    y       = x + (σ(o) ⊙ LayerNorm(Cᵀ q)) W_out
    ```
    or, by the delta rule, with keys of length 1,

    ```
    C       = f C + k i (v - f Cᵀ k)ᵀ    see delta_recurrence.py
    ```
    A layer of type `"mlstm"` or `"delta"` keeps all examples: the dictionary. An `"…_example"` keeps the one that it
    reads: its memory is emptied at each `␁`, and its queries and keys are turned by the token's place in its
    sentence (Su et al. 2021, arXiv 2104.09864), so that a token finds the one at its own place, or a place further, in
    the other sentence, however long the two are. In d/2 planes by angles n π (j + ½) / (d/2), j = 0 … d/2-1, equal
    keys at different places up to d apart are orthogonal.

    The first M heads write each token under the key of the one before, so that a token finds what came after others
    like it; the very first token is written under none.

    A fresh layer writes half of every token, its heads forget at different rates, and its queries look for their own
    keys.

    Args:
        layer_type (`str`): any but `"lstm"`.
        input_size (`int`): D; where it isn't H, the residual goes through a matrix.
        hidden_size (`int`): H, shared by the heads.
        num_heads (`int`): N; each has keys and values of d = H / N numbers.
        num_shifted_heads (`int`): M.
        empty_after_start (`bool`): whether an `"…_example"`'s memory is emptied after each `␁` rather than before.
    """

    num_layers = 1

    def __init__(
        self,
        layer_type: str,
        input_size: int,
        hidden_size: int,
        num_heads: int,
        num_shifted_heads: int = 0,
        empty_after_start: bool = False,
    ) -> None:
        super().__init__()
        self.is_turned, self.is_delta = layer_type in OF_EXAMPLE, layer_type.startswith("delta")
        self.num_heads, self.head_size = num_heads, hidden_size // num_heads
        self.num_shifted_heads, self.empty_after_start = num_shifted_heads, empty_after_start
        self.norm = nn.LayerNorm(input_size, eps=1e-6, bias=False)
        self.in_proj = MemoryProjection(input_size, 4 * hidden_size)
        self.gates = MemoryGates(input_size, 2 * num_heads)
        self.head_norm = nn.LayerNorm(self.head_size, eps=1e-6, bias=False)
        self.out_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.resize = None if input_size == hidden_size else nn.Linear(input_size, hidden_size, bias=False)
        self.kinds = [type(module) for module in self.children()]

    def empty_state(self, batch_size: int, device: torch.device | None = None) -> MatrixState:
        """The state before the first token, on a device: the weights' own may be elsewhere until they are needed."""
        weight, size = self.head_norm.weight, self.head_size  # of a matrix quantisation may have made anything
        device, dtype = device or weight.device, torch.promote_types(weight.dtype, torch.float32)
        return MatrixState(
            torch.zeros(batch_size, self.num_heads, size, size, dtype=dtype, device=device),
            torch.zeros(batch_size, self.num_heads * size, dtype=weight.dtype, device=device),
            torch.zeros(batch_size, dtype=torch.long, device=device),
            torch.zeros(batch_size, self.num_shifted_heads, size, dtype=dtype, device=device),
        )

    def forward(
        self,
        inputs: torch.Tensor,
        state: MatrixState,
        way: str,
        marks: Marks | None = None,
        lengths: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, MatrixState]:
        """
        Args:
            inputs (`torch.Tensor` of shape `(B, S, D)`): the vectors of the layer below.
            state (`MatrixState`): the state before the first token.
            way (`str`): by which of `MEMORIES`, or `"step"`, of one token by frozen weights: the plan's.
            marks (`Marks`, *optional*): where sentences begin, which an `"…_example"` layer needs.
            lengths (`torch.Tensor` of shape `(B,)`, *optional*): the tokens of each row, padding being on the right;
                outputs beyond them mean nothing.

        Returns:
            The outputs `(B, S, H)`, and the state after each row's last token.
        """
        memory, output, place, keys = state
        starts = places = None
        if self.is_turned:
            assert marks is not None
            starts, places = marks.starts, marks.places(place)
        if way == "step":
            kept = self.layouts  # read once, as another thread may close its context meanwhile
            layouts = Layouts() if kept is None else kept[0]
            (are_plain,) = layouts.get({"are plain": self._are_plain})
            if are_plain:
                if places is not None:
                    place = places[:, 0]
                is_start = None if starts is None else starts[:, 0]
                output, memory, keys = matrix_step(
                    self, inputs[:, 0], memory, keys, None if places is None else place, is_start, layouts
                )
                return output[:, None], MatrixState(memory, output, place, keys)
            way = "reference"  # which calls the modules

        u = self.norm(inputs)
        qk, v, o = (
            self.in_proj(u).unflatten(-1, (4, self.num_heads, self.head_size)).split([2, 1, 1], dim=2)
        )  # (B, S, …, N, d)
        if places is not None:
            cos, sin = turns(places, self.head_size)  # (B, S, d/2) each
            turn = turned if way in ("reference", "scan") else _Turn.apply
            qk = turn(qk, cos[:, :, None, None].to(qk.dtype), sin[:, :, None, None].to(qk.dtype))
        q, k, v = (x.transpose(1, 2) for x in (*qk.unbind(2), v.squeeze(2)))  # (B, N, S, d) each
        if self.num_shifted_heads:
            k, keys = self._shift(k, keys, lengths)
        log_i, log_f = F.logsigmoid(self.gates(u).to(memory.dtype)).mT.chunk(2, dim=1)  # (B, N, S) each
        if not self.is_delta:
            log_i = log_i - math.log(self.head_size) / 2
        if lengths is not None:
            is_padding = torch.arange(inputs.shape[1], device=inputs.device) >= lengths[:, None]  # (B, S)
            log_i = log_i.masked_fill(is_padding[:, None], -torch.inf)
            log_f = log_f.masked_fill(is_padding[:, None], 0.0)
            starts = None if starts is None else starts & ~is_padding
        is_over = None  # (B,): was the last token a ␁ after which the memory is empty?
        if starts is not None and self.empty_after_start:
            none = torch.zeros_like(starts[:, 0])
            is_over = last_of(
                starts.to(torch.uint8), none.to(torch.uint8), lengths
            ).bool()  # ONNX has no where of bools
            starts = torch.cat([none[:, None], starts[:, :-1]], dim=1)

        memories = DELTA_MEMORIES if self.is_delta else MEMORIES
        read, memory = memories[way](q, k, v, log_i, log_f, memory, starts)
        if is_over is not None:
            memory = memory.masked_fill(is_over[:, None, None, None], 0.0)
        read = self.head_norm(read.transpose(1, 2).to(self.head_norm.weight.dtype)).to(o.dtype)  # (B, S, N, d)
        outputs = self.out_proj((o.squeeze(2).sigmoid() * read).flatten(2))  # (B, S, H)
        outputs = outputs + (inputs if self.resize is None else self.resize(inputs))
        output = last_of(outputs, output, lengths)
        if places is not None:
            place = last_of(places, place, lengths)
        return outputs, MatrixState(memory, output, place, keys)

    def _are_plain(self) -> bool:
        """Whether none of the modules is more than its weights, which `matrix_step` takes without calling them."""
        return all(is_plain(module, kind) for module, kind in zip(self.children(), self.kinds, strict=True))

    def _shift(
        self, k: torch.Tensor, before: torch.Tensor, lengths: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Keys `(B, N, S, d)` with those of the shifted heads a token later, and the last ones of these, `(B, M, d)`.

        Args:
            before (`torch.Tensor` of shape `(B, M, d)`): the keys before the first token.
        """
        own, others = k.split([self.num_shifted_heads, self.num_heads - self.num_shifted_heads], dim=1)
        later = torch.cat([before[:, :, None].to(k.dtype), own[:, :, :-1]], dim=2)
        return torch.cat([later, others], dim=1), last_of(own.transpose(1, 2), before, lengths).to(before.dtype)


def turns(places: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """
    The cosines and the sines, `(…, d/2)` each in float32, of the angles by which vectors turn.

    Args:
        places (`torch.LongTensor`): the tokens' places, of any shape.
        size (`int`): d, even, of the vectors.
    """
    angles = places[..., None] * turning_rates(size, places.device)
    return angles.cos(), angles.sin()


def turned(vectors: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """
    Vectors `(…, d)` turned, the first half of their numbers with the second: x, y to x cos - y sin, x sin + y cos.
    """
    x, y = vectors.chunk(2, dim=-1)
    return torch.cat([x * cos - y * sin, x * sin + y * cos], dim=-1)


class _Turn(torch.autograd.Function):
    """The same; the gradient is turned back, in half of the passes that autograd would make."""

    @staticmethod
    def forward(ctx: Any, vectors, cos, sin):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(cos, sin)
        x, y = vectors.chunk(2, dim=-1)
        return torch.cat([(x * cos).addcmul_(y, sin, value=-1), (x * sin).addcmul_(y, cos)], dim=-1)

    @staticmethod
    def backward(ctx: Any, gradient):  # type: ignore[no-untyped-def]
        cos, sin = ctx.saved_tensors
        return _Turn.apply(gradient, cos, -sin), None, None


def last_of(values: torch.Tensor, before: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """The values `(B, S, …)` of each row's last token, `(B, …)`; what was `before` for a row without tokens."""
    if lengths is None:
        return values[:, -1]
    index = (lengths - 1).clamp(min=0)
    last = values[torch.arange(values.shape[0], device=values.device), index]
    has_tokens = (lengths > 0).view(-1, *[1] * (values.dim() - 2))
    return torch.where(has_tokens, last, before.to(last.dtype))
