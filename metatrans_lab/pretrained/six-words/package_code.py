"""The code of this model is that of the package that it comes with."""

from modeling_metalstm import InContextTranslationPipeline, MetaLSTMConfig, MetaLSTMForCausalLM, MetaLSTMModel

__all__ = ["InContextTranslationPipeline", "MetaLSTMConfig", "MetaLSTMForCausalLM", "MetaLSTMModel"]
