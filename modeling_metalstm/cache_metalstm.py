"""The state of each type of layer as a cache layer, so that `past_key_values` and `generate()` carry it."""

import copy
from collections.abc import Callable
from typing import Any, Self

import torch
from transformers.cache_utils import STATIC_LAYER_TYPE_MAPPING, Cache, CacheLayerMixin


class LSTMCacheLayer(CacheLayerMixin):
    """
    One LSTM layer's state: `keys` is the hidden state and `values` the cell state, each `(B, H)`, whatever the number
    of tokens read. `DynamicCache(config=MetaLSTMConfig(…))` builds one for each layer.

    The state is replaced, never written into, so a copy of the cache (`copy.deepcopy`) stays valid, with the same
    gradients. `for layer in cache.layers: layer.detach()` cuts a cache off from what it was computed from, as between
    the segments of truncated backpropagation. A state can't be cropped: an LSTM doesn't remember how it was before its
    last token.
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
        type(self).__init__(self)

    def crop(self, tokens_to_remove: int) -> None:
        if tokens_to_remove != 0:
            raise ValueError(
                "The state of an LSTM can't be cropped; keep a copy of it from before the tokens instead."
            )

    def _change(self, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Puts what `change` makes of it in the place of each part of the state."""
        if self.is_initialized:
            self.keys, self.values = change(self.keys), change(self.values)

    def detach(self) -> None:
        """Cuts the state off from the graph that it was computed in: no gradient goes further back."""
        self._change(torch.Tensor.detach)

    def batch_repeat_interleave(self, repeats: int) -> None:
        self._change(lambda part: part.repeat_interleave(repeats, dim=0))

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        self._change(lambda part: part[indices])

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
        self._change(lambda part: part.index_select(0, beam_idx.to(part.device)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = copy.copy(self)
        # A tensor that was computed with gradients has no deep copy; a clone passes them on.
        copied._change(lambda part: copy.deepcopy(part, memo) if part.is_leaf else part.clone())
        return copied


class MatrixCacheLayer(LSTMCacheLayer):
    """
    One matrix memory's state, a `MatrixState`: `keys` is its memory `(B, N, d, d)`, `values` its last output `(B, H)`,
    `places` the last token's place `(B,)` and `last_keys` its keys `(B, M, d)`, whatever the number of tokens read.
    """

    _layer_type = "mlstm"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.places: torch.Tensor | None = None
        self.last_keys: torch.Tensor | None = None

    def update(  # type: ignore[override]
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        places: torch.Tensor | None = None,
        last_keys: torch.Tensor | None = None,
        num_tokens: int = 0,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Takes the state after `num_tokens` more columns of input, padding included.

        Args:
            key_states, value_states, places, last_keys (`torch.Tensor`): the parts of a `MatrixState`.
            num_tokens (`int`): the number of columns read, by which `get_seq_length()` grows.
        """
        self.places, self.last_keys = places, last_keys
        return super().update(key_states, value_states, num_tokens, **kwargs)

    def _change(self, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super()._change(change)
        if self.places is not None and self.last_keys is not None:
            self.places, self.last_keys = change(self.places), change(self.last_keys)


class ExampleMatrixCacheLayer(MatrixCacheLayer):
    """The state of a layer of type `"mlstm_example"`."""

    _layer_type = "mlstm_example"


class DeltaCacheLayer(MatrixCacheLayer):
    """The state of a layer of type `"delta"`."""

    _layer_type = "delta"


class ExampleDeltaCacheLayer(MatrixCacheLayer):
    """The state of a layer of type `"delta_example"`."""

    _layer_type = "delta_example"


# A state has one size however long the prompt, so the static cache is the same thing.
for _layer in (LSTMCacheLayer, MatrixCacheLayer, ExampleMatrixCacheLayer, DeltaCacheLayer, ExampleDeltaCacheLayer):
    STATIC_LAYER_TYPE_MAPPING[_layer._layer_type] = _layer


def read_state(cache: Cache, layer: int, layer_type: str, batch_size: int) -> tuple[torch.Tensor, ...] | None:
    """
    One layer's state: an LSTM's hidden and cell state, `(B, H)` each, or the parts of a `MatrixState`; None before the
    first token.

    Args:
        cache (`Cache`): what was given as `past_key_values`.
        layer (`int`): which.
        layer_type (`str`): its type, of the model.
        batch_size (`int`): B of the input.

    Raises:
        ValueError: if the cache isn't one of this model and batch.
    """
    # By attribute: a model loaded as remote code has a cache class of its own.
    if layer >= len(cache.layers) or cache.layers[layer]._layer_type != layer_type:
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
    if layer_type == "lstm":
        return state.keys, state.values
    return state.keys, state.values, state.places, state.last_keys
