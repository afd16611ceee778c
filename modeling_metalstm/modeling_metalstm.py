"""
MetaLSTM: embedding → recurrent layers → linear head, which learns a language while it reads its examples.

The model of Volodymyr Kyrylov's post of 12 October 2023, at home in transformers: its state travels as
`past_key_values`, so a generated token costs the same after ten examples and after a thousand.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import Cache
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.utils import can_return_tuple

from .arguments_metalstm import check_arguments
from .cache_metalstm import read_state
from .configuration_metalstm import OF_EXAMPLE, MetaLSTMConfig
from .derivatives_metalstm import is_transformed
from .dispatch_metalstm import plan_call
from .generation_metalstm import MetaLSTMGenerationMixin
from .initialization_metalstm import init_weights
from .labels_metalstm import notice_unlearned
from .layers_metalstm import MetaLSTMLayers
from .layouts_metalstm import FreezableWeights, is_plain
from .matrix_layer_metalstm import MatrixMemoryLayer, MatrixState
from .padding_metalstm import find_padding
from .place_metalstm import find_marks, find_marks_of_vectors

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

    def __init__(self, config: MetaLSTMConfig) -> None:
        config.check()
        super().__init__(config)

    @wraps(PreTrainedModel.resize_token_embeddings)
    def resize_token_embeddings(self, new_num_tokens: int | None = None, *args: Any, **kwargs: Any) -> nn.Embedding:
        if new_num_tokens is not None:
            self.config.check_vocab_size(new_num_tokens)
        return super().resize_token_embeddings(new_num_tokens, *args, **kwargs)

    def _init_weights(self, module: nn.Module) -> None:
        init_weights(module, self.config.initialization)

    @contextmanager
    def frozen_weights(self) -> Iterator[None]:
        """
        A context: while it is open, what is derived from the weights is made once and kept, which speeds up reading
        tokens one by one (`generate()` opens it itself) and the parts of one training step. Whoever opens it doesn't
        change the weights before it is closed; contexts may overlap, also those of several threads.
        """
        with ExitStack() as contexts:
            for module in self.modules():
                if isinstance(module, FreezableWeights):
                    contexts.enter_context(module.frozen_weights())
            yield


class MetaLSTMModel(MetaLSTMPreTrainedModel):
    """The embedding and the layers: tokens in, hidden states out."""

    _keys_to_ignore_on_load_unexpected = ["lm_head"]  # `AutoModel` reads the folder of a `MetaLSTMForCausalLM`

    def __init__(self, config: MetaLSTMConfig) -> None:
        super().__init__(config)
        vocab_size: Any = config.vocab_size  # an int, which the configuration has seen to
        self.embed_tokens = nn.Embedding(vocab_size, config.embedding_size, padding_idx=config.pad_token_id)
        kinds: Any = config.layer_types  # a list, as many as layers, which the configuration has seen to
        # The layers by type, so that LSTMs alone have `torch.nn.LSTM`'s state dict, and each layer's index in its own.
        self.lstm = MetaLSTMLayers(config) if "lstm" in kinds else None
        sizes = zip(kinds, config.input_sizes, strict=True)
        self.mlstm = nn.ModuleList(
            MatrixMemoryLayer(
                kind,
                size,
                config.hidden_size,
                config.num_heads,
                num_shifted_heads=config.num_shifted_heads,
                empty_after_start=config.empty_after_start,
            )
            for kind, size in sizes
            if kind != "lstm"
        )
        self.index_by_type = [
            kinds[:layer].count("lstm") if kind == "lstm" else layer - kinds[:layer].count("lstm")
            for layer, kind in enumerate(kinds)
        ]
        # What residual layers add up has no size of its own.
        self.norm = None if kinds[-1] == "lstm" else nn.LayerNorm(config.hidden_size, eps=1e-6, bias=False)
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
        mark_ids: torch.LongTensor | None = None,
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
            mark_ids (`torch.LongTensor` of shape `(B, S)`, *optional*): the tokens that `inputs_embeds` stand for, of
                which `␁` and `␂` tell an `"…_example"` layer where sentences begin; if not given, they are the vectors
                that point where those tokens' embeddings do.

        Returns:
            `BaseModelOutputWithPast`: `last_hidden_state (B, S, H)`, `past_key_values`, `hidden_states`. At a padded
            position they repeat those of the last real token before it.

        Raises:
            ValueError: if there are both or neither of `input_ids` and `inputs_embeds`, or no tokens, if they have
                another shape, if the mask is too short, if the cache isn't one of this model and batch, or if there is
                an argument that would have to be heeded and can't be, see `arguments_metalstm.py`.
        """
        given: torch.Tensor | None = input_ids if inputs_embeds is None else inputs_embeds
        if given is None or (input_ids is not None and inputs_embeds is not None):
            raise ValueError("Give the model either `input_ids` or `inputs_embeds`, one of the two.")
        if given.dim() != (2 if inputs_embeds is None else 3):
            raise ValueError(
                "`input_ids` must have the shape (rows, tokens), and `inputs_embeds` one axis more for the vectors, "
                f"not {tuple(given.shape)}."
            )
        if given.shape[1] == 0:
            raise ValueError("The input has no tokens; give the model one or more.")
        if kwargs:
            check_arguments(attention_mask is not None, kwargs)
        if given.dtype in (torch.uint8, torch.int8, torch.int16, torch.uint16):  # as data sets may store them
            given = given.long()
        if use_cache is None:
            use_cache = self.config.use_cache
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)

        embed, kinds = self.embed_tokens, self.config.layer_types
        weight = embed.weight
        batch_size, sequence_length = given.shape[:2]
        exported, transformed = torch.compiler.is_exporting(), is_transformed()
        padding = None
        if attention_mask is not None:
            padding = find_padding(attention_mask, sequence_length, is_traced=exported or transformed)
        plan = plan_call(
            self.config.recurrence,
            batch_size,
            sequence_length,
            hidden_size=self.config.lstm_size,
            vocab_size=len(weight),
            device_type=weight.device.type,
            needs_vectors=(
                inputs_embeds is not None
                or bool(output_hidden_states)
                or kinds[0] != "lstm"
                or not is_plain(embed, nn.Embedding)
            ),
            is_padded=padding is not None,
            # An adapter around the layer has no layouts, and what it adapts isn't the layer's own weights.
            is_frozen=getattr(self.mlstm[0] if self.lstm is None else self.lstm, "layouts", None) is not None,
            is_transformed=transformed,
            is_exported=exported,
        )

        # The embedding: a vector for each token, or the tokens and the vectors of the whole vocabulary.
        inputs, vocabulary = given, None
        if plan.reads_tokens:
            # Through the module, so that the padding token gets no gradient here either; a step has no gradients.
            vocabulary = weight
            if plan.recurrence != "step":
                vocabulary = embed(torch.arange(len(weight), device=given.device))
        elif inputs_embeds is None:
            inputs = embed(given)
        hidden_states: tuple[torch.Tensor, ...] = (inputs,) if output_hidden_states else ()

        if padding is not None:
            inputs, given = padding.compact(inputs), padding.compact(given)
        lengths = None if padding is None else padding.lengths
        marks = None
        if set(kinds) & set(OF_EXAMPLE):
            max_offset = self.config.max_place_offset if self.training else 0
            tokens = self.config.start_of_source_id, self.config.start_of_target_id
            if inputs_embeds is None:
                marks = find_marks(given, *tokens, max_offset)
            elif mark_ids is not None:
                marks = find_marks(mark_ids if padding is None else padding.compact(mark_ids), *tokens)
            else:
                # Weights that are offloaded come back when their own module is called, and only then.
                is_there = not weight.is_meta
                embeddings = weight if is_there else embed(torch.arange(len(weight), device=given.device))
                marks = find_marks_of_vectors(given, embeddings, *tokens)

        # The layers: each reads what the one below it said, from where its own state stands.
        for layer, (kind, index) in enumerate(zip(kinds, self.index_by_type, strict=True)):
            state = None if past_key_values is None else read_state(past_key_values, layer, kind, batch_size)
            if kind == "lstm":
                lstm: Any = self.lstm  # there, as there are layers of this type
                if state is None:
                    zeros = torch.zeros(batch_size, self.config.lstm_size, device=inputs.device, dtype=weight.dtype)
                    state = zeros, zeros
                said = state[0]
                outputs, *state = lstm(index, plan.recurrence, inputs, *state, lengths, vocabulary)
            else:
                state = (
                    self.mlstm[index].empty_state(batch_size, inputs.device) if state is None else MatrixState(*state)
                )
                said = state.output
                outputs, state = self.mlstm[index](inputs, state, plan.memory, marks, lengths)
            if past_key_values is not None:
                keys, values, *others = state
                past_key_values.update(keys, values, layer, *others, num_tokens=sequence_length)
            is_last = layer == len(kinds) - 1
            if output_hidden_states or is_last:
                last_hidden_state = outputs if padding is None else padding.spread(outputs, said)
            if is_last and self.norm is not None:
                last_hidden_state = self.norm(last_hidden_state)
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
        mark_ids: torch.LongTensor | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """
        Args:
            input_ids, attention_mask, past_key_values, inputs_embeds, use_cache, output_hidden_states, mark_ids: as in
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
            mark_ids=mark_ids,
            return_dict=True,
            **kwargs,
        )
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(outputs.last_hidden_state[:, kept])
        loss = None
        if labels is not None:
            notice_unlearned(self, labels)
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size, **kwargs)
        past_key_values, hidden_states = outputs.past_key_values, outputs.hidden_states
        return CausalLMOutputWithPast(
            loss=loss, logits=logits, past_key_values=past_key_values, hidden_states=hidden_states
        )
