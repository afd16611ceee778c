"""The LSTM layers: parameters of `torch.nn.LSTM`, run one layer at a time by the recurrence that was planned."""

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from .configuration_metalstm import MetaLSTMConfig
from .dispatch_metalstm import IMPLEMENTATIONS
from .layouts_metalstm import FreezableWeights


class MetaLSTMLayers(FreezableWeights, GradientCheckpointingLayer, nn.LSTM):
    """All layers in one module, by `nn.LSTM`'s names and in its layout: a state dict of one loads into the other."""

    def __init__(self, config: MetaLSTMConfig) -> None:
        super().__init__(config.embedding_size, config.hidden_size, config.num_hidden_layers, batch_first=True)

    def layer_weights(self, layer: int) -> list[torch.Tensor]:
        """`weight_ih (4H, D)`, `weight_hh (4H, H)`, `bias_ih (4H,)`, `bias_hh (4H,)` of one layer."""
        return [getattr(self, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def forward(  # type: ignore[override]  # one layer, where nn.LSTM runs all
        self,
        layer: int,
        recurrence: str,
        inputs: torch.Tensor,
        h0: torch.Tensor,
        c0: torch.Tensor,
        lengths: torch.Tensor | None = None,
        vocabulary: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """
        Runs one layer.

        Args:
            layer (`int`): which.
            recurrence (`str`): by which of `IMPLEMENTATIONS`: the plan's.
            inputs (`torch.Tensor`): vectors `(B, S, D)`, or tokens `(B, S)` if there is a `vocabulary`.
            h0, c0 (`torch.Tensor` of shape `(B, H)`): the state before the first token.
            lengths (`torch.Tensor` of shape `(B,)`, *optional*): the tokens of each row, padding being on the right.
            vocabulary (`torch.Tensor` of shape `(V, D)`, *optional*): the vectors of all tokens.

        Returns:
            The outputs `(B, S, H)`, and the state after each row's last token, `(B, H)` each.
        """
        kept = self.layouts  # read once, as another thread may close its context meanwhile
        layouts = None if kept is None else kept[layer]
        return IMPLEMENTATIONS[recurrence](inputs, h0, c0, self.layer_weights(layer), lengths, vocabulary, layouts)
