"""What `generate()` needs of its own for a model that keeps a state, and whose tokenizer knows a closed alphabet."""

import copy
from functools import wraps
from typing import Any

import torch
from transformers import (
    GenerationConfig,
    GenerationMixin,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.cache_utils import Cache
from transformers.utils import ModelOutput


class MetaLSTMGenerationMixin(GenerationMixin):
    """`generate()`, for a model with `frozen_weights()`."""

    def _get_static_cache_init_shape(self) -> None:
        """A state has no heads to prepare: None has `generate()` leave a static cache to the first call."""

    @wraps(GenerationMixin.generate)
    def generate(self, *args: Any, **kwargs: Any) -> ModelOutput | torch.LongTensor:
        with self.frozen_weights():
            return super().generate(*args, **kwargs)

    @wraps(GenerationMixin.prepare_inputs_for_generation)
    def prepare_inputs_for_generation(
        self,
        input_ids: torch.LongTensor,
        next_sequence_length: int | None = None,
        past_key_values: Cache | None = None,
        is_first_iteration: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """
        After the first step, the newest token and the state are all that is read: no positions, and no mask, as
        `generate()` masks no token of its own. The base class's preparations would take a fifth of a token's time.
        """
        if is_first_iteration or next_sequence_length != 1 or past_key_values is None:
            return super().prepare_inputs_for_generation(
                input_ids,
                next_sequence_length=next_sequence_length,
                past_key_values=past_key_values,
                is_first_iteration=is_first_iteration,
                **kwargs,
            )
        for name in ("attention_mask", "inputs_embeds", "labels"):
            kwargs.pop(name, None)
        newest = input_ids[:, -1:].to(self.lm_head.weight.device)
        return {"input_ids": newest, "past_key_values": past_key_values, **kwargs}

    def _get_stopping_criteria(
        self,
        generation_config: GenerationConfig,
        stopping_criteria: StoppingCriteriaList | None,
        tokenizer: PreTrainedTokenizerBase | None = None,
        **kwargs: Any,
    ) -> StoppingCriteriaList:
        if generation_config.stop_strings is not None and tokenizer is not None:
            strings = ClosedAlphabetStopStrings(tokenizer, generation_config.stop_strings)
            stopping_criteria = StoppingCriteriaList([*(stopping_criteria or []), strings])
            generation_config = copy.copy(generation_config)
            generation_config.stop_strings = None
        return super()._get_stopping_criteria(generation_config, stopping_criteria, tokenizer=tokenizer, **kwargs)


class ClosedAlphabetStopStrings(StoppingCriteria):
    """
    Ends a row when its text holds a stop string that its last token ends or completes.

    transformers' own criterion has the tokenizer encode a word of its own, which a closed alphabet refuses; this one
    only decodes.

    Args:
        tokenizer (`PreTrainedTokenizerBase`): the model's.
        stop_strings (`str` or `list[str]`): the strings.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stop_strings: str | list[str]) -> None:
        self.tokenizer = tokenizer
        self.stop_strings = [stop_strings] if isinstance(stop_strings, str) else list(stop_strings)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        texts = self.tokenizer.batch_decode(input_ids)
        texts_before = self.tokenizer.batch_decode(input_ids[:, :-1])
        ended = [
            any(text.find(string, max(0, len(before) - len(string) + 1)) >= 0 for string in self.stop_strings)
            for text, before in zip(texts, texts_before, strict=True)
        ]
        return torch.tensor(ended, device=input_ids.device)
