"""MetaLSTM for transformers: importing it registers the model, its cache, its pipeline and its code to be saved."""

from transformers import AutoConfig, AutoModel, AutoModelForCausalLM
from transformers.pipelines import PIPELINE_REGISTRY

from .cache_metalstm import LSTMCacheLayer
from .configuration_metalstm import PIPELINE_TASK, MetaLSTMConfig
from .errors_metalstm import TranslationError
from .modeling_metalstm import MetaLSTMForCausalLM, MetaLSTMModel, MetaLSTMPreTrainedModel
from .pipeline_metalstm import InContextTranslationPipeline
from .session_metalstm import TranslatorSession
from .tokenization_metalstm import build_tokenizer, check_words

# `Auto…` classes and `pipeline` find the model; the cache layer registers where it is defined, as a model that comes
# as remote code needs it too.
AutoConfig.register(MetaLSTMConfig.model_type, MetaLSTMConfig)
AutoModel.register(MetaLSTMConfig, MetaLSTMModel)
AutoModelForCausalLM.register(MetaLSTMConfig, MetaLSTMForCausalLM)
PIPELINE_REGISTRY.register_pipeline(PIPELINE_TASK, InContextTranslationPipeline, pt_model=AutoModelForCausalLM)

# `save_pretrained` writes the code next to the weights.
MetaLSTMConfig.register_for_auto_class()
MetaLSTMModel.register_for_auto_class("AutoModel")
MetaLSTMForCausalLM.register_for_auto_class("AutoModelForCausalLM")

__all__ = [
    "InContextTranslationPipeline",
    "LSTMCacheLayer",
    "MetaLSTMConfig",
    "MetaLSTMForCausalLM",
    "MetaLSTMModel",
    "MetaLSTMPreTrainedModel",
    "TranslationError",
    "TranslatorSession",
    "build_tokenizer",
    "check_words",
]
