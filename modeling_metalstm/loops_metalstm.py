"""
How a recurrence is run over its sequence: a step for each token, one after the other, or as one operation.

```
step(state, (x_t, …)) -> state, y_t
loop(step, state, x, …) -> the last state, and all y_t
```
A state is a tensor or a tuple of them. Sequences, and the outputs, have time for their first axis, `(S, …)`.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_map

Step = Callable[[Any, tuple[torch.Tensor, ...]], tuple[Any, torch.Tensor]]
Loop = Callable[..., tuple[Any, torch.Tensor]]


def one_by_one(step: Step, state: Any, *sequences: torch.Tensor) -> tuple[Any, torch.Tensor]:
    """The steps as Python runs them."""
    outputs = []
    for inputs in zip(*(sequence.unbind(0) for sequence in sequences), strict=True):
        state, output = step(state, inputs)
        outputs.append(output)
    return state, torch.stack(outputs)


def scanned(step: Step, state: Any, *sequences: torch.Tensor) -> tuple[Any, torch.Tensor]:
    """
    The steps as one operation, torch's `scan`: what `torch.export` and ONNX are given, so that a graph is as small as
    one step, and length and batch may vary. Outside of an export it is slow.
    """
    from torch._higher_order_ops.scan import scan  # imports the compiler, for which nothing but an export has time

    def apart(state: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[Any, torch.Tensor]:
        state, output = step(state, inputs)
        return state, output.clone()  # an output may not be a part of the state

    return scan(apart, tree_map(torch.clone, state), sequences, dim=0)
