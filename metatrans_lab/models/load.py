"""Saved models, given by a folder, by a repository on the Hub, or by the name of one that comes with metatrans."""

from huggingface_hub.errors import StrictDataclassError
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from dataset_script.families import FAMILIES, make_language
from dataset_script.families.mixed import MixedConfig
from metatrans_lab.config.yaml_files import read_file
from metatrans_lab.errors import UserError, nearest
from metatrans_lab.hub.downloads import check_download, why
from metatrans_lab.model_names import PRETRAINED, check_folder, model_folder, pretrained_names
from metatrans_lab.models.build import sentence_of_model
from modeling_metalstm import MetaLSTMForCausalLM  # noqa: F401  (the model is registered by then)
from modeling_metalstm.alphabet_metalstm import Alphabet


def load_model(folder: str, trust_remote_code: bool = False) -> PreTrainedModel:
    """A saved causal LM, from a folder or the Hub, or one that comes with this package; in evaluation mode.

    Raises:
        UserError: transformers can't load it, or it came damaged from the Hub.
    """
    disable_progress_bar()  # these models load in an instant
    check_folder(folder)
    path = model_folder(folder)
    if path.is_relative_to(PRETRAINED):
        folder = str(path)
    model, failure = None, None
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=trust_remote_code).eval()
    except Exception as error:  # a folder of anybody's making may raise anything
        failure = error
    if not path.exists():
        check_download(folder)  # also after a success: damaged weights may load
    if failure is not None:
        reason = sentence_of_model(failure) if isinstance(failure, StrictDataclassError) else why(failure)
        ours = () if path.exists() else pretrained_names()
        raise UserError(f"can't load a model from {folder}: {reason.rstrip('.')}{nearest(folder, ours)}") from failure
    return model


def training_config(name: str) -> dict:
    """The training config in a model's folder; {} if there is none.

    Raises:
        UserError: it can't be read.
    """
    path = model_folder(name) / "training_config.yaml"
    return read_file(path) if path.is_file() else {}


def mixed_language(name: str) -> MixedConfig | None:
    """The languages that a model was trained on, if they are of the family mixed.

    Raises:
        UserError: the folder's training config can't be read.
    """
    knobs = dict(training_config(name).get("language") or {})
    if knobs.pop("family", None) != MixedConfig.family:
        return None
    try:
        language = make_language(MixedConfig.family, **knobs)
    except ValueError as error:
        raise UserError(f"the training config of {name} names no language: {error}") from error
    assert isinstance(language, MixedConfig)
    return language


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
