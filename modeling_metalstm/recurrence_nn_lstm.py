"""The recurrences `"nn_lstm"` and `"folded"`: the fused kernel behind `torch.nn.LSTM`, on a GPU cuDNN's."""

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from .layouts_metalstm import Layouts

BLOCK = 128
"""cuDNN's persistent kernels, its fastest, want inputs of a multiple of this size (NVIDIA, cuDNN's developer guide:
`CUDNN_RNN_ALGO_PERSIST_STATIC`)."""


def lstm_fused(
    inputs: torch.Tensor,
    h0: torch.Tensor,
    c0: torch.Tensor,
    weights: list[torch.Tensor],
    lengths: torch.Tensor | None = None,
    vocabulary: torch.Tensor | None = None,
    layouts: Layouts | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    Args:
        inputs, h0, c0, weights, lengths, vocabulary: as in `lstm_from_inputs`; by `fold` if there is a vocabulary.
        layouts (`Layouts`, *optional*): not used, as the kernel lays weights out itself.

    Returns:
        As `lstm_from_inputs`; the cell state comes in the dtype of the inputs.
    """
    if vocabulary is not None:
        weight_ih, *others = weights
        inputs, weight_ih = fold(inputs, vocabulary, weight_ih)
        weights = [weight_ih, *others]
    device = inputs.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        # Autocast's own LSTM fails in both places (torch 2.13): on a GPU where `fold` made one of the weights bfloat16
        # and the others are not, on a CPU where the processor has no bfloat16.
        dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            return lstm_fused(inputs.to(dtype), h0, c0, [weight.to(dtype) for weight in weights], lengths)
    training = torch.is_grad_enabled()  # cuDNN keeps what backward needs only in "training"
    state = (h0.to(inputs.dtype)[None], c0.to(inputs.dtype)[None])  # (1, B, H) each: the kernel's first axis is layers
    if lengths is None:
        outputs, h, c = torch._VF.lstm(inputs, state, weights, True, 1, 0.0, training, False, True)
        return outputs, h[0], c[0]
    # Packed, each row ends where its tokens do, and the kernel returns its state there. Packing has no empty rows:
    # those read one token of padding, and get their old state back below.
    packed = pack_padded_sequence(inputs, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
    order, back = packed.sorted_indices, packed.unsorted_indices  # (B,) each: longest row first, and undone
    state = (state[0][:, order], state[1][:, order])
    data, h, c = torch._VF.lstm(packed.data, packed.batch_sizes, state, weights, True, 1, 0.0, training, False)
    packed = PackedSequence(data, packed.batch_sizes, order, back)
    outputs, _ = pad_packed_sequence(packed, batch_first=True, total_length=inputs.shape[1])  # (B, S, H)
    has_tokens = (lengths > 0)[:, None]  # (B, 1)
    return (
        outputs,
        torch.where(has_tokens, h[0, back], h0.to(h.dtype)),
        torch.where(has_tokens, c[0, back], c0.to(c.dtype)),
    )


def fold(tokens: torch.Tensor, vocabulary: torch.Tensor, weight_ih: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Folds the embedding into the layer's input matrix: the kernel takes vectors only, and a one-hot vector picks a
    token's product out of a matrix as a look-up in a table does.

    Args:
        tokens (`torch.LongTensor` of shape `(B, S)`): the tokens.
        vocabulary (`torch.Tensor` of shape `(V, D)`): the vectors of all tokens.
        weight_ih (`torch.Tensor` of shape `(4H, D)`): the input matrix.

    Returns:
        One-hot vectors `(B, S, F)` of the tokens and a matrix `(4H, F)` that make the same products; F is V, filled
        up to a multiple of `BLOCK`.
    """
    size = -(-len(vocabulary) // BLOCK) * BLOCK  # F
    products = F.linear(vocabulary, weight_ih).t()  # (4H, V)
    one_hot = torch.eye(len(vocabulary), size, dtype=products.dtype, device=tokens.device)  # (V, F)
    # By a look-up, which refuses a token outside of the vocabulary.
    return F.embedding(tokens, one_hot), F.pad(products, (0, size - len(vocabulary)))
