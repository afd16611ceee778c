"""What else a call of the model is given: nothing that it would have to heed is passed over in silence."""

import difflib
from collections.abc import Mapping
from typing import Any

OWN = (
    *("input_ids", "attention_mask", "past_key_values", "inputs_embeds", "labels", "use_cache"),
    *("output_hidden_states", "logits_to_keep", "mark_ids"),
)
"""The arguments of `MetaLSTMForCausalLM.forward`."""

PASSED_OVER = frozenset(
    {"position_ids", "cache_position", "token_type_ids", "output_attentions", "return_dict", "num_items_in_batch"}
)
"""Those that libraries give every model: a state needs no positions, and the loss takes what is its own."""

STATES = frozenset({"cache_params", "state", "states", "rnn_state", "past", "mems", "inference_params"})
"""What other models call `past_key_values`."""


def check_arguments(has_mask: bool, others: Mapping[str, Any]) -> None:
    """
    Args:
        has_mask (`bool`): whether there is an attention mask.
        others (`Mapping`): the arguments that `forward` has no name for.

    Raises:
        ValueError: if one of them is misspelt, is a state by the name that another model has for it, or says that a
            row holds several documents.
    """
    for name, value in others.items():
        if name in PASSED_OVER or value is None:
            continue
        if name in STATES:
            raise ValueError(f"This model takes its state as `past_key_values`, not as `{name}`.")
        if nearest := difflib.get_close_matches(name, OWN, 1, cutoff=0.8):
            raise ValueError(f"This model has no argument `{name}`; did you mean `{nearest[0]}`?")
    if _is_packed(others, has_mask):
        raise ValueError(
            "A row of this model is one document, as its state goes on to the row's end; give it each document as a "
            "row of its own (`packing=False`; `DataCollatorForLanguageModeling` rather than one with flattening)."
        )


def _is_packed(others: Mapping[str, Any], has_mask: bool) -> bool:
    """Whether a row holds several documents, by what a collator says that packs them."""
    ends, number, positions = (others.get(name) for name in ("cu_seq_lens_q", "seq_idx", "position_ids"))
    if ends is not None and ends.numel() > 2:
        return True
    if number is not None and bool((number != number[..., :1]).any()):
        return True
    # Beside a mask, positions are those of padding. Without one, they fall where a document begins.
    return positions is not None and not has_mask and bool((positions.diff(dim=-1) < 0).any())
