"""
MetaLSTM: embedding → LSTM layers → linear head, which learns a language while it reads its examples.

The model of Volodymyr Kyrylov's post of 12 October 2023, at home in transformers: its state travels as
`past_key_values`, so a generated token costs the same after ten examples and after a thousand.
"""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import Cache
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.utils import can_return_tuple

from .cache_metalstm import read_state
from .configuration_metalstm import MetaLSTMConfig
from .dispatch_metalstm import plan_call
from .generation_metalstm import MetaLSTMGenerationMixin
from .initialization_metalstm import init_weights
from .layers_metalstm import MetaLSTMLayers
from .padding_metalstm import find_padding

if TYPE_CHECKING:
    # A saved folder holds the files that this one imports from; this line has the pipeline saved with the model.
    from .pipeline_metalstm import InContextTranslationPipeline  # noqa: F401


class MetaLSTMPreTrainedModel(PreTrainedModel):
    config_class = MetaLSTMConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    # An LSTM can't take tokens back: this has `generate()` refuse assisted decoding in a sentence.
    _is_stateful = True
    # For a `TranslatorSession`: questions of different lengths are one batch, padded.
    skips_padding = True
    # For training: no step of it has the host wait for a GPU, so that steps can be CUDA graphs.
    is_capturable = True

    def _init_weights(self, module: nn.Module) -> None:
        init_weights(module, self.config.initialization)

    def frozen_weights(self) -> AbstractContextManager[None]:
        """
        A context: while it is open, what is derived from the weights is made once and kept, which speeds up reading
        tokens one by one (`generate()` opens it itself) and the parts of one training step. Whoever opens it doesn't
        change the weights before it is closed; contexts may overlap, also those of several threads.
        """
        return self.base_model.lstm.frozen_weights()


class MetaLSTMModel(MetaLSTMPreTrainedModel):
    """The embedding and the LSTM layers: tokens in, hidden states out."""

    _keys_to_ignore_on_load_unexpected = ["lm_head"]  # `AutoModel` reads the folder of a `MetaLSTMForCausalLM`

    def __init__(self, config: MetaLSTMConfig) -> None:
        super().__init__(config)
        vocab_size: Any = config.vocab_size  # an int, which the configuration has seen to
        self.embed_tokens = nn.Embedding(vocab_size, config.embedding_size, padding_idx=config.pad_token_id)
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
        **kwargs: Any,
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
        given: torch.Tensor | None = input_ids if inputs_embeds is None else inputs_embeds
        if given is None or (input_ids is not None and inputs_embeds is not None):
            raise ValueError("Give the model either `input_ids` or `inputs_embeds`, one of the two.")
        if use_cache is None:
            use_cache = self.config.use_cache
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)

        embed, layers = self.embed_tokens, self.lstm
        weight = embed.weight
        batch_size, sequence_length = given.shape[:2]
        padding = None if attention_mask is None else find_padding(attention_mask, sequence_length)
        recurrence, reads_tokens = plan_call(
            self.config.recurrence,
            batch_size,
            sequence_length,
            hidden_size=layers.hidden_size,
            vocab_size=embed.num_embeddings,
            device_type=weight.device.type,
            needs_vectors=inputs_embeds is not None or bool(output_hidden_states),
            is_padded=padding is not None,
            is_frozen=layers.layouts is not None,
        )

        # The embedding: a vector for each token, or the tokens and the vectors of the whole vocabulary.
        inputs, vocabulary = given, None
        if reads_tokens:
            # Through the module, so that the padding token gets no gradient here either; a step has no gradients.
            vocabulary = weight
            if recurrence != "step":
                vocabulary = embed(torch.arange(embed.num_embeddings, device=given.device))
        elif inputs_embeds is None:
            inputs = embed(given)
        hidden_states: tuple[torch.Tensor, ...] = (inputs,) if output_hidden_states else ()

        # The layers: each reads what the one below it said, from where its own state stands.
        if padding is not None:
            inputs = padding.compact(inputs)
        lengths = None if padding is None else padding.lengths
        for layer in range(layers.num_layers):
            state = None if past_key_values is None else read_state(past_key_values, layer, batch_size)
            if state is None:
                zeros = torch.zeros(batch_size, layers.hidden_size, device=inputs.device, dtype=weight.dtype)
                state = zeros, zeros
            h0, c0 = state
            outputs, h, c = layers(layer, recurrence, inputs, h0, c0, lengths, vocabulary)
            if past_key_values is not None:
                past_key_values.update(h, c, layer, num_tokens=sequence_length)
            if output_hidden_states or layer == layers.num_layers - 1:
                last_hidden_state = outputs if padding is None else padding.spread(outputs, h0)
            if output_hidden_states:
                hidden_states += (last_hidden_state,)
            inputs = F.dropout(outputs, self.config.dropout) if self.training else outputs
            vocabulary = None  # only the first layer reads tokens

        return BaseModelOutputWithPast(
            last_hidden_state=last_hidden_state, past_key_values=past_key_values, hidden_states=hidden_states or None
        )


class MetaLSTMForCausalLM(MetaLSTMPreTrainedModel, MetaLSTMGenerationMixin):
    """The model with its head: tokens in, scores of the next token out."""

    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config: MetaLSTMConfig) -> None:
        super().__init__(config)
        self.model = MetaLSTMModel(config)
        vocab_size: Any = config.vocab_size  # an int, which the configuration has seen to
        self.lm_head = nn.Linear(config.hidden_size, vocab_size)
        self.post_init()
        # A translation is the most probable one: this keeps `pipeline("text-generation")` from sampling by default.
        self.generation_config.do_sample = False

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
        **kwargs: Any,
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
        past_key_values, hidden_states = outputs.past_key_values, outputs.hidden_states
        return CausalLMOutputWithPast(
            loss=loss, logits=logits, past_key_values=past_key_values, hidden_states=hidden_states
        )
