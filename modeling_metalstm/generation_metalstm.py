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
        check_goes_on(kwargs.get("past_key_values"), args, kwargs)
        with self.frozen_weights():
            return super().generate(*args, **kwargs)

    @wraps(GenerationMixin._prepare_cache_for_generation)
    def _prepare_cache_for_generation(
        self, generation_config: GenerationConfig, model_kwargs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """
        The caller's state becomes one of all rows, as the prompts have become by now: a copy, as it is the caller's.

        Not in `_expand_inputs_for_generation`: decoding loops of others call that once more, and repeat states alone.
        """
        state = model_kwargs.get("past_key_values")
        rows_each = max(generation_config.num_beams, generation_config.num_return_sequences)
        if rows_each > 1 and isinstance(state, Cache) and state.get_seq_length() > 0:
            model_kwargs["past_key_values"] = copy.deepcopy(state)
            model_kwargs["past_key_values"].batch_repeat_interleave(rows_each)
        return super()._prepare_cache_for_generation(generation_config, model_kwargs, *args, **kwargs)

    def heal_tokens(self, *args: Any, **kwargs: Any) -> torch.LongTensor:
        """
        Raises:
            ValueError: always.
        """
        raise ValueError("`token_healing` completes parts of words, and this model's tokens are whole ones.")

    def init_continuous_batching(self, *args: Any, **kwargs: Any) -> Any:
        """
        Raises:
            ValueError: always; `generate_batch` and `transformers serve` ask for it.
        """
        raise ValueError(
            "Continuous batching shares out pages of keys and values, of which this model keeps none; `generate()` "
            "takes prompts of different lengths as one padded batch, at the same cost a token however long they are."
        )

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
        return {"input_ids": input_ids[:, -1:], "past_key_values": past_key_values, **kwargs}

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


def check_goes_on(state: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """
    Whether a prompt has something that its state hasn't read.

    Args:
        state (`Cache`, *optional*): the state that `generate()` was given.
        args, kwargs: its other arguments.

    Raises:
        ValueError: if there is nothing, as a state can't go back to before its last token.
    """
    prompt, mask = args[0] if args else None, kwargs.get("attention_mask")
    for name in ("inputs", "input_ids", "inputs_embeds"):
        prompt = kwargs.get(name) if prompt is None else prompt
    if not isinstance(state, Cache) or prompt is None or not state.layers:
        return
    num_read, num_given = state.get_seq_length(), (prompt if mask is None else mask).shape[1]
    if num_read and num_given <= num_read:
        raise ValueError(
            f"`past_key_values` has read {num_read} tokens, and the prompt has {num_given}: `generate()` reads what "
            "is beyond those, and an LSTM can't take any back; keep a copy of the state from before the last token, "
            "or give the prompt alone."
        )


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
