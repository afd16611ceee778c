"""Labels that a model never learned: their loss is many nats, and this says why, once."""

import weakref

import torch
from transformers import PreTrainedModel
from transformers.utils import logging

from .derivatives_metalstm import is_transformed

logger = logging.get_logger(__name__)

_looked_at: weakref.WeakSet[PreTrainedModel] = weakref.WeakSet()
"""Models some labels of which were looked at on a GPU, where the host has to wait for the answer."""


def notice_unlearned(model: PreTrainedModel, labels: torch.Tensor) -> None:
    """
    Says once that labels count source words where the model was trained without them, as its `config.loss_on` says.
    On a GPU it looks at a model's first labels alone; it never does within a graph, a trace or a transformation.

    Args:
        labels (`torch.Tensor` of shape `(B, S)`): unshifted, so that the first of a row doesn't count.
    """
    config = model.config
    if config.loss_on != "targets" or torch.compiler.is_compiling() or is_transformed() or labels.is_meta:
        return
    if labels.device.type != "cpu":
        if model in _looked_at or (labels.is_cuda and torch.cuda.is_current_stream_capturing()):
            return
        _looked_at.add(model)
    counted = labels[..., 1:]
    if ((counted >= 0) & (counted < config.num_source_words)).any():
        logger.warning_once(
            "These `labels` count source words, but the model was trained without them (its `config.loss_on` is "
            "'targets'), so their loss of many nats says nothing about it. Set their labels to -100; or, if you "
            "train it on them, set `model.config.loss_on = 'all'`."
        )
