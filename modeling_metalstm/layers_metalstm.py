"""The LSTM layers: parameters of `torch.nn.LSTM`, run one layer at a time by the recurrence that was planned."""

import warnings
from typing import Any

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from .configuration_metalstm import MetaLSTMConfig
from .dispatch_metalstm import IMPLEMENTATIONS
from .layouts_metalstm import FreezableWeights


class MetaLSTMLayers(FreezableWeights, GradientCheckpointingLayer, nn.LSTM):
    """
    All LSTM layers in one module, by `nn.LSTM`'s names and in its layout: where nothing stands between them, a state
    dict of one loads into the other.

    Args:
        config (`MetaLSTMConfig`): of a model with LSTM layers.
    """

    def __init__(self, config: MetaLSTMConfig) -> None:
        kinds: Any = config.layer_types  # a list, and the next an int, which the configuration has seen to
        hidden_size: Any = config.lstm_size
        input_sizes = [size for size, kind in zip(config.input_sizes, kinds, strict=True) if kind == "lstm"]
        super().__init__(input_sizes[0], hidden_size, len(input_sizes), batch_first=True)
        for layer, input_size in enumerate(input_sizes):
            if layer and input_size != hidden_size:  # a layer of another type, and size, is between
                setattr(self, f"weight_ih_l{layer}", nn.Parameter(torch.empty(4 * hidden_size, input_size)))

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "qconfig":  # which torch.ao gives every module of a model that it quantises
            warnings.warn(
                "torch.ao's quantisation knows torch.nn.LSTM alone, not what derives from it: this model's LSTM "
                "layers stay as they are.",
                stacklevel=2,
            )
        super().__setattr__(name, value)

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
            layer (`int`): which of the LSTM layers.
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
