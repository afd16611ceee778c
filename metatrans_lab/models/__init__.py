"""Models: built for a language, or loaded from a folder or the Hub."""

from metatrans_lab.model_names import pretrained
from metatrans_lab.models.build import build_model
from metatrans_lab.models.load import load_model, load_translator

__all__ = ["build_model", "load_model", "load_translator", "pretrained"]
