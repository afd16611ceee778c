"""An architecture that transformers doesn't have, a GRU: run.py registers and trains it."""

import torch
from torch import nn
from transformers import GenerationMixin, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput


class GruConfig(PreTrainedConfig):
    model_type = "my-gru"

    hidden_size: int = 64
    num_hidden_layers: int = 1


class GruForCausalLM(PreTrainedModel, GenerationMixin):
    config_class = GruConfig

    def __init__(self, config: GruConfig) -> None:
        super().__init__(config)
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.gru = nn.GRU(config.hidden_size, config.hidden_size, config.num_hidden_layers, batch_first=True)
        self.head = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **others: object,
    ) -> CausalLMOutput:
        """(B, S) tokens → (B, S, V) logits."""
        order = torch.arange(input_ids.shape[1], device=input_ids.device).expand_as(input_ids)  # (B, S)
        if attention_mask is not None:  # generate() pads on the left, where a GRU would read the padding
            order = attention_mask.argsort(dim=1, descending=True, stable=True)
        states, _ = self.gru(self.embedding(input_ids.gather(1, order)))
        logits = self.head(states).gather(1, order.argsort(1)[..., None].expand(-1, -1, self.config.vocab_size))
        loss = None if labels is None else self.loss_function(logits, labels, self.config.vocab_size)
        return CausalLMOutput(loss=loss, logits=logits)

    def prepare_inputs_for_generation(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **others: object
    ) -> dict:
        """It keeps no state between calls, so `generate()` has it read all again, and not the newest token alone."""
        return {"input_ids": input_ids, "attention_mask": attention_mask}
