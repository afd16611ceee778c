"""The state of an LSTM layer as a cache layer, so that `past_key_values` and `generate()` carry it."""

from typing import Any

import torch
from transformers.cache_utils import STATIC_LAYER_TYPE_MAPPING, Cache, CacheLayerMixin


class LSTMCacheLayer(CacheLayerMixin):
    """
    One LSTM layer's state: `keys` is the hidden state and `values` the cell state, each `(B, H)`, whatever the number
    of tokens read. `DynamicCache(config=MetaLSTMConfig(…))` builds one for each layer.

    The state is replaced, never written into, so a copy of the cache (`copy.deepcopy`) stays valid. It can't be
    cropped: an LSTM doesn't remember how it was before its last token.
    """

    _layer_type = "lstm"  # the base class enters it for `DynamicCache`
    is_croppable = False
    is_compileable = False
    supports_early_init = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cumulative_length = 0

    @property
    def batch_size(self) -> int:
        return self.keys.shape[0] if self.is_initialized else -1

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.device = key_states.device
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, num_tokens: int = 0, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Takes the state after `num_tokens` more columns of input, padding included.

        Args:
            key_states (`torch.Tensor` of shape `(B, H)`): the hidden state.
            value_states (`torch.Tensor` of shape `(B, H)`): the cell state.
            num_tokens (`int`): the number of columns read, by which `get_seq_length()` grows.
        """
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys, self.values = key_states, value_states
        self.cumulative_length += num_tokens
        return self.keys, self.values

    def get_seq_length(self) -> int:
        return self.cumulative_length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.cumulative_length + query_length, 0

    def get_max_length(self) -> int:
        return -1

    def reset(self) -> None:
        LSTMCacheLayer.__init__(self)

    def crop(self, tokens_to_remove: int) -> None:
        if tokens_to_remove != 0:
            raise ValueError(
                "The state of an LSTM can't be cropped; keep a copy of it from before the tokens instead."
            )

    def batch_repeat_interleave(self, repeats: int) -> None:
        if self.is_initialized:
            self.keys = self.keys.repeat_interleave(repeats, dim=0)
            self.values = self.values.repeat_interleave(repeats, dim=0)

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        if self.is_initialized:
            self.keys, self.values = self.keys[indices], self.values[indices]


# A state has one size however long the prompt, so the static cache is the same thing.
STATIC_LAYER_TYPE_MAPPING[LSTMCacheLayer._layer_type] = LSTMCacheLayer


def read_state(cache: Cache, layer: int, batch_size: int) -> tuple[torch.Tensor, torch.Tensor] | None:
    """
    One layer's hidden and cell state, `(B, H)` each; None before the first token.

    Args:
        cache (`Cache`): what was given as `past_key_values`.
        layer (`int`): which.
        batch_size (`int`): B of the input.

    Raises:
        ValueError: if the cache isn't one of this model and batch.
    """
    # By attribute: a model loaded as remote code has a cache class of its own.
    if layer >= len(cache.layers) or cache.layers[layer]._layer_type != LSTMCacheLayer._layer_type:
        raise ValueError(
            "This model keeps LSTM states, so `past_key_values` must come from one of its earlier calls or "
            "from `DynamicCache(config=model.config)`."
        )
    state = cache.layers[layer]
    if not state.is_initialized:
        return None
    if state.keys.shape[0] != batch_size:
        raise ValueError(
            f"`past_key_values` holds the state of {state.keys.shape[0]} sequences, but the input has "
            f"{batch_size}; `past_key_values.batch_repeat_interleave(n)` repeats each n times."
        )
    return state.keys, state.values
