"""
The model for other runtimes: a step, or a whole read, as a `torch.export` program whose state travels as tensors.

```python
>>> program = export_read(model)
>>> logits, *state = program.module()(input_ids, attention_mask, *empty_state(model, batch_size=2))
>>> torch.onnx.export(program, f="read.onnx", input_names=…, output_names=…)   # names: state_names(model.config)
```
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.export import Dim, ExportedProgram
from transformers import DynamicCache, PreTrainedModel

from .cache_metalstm import read_state
from .configuration_metalstm import OF_EXAMPLE, MetaLSTMConfig


def parts_of_state(config: MetaLSTMConfig, layer_type: str) -> tuple[str, ...]:
    """The names of what a layer of this type keeps: of a `MatrixState`, what the model's options make use of."""
    if layer_type == "lstm":
        return "hidden", "cell"
    places = ("place",) if layer_type in OF_EXAMPLE else ()
    return "memory", "output", *places, *(("keys",) if config.num_shifted_heads else ())


def state_names(config: MetaLSTMConfig) -> list[str]:
    """The state's tensors in their order, such as `layer_0_hidden`, `layer_0_cell`, `layer_1_memory`."""
    return [
        f"layer_{layer}_{part}"
        for layer, layer_type in enumerate(config.layer_types or ())
        for part in parts_of_state(config, layer_type)
    ]


def empty_layers(model: PreTrainedModel, batch_size: int) -> list[dict[str, torch.Tensor]]:
    """The state of each layer before the first token, all its parts, in the order that its cache layer takes them."""
    memories, layers = iter(model.model.mlstm), []
    for layer_type in model.config.layer_types:
        if layer_type == "lstm":
            shape = batch_size, model.config.lstm_size
            parts = {part: torch.zeros(shape, dtype=model.dtype, device=model.device) for part in ("hidden", "cell")}
        else:
            parts = next(memories).empty_state(batch_size)._asdict()
        layers.append(parts)
    return layers


def empty_state(model: PreTrainedModel, batch_size: int) -> list[torch.Tensor]:
    """
    The state before the first token, as `state_names` names it, each tensor with `batch_size` rows.

    Args:
        model (`MetaLSTMForCausalLM`): the model.
        batch_size (`int`): B.
    """
    layers = zip(model.config.layer_types, empty_layers(model, batch_size), strict=True)
    return [parts[part] for layer_type, parts in layers for part in parts_of_state(model.config, layer_type)]


class StateAsTensors(nn.Module):
    """
    A model that is given its state as tensors and gives it back so.

    Args:
        model (`MetaLSTMForCausalLM`): the model, of which a copy is made.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        # Weights that could be trained would have the scans' backward traced too, by whatever reads the program.
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None, *state: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """
        Args:
            input_ids (`torch.LongTensor` of shape `(B, S)`): the tokens.
            attention_mask (`torch.LongTensor` of shape `(B, S)`, *optional*): 0 for padding.
            state (`torch.Tensor`): as `state_names` names them.

        Returns:
            `logits (B, S, V)` and the state after each row's last token.
        """
        config, rows, given = self.model.config, input_ids.shape[0], iter(state)
        layers, cache = empty_layers(self.model, rows), DynamicCache(config=config)
        for layer, (layer_type, parts) in enumerate(zip(config.layer_types, layers, strict=True)):
            parts.update((part, next(given)) for part in parts_of_state(config, layer_type))
            keys, values, *others = parts.values()
            cache.update(keys, values, layer, *others)
        outputs = self.model(input_ids, attention_mask=attention_mask, past_key_values=cache)
        left: list[torch.Tensor] = []
        for layer, (layer_type, parts) in enumerate(zip(config.layer_types, layers, strict=True)):
            after = read_state(outputs.past_key_values, layer, layer_type, rows)
            parts.update(zip(parts, after or (), strict=True))
            left += (parts[part] for part in parts_of_state(config, layer_type))
        return outputs.logits, *left


def export_step(model: PreTrainedModel) -> ExportedProgram:
    """
    One token: `input_ids (B, 1)` and the state to `logits (B, 1, V)` and the state; B may vary, from 2 on.

    Args:
        model (`MetaLSTMForCausalLM`): the model, of any stack of layers.
    """
    return _export(model, with_mask=False)


def export_read(model: PreTrainedModel) -> ExportedProgram:
    """
    Tokens, S ≥ 3: `input_ids (B, S)`, `attention_mask (B, S)` and the state to `logits (B, S, V)` and the state; B may
    vary too, from 2 on.

    Args:
        model (`MetaLSTMForCausalLM`): the model, of any stack of layers.
    """
    return _export(model, with_mask=True)


def _export(model: PreTrainedModel, with_mask: bool) -> ExportedProgram:
    rows, length = Dim("rows", min=2, max=1 << 16), Dim("length", min=3, max=1 << 20)
    of_tokens = {0: rows, 1: length} if with_mask else {0: rows}
    tokens = torch.zeros(2, 3 if with_mask else 1, dtype=torch.long, device=model.device)
    mask = torch.ones_like(tokens) if with_mask else None
    state = empty_state(model, batch_size=2)
    # The body of a scan is compiled, and a body that was once compiled for one size only would be taken for this one.
    torch.compiler.reset()
    with torch.no_grad():
        program = torch.export.export(
            StateAsTensors(model),
            (tokens, mask, *state),
            dynamic_shapes=(of_tokens, of_tokens if with_mask else None, tuple({0: rows} for _ in state)),
            strict=False,
        )
        return program.run_decompositions({torch.ops.aten.log_sigmoid.default: _log_sigmoid})


def _log_sigmoid(values: torch.Tensor) -> torch.Tensor:
    """
    `F.logsigmoid`. ONNX has no such function, and would get log(σ(x)), of which ONNX Runtime makes -∞ below -18: its σ
    is exact to 1e-7, but not to a small part of itself. A memory's gates are as small as that, and the norm of what is
    read brings the error back to full size.
    """
    return -F.softplus(-values)
