"""How weights start: as `torch` draws them, or so that a fresh LSTM remembers. See `MetaLSTMConfig.initialization`."""

import math

import torch
from torch import nn
from transformers import initialization as init

from .layers_metalstm import MetaLSTMLayers
from .matrix_layer_metalstm import REMEMBERING, MemoryGates, MemoryProjection


@torch.no_grad()
def init_weights(module: nn.Module, initialization: str) -> None:
    """
    Draws the weights of one module, if it has any of its own; those that were loaded stay.

    Args:
        module (`nn.Module`): an embedding, a linear layer, a norm, the LSTM layers, or anything else, which is left as
            it is.
        initialization (`str`): `"torch"` or `"metalstm"`, which differ in the LSTM layers.
    """
    if isinstance(module, nn.Embedding):
        weight = torch.randn_like(module.weight)
        if module.padding_idx is not None:
            weight[module.padding_idx] = 0
        init.copy_(module.weight, weight)
    elif isinstance(module, MemoryGates):
        num_heads = module.out_features // 2
        init.zeros_(module.weight)
        init.copy_(module.bias, torch.cat([torch.zeros(num_heads), torch.linspace(*REMEMBERING, num_heads)]))
    elif isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.in_features)
        for parameter in module.parameters():
            init.uniform_(parameter, -bound, bound)
        if isinstance(module, MemoryProjection):
            _, keys, *others = module.weight.chunk(4)
            init.copy_(module.weight, torch.cat([keys, keys, *others]))
    elif isinstance(module, MetaLSTMLayers):
        bound = 1 / math.sqrt(module.hidden_size)
        for name, parameter in module.named_parameters():
            if initialization == "torch" or name.startswith("weight_ih"):
                init.uniform_(parameter, -bound, bound)
            elif name.startswith("weight_hh"):
                gates = [init.orthogonal_(torch.empty_like(gate)) for gate in parameter.chunk(4)]
                init.copy_(parameter, torch.cat(gates))
            else:
                forget = float(name.startswith("bias_ih"))  # in one of the two biases, as they add up
                bias = parameter.new_tensor([0.0, forget, 0.0, 0.0]).repeat_interleave(module.hidden_size)
                init.copy_(parameter, bias)
    elif isinstance(module, nn.LayerNorm):
        init.ones_(module.weight)
