"""
Our classes under transformers' own model tests; `test_conformance.py` runs this file in a process of its own, where
`tests` is the folder `tests` of transformers.
"""

import copy
import unittest
from unittest.mock import patch

import torch
from tests.generation.test_utils import GenerationTesterMixin
from tests.test_configuration_common import ConfigTester
from tests.test_modeling_common import ModelTesterMixin
from transformers import DynamicCache
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_MAPPING_NAMES

from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM, MetaLSTMModel

# The mixins look up here which models have labels; only transformers' own are in these lists.
MODEL_MAPPING_NAMES["metalstm"] = MetaLSTMModel.__name__
MODEL_FOR_CAUSAL_LM_MAPPING_NAMES["metalstm"] = MetaLSTMForCausalLM.__name__


class MetaLSTMModelTester:
    """The small model and the batch that the mixins ask for; its fields have the names that they read."""

    base_model_class = MetaLSTMModel
    causal_lm_class = MetaLSTMForCausalLM
    is_training = True
    batch_size, seq_length = 3, 7
    hidden_size, num_hidden_layers = 20, 2
    config = {"embedding_size": 12, "hidden_size": hidden_size, "num_hidden_layers": num_hidden_layers}

    def get_config(self):
        # The mixins draw tokens from the whole vocabulary, and some tests need more of it than an episode does.
        # Some cut it by fifteen, which has to leave the alphabet.
        return MetaLSTMConfig(**self.config, num_source_words=40, num_target_words=40, vocab_size=100)

    def prepare_config_and_inputs_for_common(self):
        # No padding token among the tokens: its row of the embedding has no gradient, which a mixin takes for a fault.
        config = self.get_config()
        tokens = torch.randint(0, config.pad_token_id, (self.batch_size, self.seq_length))
        return config, {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}


class ConformanceTests(GenerationTesterMixin, ModelTesterMixin):
    all_model_classes = (MetaLSTMModel, MetaLSTMForCausalLM)
    has_attentions = False

    def setUp(self):
        self.model_tester = self.model_tester_class()

    def test_num_layers_is_small(self):
        """The default stack has three."""
        self.assertLessEqual(self.model_tester.num_hidden_layers, 3)

    def test_left_padding_compatibility(self):
        # The mixin takes a model without attentions for one without padding.
        with patch.object(type(self), "has_attentions", True):
            super().test_left_padding_compatibility()

    def test_resize_tokens_embeddings(self):
        """It ends with a vocabulary of four tokens, which holds no alphabet: by then all else has passed."""
        for model_class in self.all_model_classes:
            with (
                patch.object(type(self), "all_model_classes", (model_class,)),
                self.assertRaisesRegex(ValueError, "`vocab_size` must be at least 83, .*, not 4"),
            ):
                super().test_resize_tokens_embeddings()

    def _check_hidden_states_for_generate(self, *, hidden_states, config, **kwargs):
        """The embeddings, which come first, may have another size than the hidden states."""
        for states in hidden_states:
            self.assertEqual(states[0].shape[-1], config.embedding_size)
        hidden_states = tuple(states[1:] for states in hidden_states)
        super()._check_hidden_states_for_generate(hidden_states=hidden_states, config=config, **kwargs)

    def _check_past_key_values_for_generate(self, batch_size, past_key_values, seq_length, config):
        """The generation mixin's own check wants keys with heads and positions; ours are states."""
        self.assertIsInstance(past_key_values, DynamicCache)
        size = config.hidden_size // config.num_heads
        for layer, layer_type in zip(past_key_values.layers, config.layer_types, strict=True):
            state = (config.hidden_size,) if layer_type == "lstm" else (config.num_heads, size, size)
            self.assertEqual(layer.keys.shape, (batch_size, *state))
            self.assertEqual(layer.values.shape, (batch_size, config.hidden_size))


class UntiedConformanceTest(ConformanceTests, unittest.TestCase):
    model_tester_class = MetaLSTMModelTester

    @unittest.skip("the embeddings have another size than the hidden states here; the tied model runs it")
    def test_hidden_states_output(self):
        pass

    @unittest.skip("embeddings of another size than the hidden states can't be the head; the tied model runs it")
    def test_tied_weights_keys(self):
        pass


class TiedConformanceTest(ConformanceTests, unittest.TestCase):
    """One matrix for the embedding and the head, and our own initialisation."""

    class model_tester_class(MetaLSTMModelTester):
        config = MetaLSTMModelTester.config | {
            "embedding_size": MetaLSTMModelTester.hidden_size,
            "tie_word_embeddings": True,
            "initialization": "metalstm",
        }


def stack_tester(layer_types):
    """A model tester of a stack, whose embeddings have the size of its hidden states, as the mixins want them."""
    shape = {"embedding_size": 20, "hidden_size": 20, "num_heads": 2, "initialization": "metalstm"}
    attributes = {"config": shape | {"layer_types": layer_types}, "num_hidden_layers": len(layer_types)}
    return type("StackTester", (MetaLSTMModelTester,), attributes)


class MemoryConformanceTest(ConformanceTests, unittest.TestCase):
    model_tester_class = stack_tester(["mlstm", "mlstm"])


class LSTMAndMemoryConformanceTest(ConformanceTests, unittest.TestCase):
    model_tester_class = stack_tester(["lstm", "mlstm"])


class ExampleMemoryConformanceTest(ConformanceTests, unittest.TestCase):
    model_tester_class = stack_tester(["mlstm_example"])


class DefaultStackConformanceTest(ConformanceTests, unittest.TestCase):
    model_tester_class = stack_tester(["lstm", "mlstm_example", "mlstm"])


class DeltaRuleConformanceTest(ConformanceTests, unittest.TestCase):
    model_tester_class = stack_tester(["lstm", "delta_example", "delta"])


class MemoryUnderLSTMConformanceTest(ConformanceTests, unittest.TestCase):
    model_tester_class = stack_tester(["mlstm_example", "mlstm", "lstm"])


class ConfigurationConformanceTest(unittest.TestCase):
    def test_configuration(self):
        shape = copy.deepcopy(MetaLSTMModelTester.config)
        tester = ConfigTester(
            self, config_class=MetaLSTMConfig, has_text_modality=False, common_properties=list(shape), **shape
        )
        tester.run_common_tests()
