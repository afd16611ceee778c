"""Fresh models by `model_type`, sized for a language."""

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedModel,
)

import modeling_metalstm  # noqa: F401  (registers model_type "metalstm")
from dataset_script.families.contract import Language
from metatrans_lab.errors import UserError, nearest
from metatrans_lab.models.limits import check_memory, check_reach


def build_model(settings: dict, language: Language, longest: int | None = None) -> PreTrainedModel:
    """A freshly initialised causal LM for the language's tokens, which has read one sequence without an error.

    Args:
        settings: `model_type` and keyword arguments of its configuration class.
        longest: tokens of the longest sequence that it will be given; None: of the language's longest episode.

    Raises:
        UserError: unknown model type, unknown or impossible argument.
    """
    settings = dict(settings)
    model_type = settings.pop("model_type", "metalstm")
    tokens = {
        "vocab_size": language.vocab_size,
        "bos_token_id": language.soh,
        "eos_token_id": language.soh,
        "pad_token_id": language.pad,
        "num_source_words": language.num_source_words,
        "num_target_words": language.num_target_words,
    }
    longest = longest or language.max_episode_length
    # What can go wrong inside a model that isn't ours has no common class.
    try:
        _check_settings(model_type, settings, tokens)
        config = AutoConfig.for_model(model_type, **tokens, **settings)
        check_reach(config, longest)
        check_memory(config)
        model = AutoModelForCausalLM.from_config(config)
        _read(model, longest)
    except UserError:
        raise
    except Exception as error:
        given = ", ".join(f"{name}={value!r}" for name, value in settings.items()) or "its defaults"
        raise UserError(f"model: {sentence_of_model(error)} ({model_type} with {given})") from error
    return model


def _check_settings(model_type: str, settings: dict, tokens: dict) -> None:
    """Raises UserError at a model type that is no causal LM's, or an argument that isn't the user's to set."""
    if not isinstance(model_type, str) or model_type not in CONFIG_MAPPING:
        raise UserError(f"transformers knows no model_type {model_type!r}{nearest(model_type, CONFIG_MAPPING)}")
    config_class = CONFIG_MAPPING[model_type]
    if config_class not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UserError(f"model_type {model_type!r} is no causal language model; use one such as metalstm or gpt2")
    aliases = config_class.attribute_map
    known = {*config_class().to_dict(), *aliases} - tokens.keys()
    for name in settings:
        if aliases.get(name, name) in {aliases.get(token, token) for token in tokens}:
            raise UserError(f"model.{name} follows from the language; leave it out, and set the words in language")
        if name not in known:
            raise UserError(f"unknown key {name!r} in model{nearest(name, known)}")


def sentence_of_model(error: Exception) -> str:
    """What an error says. Hugging Face's own type checks wrap the sentence that says what is wrong: it is the last."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = lines[-1 if isinstance(error, StrictDataclassError) else 0].strip()
    return line.removeprefix("TypeError: ").removeprefix("ValueError: ")


@torch.no_grad()
def _read(model: PreTrainedModel, length: int) -> torch.Tensor:
    """Logits of one forward pass over `length` tokens, which draws no random numbers."""
    input_ids = (torch.arange(length) % model.config.vocab_size)[None]
    was_training = model.training
    model.eval()
    logits = model(input_ids=input_ids, labels=input_ids, use_cache=False).logits
    model.train(was_training)
    return logits
