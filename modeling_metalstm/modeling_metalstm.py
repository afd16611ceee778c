"""
MetaLSTM: embedding → LSTM layers → linear head, which learns a language while it reads its examples.

The model of Volodymyr Kyrylov's post of 12 October 2023, at home in transformers: its state travels as
`past_key_values`, so a generated token costs the same after ten examples and after a thousand.
"""

import copy
import math
import threading
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn
from transformers import DynamicCache, GenerationMixin, PreTrainedModel, StoppingCriteriaList
from transformers import initialization as init
from transformers.cache_utils import Cache
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.utils import can_return_tuple

from .cache_metalstm import LSTMCacheLayer
from .configuration_metalstm import MetaLSTMConfig
from .generation_metalstm import ClosedAlphabetStopStrings
from .layouts_metalstm import Layouts
from .recurrence import (
    GATE_RECURRENCES,
    choose_recurrence,
    fold,
    lstm_from_gates,
    lstm_from_inputs,
    lstm_step,
    prepend_state,
)

if TYPE_CHECKING:
    # A saved folder holds the files that this one imports from; this line has the pipeline saved with the model.
    from .pipeline_metalstm import InContextTranslationPipeline  # noqa: F401


_OPENING = threading.Lock()  # of every model, as a lock can't be copied with one


