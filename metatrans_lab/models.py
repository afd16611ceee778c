"""Models by `model_type`, sized for a language."""

from pathlib import Path

from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

import modeling_metalstm  # noqa: F401  (registers model_type "metalstm")
from dataset_script.languages import LanguageConfig
from metatrans_lab.errors import UserError, nearest


def build_model(settings: dict, language: LanguageConfig) -> PreTrainedModel:
    """A freshly initialised causal LM for the language's tokens.

    Args:
        settings: `model_type` and keyword arguments of its configuration class.

    Raises:
        UserError: unknown model type, unknown or impossible argument.
    """
    settings = dict(settings)
    model_type = settings.pop("model_type", "metalstm")
    try:
        known = AutoConfig.for_model(model_type)
    except ValueError as error:
        raise UserError(f"transformers knows no model_type {model_type!r}") from error
    for name in settings:
        if not hasattr(known, name):
            names = [n for n in vars(known) if not n.startswith("_")]
            raise UserError(f"unknown key {name!r} in model{nearest(name, names)}")
    tokens = {
        "vocab_size": language.vocab_size,
        "bos_token_id": language.soh,
        "eos_token_id": language.soh,
        "pad_token_id": language.pad,
    }
    if model_type == "metalstm":
        tokens |= {"num_source_words": language.num_source_words, "num_target_words": language.num_target_words}
    try:
        config = AutoConfig.for_model(model_type, **(tokens | settings))
    except (ValueError, TypeError, StrictDataclassError) as error:
        # Hugging Face's own type checks wrap the sentence that says what is wrong.
        sentence = str(error).strip().splitlines()[-1].strip()
        raise UserError(f"model: {sentence.removeprefix('TypeError: ').removeprefix('ValueError: ')}") from error
    return AutoModelForCausalLM.from_config(config)


def load_model(folder: str, trust_remote_code: bool = False) -> PreTrainedModel:
    """A saved causal LM, from a folder or the Hub, in evaluation mode.

    Raises:
        UserError: nothing that transformers can load is there.
    """
    disable_progress_bar()  # these models load in an instant
    if Path(folder).exists() and not (Path(folder) / "config.json").is_file():
        raise UserError(f"{folder} is no model folder: it has no config.json")
    try:
        return AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=trust_remote_code).eval()
    except (OSError, ValueError) as error:
        raise UserError(f"can't load a model from {folder}: {str(error).strip().splitlines()[0]}") from error
