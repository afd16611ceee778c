"""
Derivatives that a gradient by hand doesn't have are taken through the reference, which torch itself differentiates:
second ones where they are asked for (`create_graph=True`), and all that `torch.func` and forward mode make.
"""

from collections.abc import Callable, Sequence

import torch
from torch.autograd import forward_ad


def is_transformed() -> bool:
    """Whether a transformation of `torch.func` (`vmap`, `grad`, `jacrev`, …) or forward mode is at work."""
    return torch._C._functorch.maybe_current_level() is not None or forward_ad._current_level >= 0


def gradients_by_reference(
    reference: Callable[..., tuple[torch.Tensor, ...]],
    inputs: Sequence[torch.Tensor | None],
    grad_outputs: Sequence[torch.Tensor],
    needs_input_grad: Sequence[bool],
) -> tuple[torch.Tensor | None, ...]:
    """
    The gradients of a function's inputs, in a way that they can be differentiated again.

    Args:
        reference (`Callable`): computes what the function does, by operations that torch differentiates.
        inputs (`Sequence[torch.Tensor]`): the function's, as its `ctx.saved_tensors` has them.
        grad_outputs (`Sequence[torch.Tensor]`): the gradients of its outputs.
        needs_input_grad (`Sequence[bool]`): of each input, whether its gradient is wanted.

    Returns:
        The gradients, None where none is wanted.
    """
    wanted = [x for x, is_wanted in zip(inputs, needs_input_grad, strict=True) if x is not None and is_wanted]
    with torch.enable_grad():
        outputs = reference(*inputs)
        found = iter(torch.autograd.grad(outputs, wanted, grad_outputs, create_graph=True, materialize_grads=True))
    return tuple(next(found) if is_wanted else None for is_wanted in needs_input_grad)
