"""Endless made-up languages, and the exact optimum of translating them.

Importing this makes `load_dataset("metatrans")` work.
"""

from importlib.util import find_spec

from dataset_script.collate import pad_rows
from dataset_script.episodes import Episodes, Role, sample_episodes
from dataset_script.families import FAMILIES, make_language
from dataset_script.families.contract import GENERATOR_VERSION, SPLITS, Language
from dataset_script.families.lexicon import LexiconConfig
from dataset_script.predictor import bayes_nll, expected_nll, family_probabilities

LanguageConfig = LexiconConfig
"""The post's family, under the name that it had before there were others."""

# Training needs no `datasets`, as episodes are arrays: where it isn't installed, only `load_dataset` is missing.
if find_spec("datasets") is not None:
    from dataset_script.registration import register_load_dataset

    register_load_dataset()

__all__ = [
    "FAMILIES",
    "GENERATOR_VERSION",
    "SPLITS",
    "Episodes",
    "Language",
    "LanguageConfig",
    "LexiconConfig",
    "Role",
    "bayes_nll",
    "expected_nll",
    "family_probabilities",
    "make_language",
    "pad_rows",
    "sample_episodes",
]
