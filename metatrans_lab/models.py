"""Models by `model_type`, sized for a language."""

from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.utils.logging import disable_progress_bar

import modeling_metalstm  # noqa: F401  (registers model_type "metalstm")
from dataset_script.languages import LanguageConfig
from metatrans_lab.configuration import TrainingConfig
from metatrans_lab.downloads import check_download, why
from metatrans_lab.errors import UserError, nearest
from metatrans_lab.machine import memory_bytes


def build_model(settings: dict, language: LanguageConfig, longest: int | None = None) -> PreTrainedModel:
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
        _check_memory(config)
        model = AutoModelForCausalLM.from_config(config)
        _read(model, longest)
    except UserError:
        raise
    except Exception as error:
        given = ", ".join(f"{name}={value!r}" for name, value in settings.items()) or "its defaults"
        raise UserError(f"model: {_sentence(error)} ({model_type} with {given})") from error
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


def _sentence(error: Exception) -> str:
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


MAX_LAYERS = 1_000

BYTES_A_PARAMETER = 20
"""In training: the weights, the plain copy that is evaluated, the gradients, and two moments of Adam's."""


def _check_memory(config: PreTrainedConfig) -> None:
    """Raises UserError if a model to be trained has no place in this machine, before it takes any."""
    layers = getattr(config, "num_hidden_layers", 1)
    if isinstance(layers, int) and layers > MAX_LAYERS:
        raise UserError(f"model: {layers:,} layers are more than {MAX_LAYERS:,}; give fewer")
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    number, memory = sum(parameter.numel() for parameter in model.parameters()), memory_bytes()
    if memory is not None and number * BYTES_A_PARAMETER > memory:
        raise UserError(
            f"model: {number:,} parameters take {number * BYTES_A_PARAMETER / 1e9:,.0f} GB to train, and this machine "
            f"has {memory / 1e9:,.0f} GB; make it smaller"
        )


def check_batch(config: TrainingConfig) -> None:
    """Raises UserError if a batch's tokens and their logits alone have no place in this machine."""
    tokens = config.batch_size * config.max_episode_length
    size, memory = tokens * (8 * 4 + 4 * 3 * config.language_config().vocab_size), memory_bytes()
    if memory is not None and size > memory:
        raise UserError(
            f"batch_size {config.batch_size:,} makes {tokens:,} tokens, which take {size / 1e9:,.0f} GB and more, and "
            f"this machine has {memory / 1e9:,.0f} GB; lower it, and raise gradient_accumulation_steps instead"
        )


def check_reach(config: PreTrainedConfig, length: int) -> None:
    """Raises UserError if a model's positions end before `length` tokens; many models have no such end."""
    reach = getattr(config, "max_position_embeddings", None)
    if reach is not None and 0 < reach < length:
        raise UserError(
            f"the model reads at most {reach} tokens (max_position_embeddings), but an episode has up to {length}; "
            "use a model with more, or fewer or shorter sentences"
        )


def check_language(config: PreTrainedConfig, language: LanguageConfig) -> None:
    """Raises UserError if a model's alphabet isn't the language's, or its positions end before an episode does.

    With another alphabet the same token is another word, and every figure would be meaningless.
    """
    names = ("num_source_words", "num_target_words")
    alphabet = [getattr(config, name, None) for name in names]
    if None not in alphabet and alphabet != [getattr(language, name) for name in names]:
        L, R = alphabet
        raise UserError(
            f"the model has {L} source and {R} target words, but the language {language.num_source_words} and "
            f"{language.num_target_words}; use --num_source_words {L} --num_target_words {R}"
        )
    check_reach(config, language.max_episode_length)


PRETRAINED = Path(__file__).parent / "pretrained"


def pretrained(name: str = "translator") -> str:
    """The folder of a model that comes with this package: "translator", of configs/words16.yaml, has room for sixteen
    words; "six-words", of configs/optimum.yaml, for six, and is nearer to the optimum.

    Raises:
        UserError: there is none of that name.
    """
    names = sorted(path.name for path in PRETRAINED.iterdir() if path.is_dir())
    if name not in names:
        raise UserError(f"no model called {name!r} comes with metatrans, only {', '.join(names)}")
    return str(PRETRAINED / name)


def model_folder(name: str) -> Path:
    """Where a model is that is given by its folder, or by the name of one that comes with this package."""
    path = Path(name)
    return PRETRAINED / name if not path.exists() and (PRETRAINED / name / "config.json").is_file() else path


def load_model(folder: str, trust_remote_code: bool = False) -> PreTrainedModel:
    """A saved causal LM, from a folder or the Hub, or one that comes with this package; in evaluation mode.

    Raises:
        UserError: nothing that transformers can load is there, or it came damaged from the Hub.
    """
    disable_progress_bar()  # these models load in an instant
    if not folder.strip():
        raise UserError("the model's name is empty; give its folder, or its repository on the Hub")
    path = model_folder(folder)
    if path.is_relative_to(PRETRAINED):
        folder = str(path)
    if path.is_file():
        raise UserError(f"{folder} is a file, and a model is a folder; give {path.parent}")
    if path.exists() and not (path / "config.json").is_file():
        more = (
            "; a checkpoint is to resume from, a run's own folder has the model"
            if (path / "state.pt").exists()
            else ""
        )
        raise UserError(f"{folder} is no model folder: it has no config.json{more}")
    if not path.exists() and len(path.parts) > 1 and path.parent.is_dir():
        raise UserError(f"there is no folder {folder}")  # rather than ask the Hub for a repository of that name
    model, failure = None, None
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=trust_remote_code).eval()
    except Exception as error:  # what goes wrong with a folder of anybody's making has no common class
        failure = error
    if not path.exists():
        check_download(folder)
    if failure is not None:
        reason = _sentence(failure) if isinstance(failure, StrictDataclassError) else why(failure)
        ours = () if path.exists() else (path.name for path in PRETRAINED.iterdir() if path.is_dir())
        raise UserError(f"can't load a model from {folder}: {reason.rstrip('.')}{nearest(folder, ours)}") from failure
    return model


def load_translator(name: str, trust_remote_code: bool = False) -> PreTrainedModel:
    """A saved model that translates, as of `load_model`.

    Raises:
        UserError: it can't be loaded, or it is no metalstm.
    """
    model = load_model(name, trust_remote_code)
    if model.config.model_type != "metalstm":
        raise UserError(f"{name} is a {model.config.model_type} model; translating needs a metalstm")
    return model
