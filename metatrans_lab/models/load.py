"""Saved models, given by a folder, by a repository on the Hub, or by the name of one that comes with metatrans."""

from pathlib import Path

from huggingface_hub.errors import StrictDataclassError
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

import modeling_metalstm  # noqa: F401  (registers model_type "metalstm")
from dataset_script.families import FAMILIES
from metatrans_lab.config.yaml_files import read_file
from metatrans_lab.errors import UserError, nearest
from metatrans_lab.hub.downloads import check_download, why
from metatrans_lab.models.build import sentence_of_model
from modeling_metalstm.alphabet_metalstm import Alphabet

PRETRAINED = Path(__file__).parents[1] / "pretrained"


def pretrained(name: str = "translator") -> str:
    """The folder of a model that comes with this package: "translator", trained by configs/translator.yaml, takes 64
    words; "six-words", two LSTM layers trained by configs/optimum.yaml, takes six.

    Raises:
        UserError: there is none of that name.
    """
    names = sorted(path.name for path in PRETRAINED.iterdir() if path.is_dir())
    if name not in names:
        raise UserError(f"no model called {name!r} comes with metatrans, only {', '.join(names)}")
    return str(PRETRAINED / name)


def model_folder(name: str) -> Path:
    """The path of a model that is given by its folder, or by the name of one that comes with this package."""
    path = Path(name)
    return PRETRAINED / name if not path.exists() and (PRETRAINED / name / "config.json").is_file() else path


def load_model(folder: str, trust_remote_code: bool = False) -> PreTrainedModel:
    """A saved causal LM, from a folder or the Hub, or one that comes with this package; in evaluation mode.

    Raises:
        UserError: transformers can't load it, or it came damaged from the Hub.
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
    except Exception as error:  # a folder of anybody's making may raise anything
        failure = error
    if not path.exists():
        check_download(folder)  # also after a success: damaged weights may load
    if failure is not None:
        reason = sentence_of_model(failure) if isinstance(failure, StrictDataclassError) else why(failure)
        ours = () if path.exists() else (path.name for path in PRETRAINED.iterdir() if path.is_dir())
        raise UserError(f"can't load a model from {folder}: {reason.rstrip('.')}{nearest(folder, ours)}") from failure
    return model


def training_config(name: str) -> dict:
    """The training config in a model's folder; {} if there is none.

    Raises:
        UserError: it can't be read.
    """
    path = model_folder(name) / "training_config.yaml"
    return read_file(path) if path.is_file() else {}


def load_translator(name: str, trust_remote_code: bool = False) -> PreTrainedModel:
    """A saved model that translates, as of `load_model`: any causal LM that has an alphabet.

    Raises:
        UserError: it can't be loaded, it has no alphabet, or its languages aren't of words in place.
    """
    model = load_model(name, trust_remote_code)
    if Alphabet.of(model.config) is None:
        raise UserError(
            f"{name} is a {model.config.model_type} model without an alphabet (its config.json names no "
            "num_source_words and num_target_words); translating needs a model that train.py made"
        )
    family = (training_config(name).get("language") or {}).get("family", "lexicon")
    if family in FAMILIES and not FAMILIES[family].is_in_place:
        raise UserError(
            f"{name} was trained on languages of the family {family}, whose words change places, and translate takes "
            "examples of words in place; metatrans evaluate measures it"
        )
    return model
