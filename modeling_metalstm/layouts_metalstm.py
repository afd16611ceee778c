"""What is derived from the weights for speed, such as a matrix laid out once for many products, and how it is kept."""

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

_LINEAR: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
_REORDER: Any = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
_OPENING = threading.Lock()  # one for all models: a module that held a lock couldn't be copied


def can_pack(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether oneDNN is there and multiplies this dtype on this device."""
    if _LINEAR is None or _REORDER is None or device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def is_plain(module: nn.Module, kind: type[nn.Module]) -> bool:
    """
    Whether a module is of this very class and no more than its weights, so that these may be used without calling it.
    An adapter around it isn't, nor is a module with a hook, or whose weights are quantised, parametrised or offloaded.
    """
    hooks = module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    # Offloading and wrappers put a `forward` of their own on the object; quantisation a tensor of its own class.
    is_wrapped = "forward" in module.__dict__ or type(module._parameters.get("weight")) is not nn.Parameter
    return type(module) is kind and not hooks and not is_wrapped


class PackedLinear:
    """
    `F.linear` with a weight in oneDNN's own layout, which `F.linear` itself would have it brought into at every call;
    plain `F.linear` where oneDNN isn't there. It doesn't follow later changes of the weight, and has no gradient.

    Args:
        weight (`torch.Tensor` of shape `(N, M)`): the matrix, of which a copy is made.
        num_rows (`int`): the number of rows of the inputs to come, for which the layout is chosen; others work too.
    """

    def __init__(self, weight: torch.Tensor, num_rows: int) -> None:
        weight = weight.detach()
        self.is_packed = can_pack(weight.dtype, weight.device)
        self.weight = _REORDER(weight, num_rows) if self.is_packed else weight

    def __call__(self, inputs: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        """Inputs `(B, M)` to `(B, N)`, with `added (B, N)` or `(N,)` on top."""
        if not self.is_packed:
            outputs = F.linear(inputs, self.weight)
            return outputs if added is None else outputs + added
        if added is None or added.dim() == 1:
            return _LINEAR(inputs, self.weight, added, "none", [], "")
        return _LINEAR.binary(inputs, added, self.weight, None, "add")


class Layouts:
    """What was derived from weights that don't change for a while, each made when it is first asked for."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made: dict[Hashable, Future] = {}
        self.ready: dict[Hashable, Any] = {}

    def get(self, makers: Mapping[Any, Callable[[], Any]]) -> list[Any]:
        """What each of the makers made, by its key; threads that ask at the same time share the making."""
        if makers.keys() <= self.ready.keys():  # a generated token can't spend microseconds on more
            return [self.ready[key] for key in makers]
        for key, make in makers.items():
            with self.lock:
                if key in self.made:
                    continue
                self.made[key] = Future()
            try:
                self.made[key].set_result(make())
            except BaseException as error:
                self.made[key].set_exception(error)
        self.ready |= {key: self.made[key].result() for key in makers}
        return [self.ready[key] for key in makers]


class FreezableWeights:
    """
    For a module of `num_layers` layers, whose weights don't change for a while.

    Attributes:
        layouts (`list[Layouts]`, *optional*): one for each layer while the weights are frozen; None while they aren't.
    """

    num_layers: int
    layouts: list[Layouts] | None = None
    num_open = 0

    @contextmanager
    def frozen_weights(self) -> Iterator[None]:
        """See `MetaLSTMPreTrainedModel.frozen_weights`."""
        with _OPENING:
            self.num_open += 1
            if self.layouts is None:
                self.layouts = [Layouts() for _ in range(self.num_layers)]
        try:
            yield
        finally:
            with _OPENING:
                self.num_open -= 1
                if not self.num_open:  # the last of those that overlap
                    self.layouts = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy of the module that is made while its weights are frozen has weights that aren't."""
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name not in ("layouts", "num_open")}
