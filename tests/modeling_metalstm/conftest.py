import pytest
import torch
from transformers import DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast

from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


STACKS = {
    "lstm": {"num_hidden_layers": 1},
    "lstm-lstm": {"num_hidden_layers": 2},
    "lstm-lstm-lstm": {"num_hidden_layers": 3},
    "mlstm": {"layer_types": ["mlstm"]},
    "example": {"layer_types": ["mlstm_example"]},
    "delta-delta": {"layer_types": ["delta", "delta"]},
    "lstm-mlstm": {"layer_types": ["lstm", "mlstm"]},
    "small-lstm-example-mlstm": {"layer_types": ["lstm", "mlstm_example", "mlstm"], "lstm_size": 6},
    "small-lstm-delta-example-delta": {"layer_types": ["lstm", "delta_example", "delta"], "lstm_size": 6},
    "lstm-shifted-late-delta-mlstm": {
        "layer_types": ["lstm", "delta_example", "mlstm"],
        "num_shifted_heads": 1,
        "empty_after_start": True,
    },
    "mlstm-lstm": {"layer_types": ["mlstm", "lstm"]},
    "small-lstms-between": {"layer_types": ["lstm", "mlstm", "lstm", "mlstm_example"], "lstm_size": 6},
    "example-lstm-mlstm-lstm": {"layer_types": ["mlstm_example", "lstm", "mlstm", "lstm"]},
}
"""Layers of every type, in every neighbourhood, as arguments of `make_model`."""


@pytest.fixture(params=STACKS)
def stack(request):
    return STACKS[request.param]


@pytest.fixture
def make_model():
    """
    A small model in evaluation mode; weights are scaled up so that a difference in the inputs shows, and a memory's
    gates, which a fresh model has alike for all tokens, depend on them.
    """

    def make(dtype=torch.float32, scale=2.0, **config):
        shape = {"embedding_size": 12, "hidden_size": 16, "num_heads": 2}
        if "layer_types" not in config:
            shape["num_hidden_layers"] = 2
        model = MetaLSTMForCausalLM(MetaLSTMConfig(**(shape | config))).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.mul_(scale)
                if name.endswith("gates.weight"):
                    parameter.normal_(std=0.5)
        return model.to(dtype)

    return make


class PerfectTranslator(MetaLSTMForCausalLM):
    """
    The exact predictor of a word-by-word language, in place of a trained model: a word translated before has its
    translation, any other one of the targets that translate nothing yet, each alike. `taste` makes it like some
    symbols more than others, as a trained model does.
    """

    taste = None

    def forward(self, input_ids, attention_mask=None, past_key_values=None, **kwargs):
        """Its state is all tokens read, `(B, …)`, with -1 for padding."""
        config = self.config
        num_sources, num_targets = config.num_source_words, config.num_target_words
        history = input_ids if attention_mask is None else input_ids.where(attention_mask.bool(), -1)
        if past_key_values is None:
            past_key_values = DynamicCache(config=config)
        else:
            history = torch.cat([past_key_values.layers[0].keys, history], dim=1)
        past_key_values.update(history, history, 0)
        logits = torch.full((len(input_ids), 1, config.vocab_size), -20.0)
        for row, tokens in enumerate(history.tolist()):
            lexicon, source, target = {}, [], None
            for token in tokens:
                if token == -1:
                    continue
                if token == config.start_of_source_id:
                    source, target = [], None
                elif token == config.start_of_target_id:
                    target = []
                elif target is None:
                    source.append(token)
                else:
                    lexicon[source[len(target)]] = token
                    target.append(token)
            if len(target) < len(source):
                candidates = set(range(num_sources, num_sources + num_targets)) - set(lexicon.values())
                known = lexicon.get(source[len(target)])
                logits[row, -1, [known] if known is not None else sorted(candidates)] = 0.0
            else:
                logits[row, -1, config.start_of_source_id] = 0.0
        if self.taste is not None:
            logits = logits + self.taste
        return CausalLMOutputWithPast(logits=logits, past_key_values=past_key_values)


@pytest.fixture
def perfect_translator():
    return PerfectTranslator(MetaLSTMConfig(embedding_size=4, hidden_size=4)).eval()
