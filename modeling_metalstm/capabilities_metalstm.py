"""What a causal LM can do, asked of the model itself and not of the name of its type."""

from contextlib import AbstractContextManager, nullcontext

from transformers import PreTrainedConfig, PreTrainedModel
from transformers.cache_utils import Cache
from transformers.utils import ModelOutput


def frozen_weights(model: PreTrainedModel) -> AbstractContextManager:
    """While it is open, a model that derives something from its weights may keep it; most have nothing to keep."""
    return model.frozen_weights() if hasattr(model, "frozen_weights") else nullcontext()


def skips_padding(model: PreTrainedModel) -> bool:
    """
    Whether padding changes nothing, wherever it stands, in what goes on from a state too. Only a model that says so
    is believed: one with positions counts its padding, unless it is told the positions.
    """
    return getattr(model, "skips_padding", False)


def kept_state(output: ModelOutput) -> Cache | None:
    """
    The state after what a model has read, given `use_cache=True`, if any of its rows can be picked from a copy and
    read on from; else None, as of models that keep none, or keep it in a way of their own.
    """
    state = getattr(output, "past_key_values", None)
    if not isinstance(state, Cache):
        return None
    # Layers with recurrent states besides their keys and values inherit a way to pick rows of the latter only.
    pick = [
        hasattr(layer, "batch_select_indices") and not hasattr(layer, "recurrent_states") for layer in state.layers
    ]
    return state if all(pick) else None


def reach(config: PreTrainedConfig) -> int | None:
    """How many tokens a model reads at most; None for one whose positions never end."""
    positions = getattr(config, "max_position_embeddings", None)
    return positions if isinstance(positions, int) and positions > 0 else None
