"""Padding, anywhere in a batch: layers read rows without it, and what they computed is spread over it again."""

import torch

from .recurrence import prepend_state


class Padding:
    """
    Brings the real tokens of each row to the front, and spreads what was computed of them back.

    ```
    mask      0 1 0 1 1
    compact   a b c · ·          positions 1 3 4, length 3
    spread    - a a b c          the state before the first token, then the last one known
    ```
    So a padded position shows the state as its row's last real token left it, as if the padding weren't there.

    Args:
        mask (`torch.Tensor` of shape `(B, S)`): non-zero where a token is real.
        is_traced (`bool`): whether no number may be read off the mask: all S columns are kept then.

    Attributes:
        lengths (`torch.Tensor` of shape `(B,)`): the number of real tokens of each row.
    """

    def __init__(self, mask: torch.Tensor, is_traced: bool = False) -> None:
        self.lengths = mask.sum(dim=1)
        width = mask.shape[1] if is_traced else max(int(self.lengths.max()), 1)
        self.num_read = mask.cumsum(dim=1)  # (B, S): real tokens up to here
        # (B, width): where the real tokens stand, in their order, and the first token's place where there are no more;
        # padding writes itself to a column of its own. No sort, which ONNX can't be told to keep the order.
        columns = torch.where(mask, self.num_read - 1, mask.shape[1])
        index = torch.arange(mask.shape[1], device=mask.device).expand_as(columns)
        places = torch.zeros_like(columns[:, :1]).expand(-1, mask.shape[1] + 1)
        self.positions = places.scatter(1, columns, index)[:, :width]

    def compact(self, inputs: torch.Tensor) -> torch.Tensor:
        """`(B, S)` or `(B, S, D)` to the same with the longest row's number of real tokens for `S`."""
        if inputs.dim() == 2:
            return inputs.gather(1, self.positions)
        return inputs.gather(1, self.positions[..., None].expand(-1, -1, inputs.shape[-1]))

    def spread(self, outputs: torch.Tensor, h0: torch.Tensor) -> torch.Tensor:
        """Outputs of the compact sequence, and the state `(B, H)` before it, to `(B, S, H)`."""
        return prepend_state(h0, outputs).gather(1, self.num_read[..., None].expand(-1, -1, outputs.shape[-1]))


def find_padding(attention_mask: torch.Tensor, sequence_length: int, is_traced: bool = False) -> Padding | None:
    """
    The padding of the input, or None where there is none.

    Args:
        attention_mask (`torch.Tensor` of shape `(B, ≥ S)`): 0 for padding; the last `S` columns count.
        sequence_length (`int`): `S`.
        is_traced (`bool`): whether what is computed must not depend on the mask's numbers, as under `vmap`.

    Raises:
        ValueError: if the mask is too short or no matrix.
    """
    if attention_mask.dim() != 2 or attention_mask.shape[1] < sequence_length:
        raise ValueError(
            f"`attention_mask` must have two dimensions and at least the {sequence_length} columns of the input, "
            f"but its shape is {tuple(attention_mask.shape)}."
        )
    mask = attention_mask[:, -sequence_length:] != 0
    return None if not is_traced and mask.all() else Padding(mask, is_traced)
