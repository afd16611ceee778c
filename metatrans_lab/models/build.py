"""Freshly initialised models by `model_type`, with a language's tokens as their vocabulary."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedModel,
)
from transformers.utils import logging

import modeling_metalstm  # noqa: F401  (registers model_type "metalstm")
from dataset_script.families.contract import Language
from metatrans_lab.errors import UserError, nearest
from metatrans_lab.models.limits import check_memory, check_reach


def build_model(settings: dict, language: Language, longest: int | None = None) -> PreTrainedModel:
    """A freshly initialised causal LM for the language's tokens, tried out by one forward pass.

    Args:
        settings: `model_type` and keyword arguments of its configuration class.
        longest: tokens of the longest sequence that it will be given; None: of the language's longest episode.

    Raises:
        UserError: an unknown model type, or an unknown or impossible argument.
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
    # A model that isn't ours may raise anything at a setting that it can't work with.
    try:
        _check_settings(model_type, settings, tokens)
        with _without_logs():
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


@contextmanager
def _without_logs() -> Iterator[None]:
    """Without transformers' logs: at some mistakes it logs the whole config, and then raises all the same."""
    before = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _check_settings(model_type: str, settings: dict, tokens: dict) -> None:
    """Raises UserError at a model type that is no causal LM's, or an argument that isn't the user's to set."""
    if not isinstance(model_type, str) or model_type not in CONFIG_MAPPING:
        raise UserError(f"transformers knows no model_type {model_type!r}{nearest(model_type, CONFIG_MAPPING)}")
    config_class = CONFIG_MAPPING[model_type]
    if config_class not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UserError(f"model_type {model_type!r} is no causal language model; use one such as metalstm or gpt2")
    aliases = config_class.attribute_map
    known = {*config_class().to_dict(), *aliases} - tokens.keys() - {"loss_on"}  # which training says
    for name in settings:
        if aliases.get(name, name) in {aliases.get(token, token) for token in tokens}:
            raise UserError(f"model.{name} follows from the language; leave it out, and set the words in language")
        if name not in known:
            raise UserError(f"unknown key {name!r} in model{nearest(name, known)}")


def sentence_of_model(error: Exception) -> str:
    """The line of an error that says what is wrong: the first, or the last if Hugging Face's type checks raised it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = lines[-1 if isinstance(error, StrictDataclassError) else 0].strip()
    return line.removeprefix("TypeError: ").removeprefix("ValueError: ")


@torch.no_grad()
def _read(model: PreTrainedModel, length: int) -> torch.Tensor:
    """The logits of one forward pass over `length` tokens; in evaluation mode, so that it draws no random numbers."""
    input_ids = (torch.arange(length) % model.config.vocab_size)[None]
    was_training = model.training
    model.eval()
    logits = model(input_ids=input_ids, labels=input_ids, use_cache=False).logits
    model.train(was_training)
    return logits