class MetaLSTMLayers(GradientCheckpointingLayer, nn.LSTM):
    """
    The parameters of `torch.nn.LSTM`, under its names and in its layout (a state dict of one loads into the other),
    run one layer at a time by any of the recurrences.
    """

    def __init__(self, config: MetaLSTMConfig):
        super().__init__(config.embedding_size, config.hidden_size, config.num_hidden_layers, batch_first=True)
        self.layouts, self.num_open = None, 0

    @contextmanager
    def frozen_weights(self):
        """
        While it is open, what is derived from the weights is made once and kept: for generation, and for the parts of
        one training step. Whoever opens it doesn't change the weights before it is closed.
        """
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

    def layer_weights(self, layer: int) -> list[torch.Tensor]:
        """`weight_ih (4H, D)`, `weight_hh (4H, H)`, `bias_ih (4H,)`, `bias_hh (4H,)` of one layer."""
        return [getattr(self, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def forward(
        self,
        layer: int,
        recurrence: str,
        inputs: torch.Tensor,
        h0: torch.Tensor,
        c0: torch.Tensor,
        lengths: torch.Tensor | None = None,
        vocabulary: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """
        Runs one layer.

        Args:
            layer (`int`): which.
            recurrence (`str`): by which recurrence, from `choose_recurrence`.
            inputs (`torch.Tensor`): vectors `(B, S, D)`, or tokens `(B, S)` if there is a `vocabulary`.
            h0, c0 (`torch.Tensor` of shape `(B, H)`): the state before the first token.
            lengths (`torch.Tensor` of shape `(B,)`, *optional*): the tokens of each row, padding being on the right.
            vocabulary (`torch.Tensor` of shape `(V, D)`, *optional*): the vectors of all tokens.

        Returns:
            The outputs `(B, S, H)`, and the state after each row's last token, `(B, H)` each.
        """
        weight_ih, weight_hh, bias_ih, bias_hh = weights = self.layer_weights(layer)
        layouts = None if self.layouts is None else self.layouts[layer]
        if layouts is not None and inputs.shape[1] == 1 and lengths is None and _is_plain_inference():
            return lstm_step(inputs, h0, c0, weights, layouts, vocabulary)
        if recurrence not in GATE_RECURRENCES:
            if vocabulary is not None:
                inputs, weight_ih = fold(inputs, vocabulary, weight_ih)
            return lstm_from_inputs(inputs, h0, c0, [weight_ih, weight_hh, bias_ih, bias_hh], lengths)
        bias = bias_ih + bias_hh
        if vocabulary is not None:  # each of its vectors is multiplied once, then the products are looked up
            return lstm_from_gates(
                recurrence, F.linear(vocabulary, weight_ih, bias), h0, c0, weight_hh, inputs, lengths, layouts
            )
        gates_x = F.linear(inputs.transpose(0, 1), weight_ih, bias).transpose(0, 1)  # stored time-major
        return lstm_from_gates(recurrence, gates_x, h0, c0, weight_hh, None, lengths, layouts)


def _is_plain_inference() -> bool:
    return not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


class Padding:
    """
    Padding anywhere in a batch: brings the real tokens of each row to the front, and spreads what was computed back.

    ```
    mask      0 1 0 1 1
    compact   a b c · ·          positions 1 3 4, length 3
    spread    - a a b c          the state before the first token, then the last one known
    ```
    So a padded position shows the state as its row's last real token left it, as if the padding weren't there.

    Args:
        mask (`torch.Tensor` of shape `(B, S)`): non-zero where a token is real.
    """

    def __init__(self, mask: torch.Tensor):
        self.lengths = mask.sum(dim=1)
        width = max(int(self.lengths.max()), 1)
        self.positions = (~mask).to(torch.uint8).argsort(dim=1, stable=True)[:, :width]
        self.num_read = mask.cumsum(dim=1)

    def compact(self, inputs: torch.Tensor) -> torch.Tensor:
        """`(B, S)` or `(B, S, D)` to the same with the longest row's number of real tokens for `S`."""
        return inputs.take_along_dim(self.positions if inputs.dim() == 2 else self.positions[..., None], dim=1)

    def spread(self, outputs: torch.Tensor, h0: torch.Tensor) -> torch.Tensor:
        """Outputs of the compact sequence, and the state `(B, H)` before it, to `(B, S, H)`."""
        return prepend_state(h0, outputs).take_along_dim(self.num_read[..., None], dim=1)


class MetaLSTMPreTrainedModel(PreTrainedModel):
    config_class = MetaLSTMConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    # An LSTM can't take tokens back: this has `generate()` refuse assisted decoding in a sentence.
    _is_stateful = True
    # For a `TranslatorSession`: questions of different lengths are one batch, padded.
    skips_padding = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """`torch`'s own initialisation, which the library's would replace, or ours: see `MetaLSTMConfig`."""
        if isinstance(module, nn.Embedding):
            weight = torch.randn_like(module.weight)
            if module.padding_idx is not None:
                weight[module.padding_idx] = 0
            init.copy_(module.weight, weight)
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            for parameter in module.parameters():
                init.uniform_(parameter, -bound, bound)
        elif isinstance(module, MetaLSTMLayers):
            bound = 1 / math.sqrt(module.hidden_size)
            for name, parameter in module.named_parameters():
                if self.config.initialization == "torch" or name.startswith("weight_ih"):
                    init.uniform_(parameter, -bound, bound)
                elif name.startswith("weight_hh"):
                    gates = [init.orthogonal_(torch.empty_like(gate)) for gate in parameter.chunk(4)]
                    init.copy_(parameter, torch.cat(gates))
                else:
                    forget = float(name.startswith("bias_ih"))  # once: the two biases add up
                    bias = parameter.new_tensor([0.0, forget, 0.0, 0.0]).repeat_interleave(module.hidden_size)
                    init.copy_(parameter, bias)


class MetaLSTMModel(MetaLSTMPreTrainedModel):
    """The embedding and the LSTM layers: tokens in, hidden states out."""

    _keys_to_ignore_on_load_unexpected = ["lm_head"]  # `AutoModel` reads the folder of a `MetaLSTMForCausalLM`

    def __init__(self, config: MetaLSTMConfig):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id)
        self.lstm = MetaLSTMLayers(config)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        attention_mask: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        use_cache: bool | None = None,
        output_hidden_states: bool | None = None,
        **kwargs,
    ) -> BaseModelOutputWithPast:
        """
        Args:
            input_ids (`torch.LongTensor` of shape `(B, S)`): the tokens; or `inputs_embeds`, one of the two.
            attention_mask (`torch.Tensor` of shape `(B, ≥ S)`, *optional*): 0 for padding, anywhere in a row; of a
                continued sequence the last `S` columns count.
            past_key_values (`Cache`, *optional*): the state of each layer, from an earlier call or from
                `DynamicCache(config=model.config)`; it is brought up to date in place.
            inputs_embeds (`torch.FloatTensor` of shape `(B, S, D)`, *optional*): embeddings in place of tokens.
            use_cache (`bool`, *optional*): whether to return the state; `config.use_cache` if not given.
            output_hidden_states (`bool`, *optional*): whether to return the embeddings and each layer's outputs.

        Returns:
            `BaseModelOutputWithPast`: `last_hidden_state (B, S, H)`, `past_key_values`, `hidden_states`. At a padded
            position they repeat those of the last real token before it.

        Raises:
            ValueError: if there are both or neither of `input_ids` and `inputs_embeds`, if the mask is too short, or
                if the cache isn't one of this model and batch.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give the model either `input_ids` or `inputs_embeds`, one of the two.")
        if use_cache is None:
            use_cache = self.config.use_cache
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)

        batch_size, sequence_length = (input_ids if inputs_embeds is None else inputs_embeds).shape[:2]
        device_type = self.embed_tokens.weight.device.type
        recurrence = choose_recurrence(self.config.recurrence, sequence_length, self.lstm.hidden_size, device_type)
        vocabulary = None
        if inputs_embeds is None:
            vocab_size = self.embed_tokens.num_embeddings
            if output_hidden_states or recurrence == "nn_lstm":
                inputs_embeds = self.embed_tokens(input_ids)
            elif sequence_length == 1 and self.lstm.layouts is not None and _is_plain_inference():
                vocabulary = self.embed_tokens.weight  # its products are kept
            elif batch_size * sequence_length > vocab_size:
                # Through the module, so that the padding token gets no gradient here either.
                vocabulary = self.embed_tokens(torch.arange(vocab_size, device=input_ids.device))
            else:
                inputs_embeds = self.embed_tokens(input_ids)
        inputs = inputs_embeds if vocabulary is None else input_ids
        hidden_states = (inputs_embeds,) if output_hidden_states else None

        padding = self._find_padding(attention_mask, sequence_length)
        if padding is not None:
            inputs = padding.compact(inputs)
        lengths = None if padding is None else padding.lengths
        dtype = self.embed_tokens.weight.dtype
        num_layers = self.lstm.num_layers
        for layer in range(num_layers):
            h0, c0 = self._read_state(past_key_values, layer, batch_size, inputs.device, dtype)
            outputs, h, c = self.lstm(layer, recurrence, inputs, h0, c0, lengths, vocabulary if layer == 0 else None)
            if past_key_values is not None:
                past_key_values.update(h, c, layer, num_tokens=sequence_length)
            if output_hidden_states or layer == num_layers - 1:
                last_hidden_state = outputs if padding is None else padding.spread(outputs, h0)
            if output_hidden_states:
                hidden_states += (last_hidden_state,)
            inputs = F.dropout(outputs, self.config.dropout) if self.training else outputs

        return BaseModelOutputWithPast(
            last_hidden_state=last_hidden_state, past_key_values=past_key_values, hidden_states=hidden_states
        )

    @staticmethod
    def _find_padding(attention_mask: torch.Tensor | None, sequence_length: int) -> Padding | None:
        """The padding of the last `S` columns, or None where there is none."""
        if attention_mask is None:
            return None
        if attention_mask.dim() != 2 or attention_mask.shape[1] < sequence_length:
            raise ValueError(
                f"`attention_mask` must have two dimensions and at least the {sequence_length} columns of the input, "
                f"but its shape is {tuple(attention_mask.shape)}."
            )
        mask = attention_mask[:, -sequence_length:] != 0
        return None if mask.all() else Padding(mask)

    def _read_state(
        self, cache: Cache | None, layer: int, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One layer's hidden and cell state, `(B, H)` each: the cache's, or zeros before the first token."""
        if cache is not None:
            # By attribute: a model loaded as remote code has a cache class of its own.
            if layer >= len(cache.layers) or cache.layers[layer]._layer_type != LSTMCacheLayer._layer_type:
                raise ValueError(
                    "This model keeps LSTM states, so `past_key_values` must come from one of its earlier calls or "
                    "from `DynamicCache(config=model.config)`."
                )
            state = cache.layers[layer]
            if state.is_initialized:
                if state.keys.shape[0] != batch_size:
                    raise ValueError(
                        f"`past_key_values` holds the state of {state.keys.shape[0]} sequences, but the input has "
                        f"{batch_size}; `past_key_values.batch_repeat_interleave(n)` repeats each n times."
                    )
                return state.keys, state.values
        zeros = torch.zeros(batch_size, self.config.hidden_size, device=device, dtype=dtype)
        return zeros, zeros


class MetaLSTMForCausalLM(MetaLSTMPreTrainedModel, GenerationMixin):
    """The model with its head: tokens in, scores of the next token out."""

    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config: MetaLSTMConfig):
        super().__init__(config)
        self.model = MetaLSTMModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()
        # A translation is the most probable one: this keeps `pipeline("text-generation")` from sampling by default.
        self.generation_config.do_sample = False

    def _get_static_cache_init_shape(self) -> None:
        """A state has no heads to prepare: None has `generate()` leave a static cache to the first call."""

    def frozen_weights(self) -> AbstractContextManager[None]:
        """As of the layers: while it is open, what is derived from the weights is made once and kept."""
        return self.model.lstm.frozen_weights()

    @wraps(GenerationMixin.generate)
    def generate(self, *args, **kwargs):
        with self.model.lstm.frozen_weights():
            return super().generate(*args, **kwargs)

    @wraps(GenerationMixin.prepare_inputs_for_generation)
    def prepare_inputs_for_generation(
        self, input_ids, next_sequence_length=None, past_key_values=None, is_first_iteration=False, **kwargs
    ):
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

    def _get_stopping_criteria(self, generation_config, stopping_criteria, tokenizer=None, **kwargs):
        if generation_config.stop_strings is not None and tokenizer is not None:
            strings = ClosedAlphabetStopStrings(tokenizer, generation_config.stop_strings)
            stopping_criteria = StoppingCriteriaList([*(stopping_criteria or []), strings])
            generation_config = copy.copy(generation_config)
            generation_config.stop_strings = None
        return super()._get_stopping_criteria(generation_config, stopping_criteria, tokenizer=tokenizer, **kwargs)

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        attention_mask: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        labels: torch.LongTensor | None = None,
        use_cache: bool | None = None,
        output_hidden_states: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        **kwargs,
    ) -> CausalLMOutputWithPast:
        """
        Args:
            input_ids, attention_mask, past_key_values, inputs_embeds, use_cache, output_hidden_states: as in
                `MetaLSTMModel.forward`.
            labels (`torch.LongTensor` of shape `(B, S)`, *optional*): `input_ids` with -100 where a token doesn't
                count, unshifted: the model compares each score with the label of the position after it.
            logits_to_keep (`int` or `torch.Tensor`): the scores of so many last positions (0: of all), or of these.

        Returns:
            `CausalLMOutputWithPast`: `loss` (mean, in nats a token), `logits (B, S, V)`, `past_key_values`,
            `hidden_states`.
        """
        outputs = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(outputs.last_hidden_state[:, kept])
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size, **kwargs)
        return CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
        )
