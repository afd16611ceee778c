"""The code of this model is that of the package that it comes with."""

try:
    from modeling_metalstm import InContextTranslationPipeline, MetaLSTMConfig, MetaLSTMForCausalLM, MetaLSTMModel
except ImportError as error:
    raise ImportError(
        "This folder has no code of its own: install the package `metatrans`, or load the model where that is "
        "installed and `save_pretrained` it, which puts its code beside it."
    ) from error

__all__ = ["InContextTranslationPipeline", "MetaLSTMConfig", "MetaLSTMForCausalLM", "MetaLSTMModel"]
