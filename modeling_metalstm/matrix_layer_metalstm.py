"""
A layer whose cell is a matrix, the mLSTM of xLSTM (Beck et al. 2024, arXiv 2405.04517), in a residual block. It stands
by itself: no `MetaLSTMConfig` asks for it yet.
"""

import torch
import torch.nn.functional as F
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from .matrix_recurrence import memory_chunked, memory_parallel, memory_reference

LONG = 128
"""Beyond so many tokens, sequences are read in chunks: the weights of all pairs of tokens grow with their square."""

CHUNK_SIZE = 64
"""Tokens a chunk."""

REMEMBERING = (0.0, 6.0)
"""The heads' forget biases at the start, spread between these: a memory then halves in 1 to 280 tokens."""


class MatrixMemoryLayer(GradientCheckpointingLayer):
    """
    Writes each token's value under its key into a memory, and reads the memory by the token's query:

    ```
    u       = RMSNorm(x)
    q k v o = u W_in                     queries, keys, values and output gates of all heads
    i f     = σ(u W_gates + b)           a number each a head
    C       = f C + i k vᵀ / √d          see matrix_recurrence.py
    y       = x + (σ(o) ⊙ RMSNorm(Cᵀ q)) W_out
    ```
    A fresh layer writes half of every token, and its heads forget at different rates.

    Args:
        input_size (`int`): D; where it isn't H, the residual goes through a matrix.
        hidden_size (`int`): H, shared by the heads.
        num_heads (`int`): N; each has keys and values of d = H / N numbers.

    Raises:
        ValueError: if H can't be shared by the heads.
    """

    def __init__(self, input_size: int, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        if hidden_size % num_heads:
            raise ValueError(f"`hidden_size` ({hidden_size}) must be a multiple of the {num_heads} heads.")
        self.num_heads, self.head_size = num_heads, hidden_size // num_heads
        self.norm = nn.RMSNorm(input_size, eps=1e-6)
        self.in_proj = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.gates = nn.Linear(input_size, 2 * num_heads)
        self.head_norm = nn.RMSNorm(self.head_size, eps=1e-6)
        self.out_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.resize = None if input_size == hidden_size else nn.Linear(input_size, hidden_size, bias=False)
        nn.init.zeros_(self.gates.weight)
        with torch.no_grad():
            write, keep = self.gates.bias.chunk(2)
            write.zero_()
            keep.copy_(torch.linspace(*REMEMBERING, num_heads))

    def empty_memory(self, batch_size: int) -> torch.Tensor:
        """The memory before the first token, `(B, N, d, d)` zeros in float32 or wider."""
        weight = self.in_proj.weight
        dtype = torch.promote_types(weight.dtype, torch.float32)
        return weight.new_zeros(batch_size, self.num_heads, self.head_size, self.head_size, dtype=dtype)

    def forward(
        self, inputs: torch.Tensor, memory: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            inputs (`torch.Tensor` of shape `(B, S, D)`): the vectors of the layer below.
            memory (`torch.Tensor` of shape `(B, N, d, d)`): the memory before the first token.
            lengths (`torch.Tensor` of shape `(B,)`, *optional*): the tokens of each row, padding being on the right;
                outputs beyond them mean nothing.

        Returns:
            The outputs `(B, S, H)`, and the memory after each row's last token, `(B, N, d, d)`.
        """
        num_tokens = inputs.shape[1]
        u = self.norm(inputs)
        q, k, v, o = self.in_proj(u).unflatten(-1, (4, self.num_heads, self.head_size)).unbind(2)  # (B, S, N, d) each
        q, k, v = (x.transpose(1, 2) for x in (q, k / self.head_size**0.5, v))  # (B, N, S, d) each
        log_i, log_f = F.logsigmoid(self.gates(u).to(memory.dtype)).mT.chunk(2, dim=1)  # (B, N, S) each
        if lengths is not None:
            is_padding = (torch.arange(num_tokens, device=inputs.device) >= lengths[:, None])[:, None]  # (B, 1, S)
            log_i, log_f = log_i.masked_fill(is_padding, -torch.inf), log_f.masked_fill(is_padding, 0.0)

        if num_tokens == 1:
            read, memory = memory_reference(q, k, v, log_i, log_f, memory)
        elif num_tokens <= LONG:
            read, memory = memory_parallel(q, k, v, log_i, log_f, memory)
        else:
            read, memory = memory_chunked(q, k, v, log_i, log_f, memory, CHUNK_SIZE)

        read = self.head_norm(read.transpose(1, 2).to(self.head_norm.weight.dtype)).to(o.dtype)  # (B, S, N, d)
        outputs = self.out_proj((o.sigmoid() * read).flatten(2))  # (B, S, H)
        return outputs + (inputs if self.resize is None else self.resize(inputs)), memory
