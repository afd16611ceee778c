"""Endless made-up languages, and the exact optimum of translating them.

Importing this makes `load_dataset("metatrans")` work.
"""

from dataset_script.bayes import bayes_nll, expected_nll, family_probabilities
from dataset_script.collate import pad_rows
from dataset_script.episodes import Episodes, sample_episodes
from dataset_script.languages import GENERATOR_VERSION, SPLITS, LanguageConfig
from dataset_script.registration import register_load_dataset

register_load_dataset()

__all__ = [
    "GENERATOR_VERSION",
    "SPLITS",
    "Episodes",
    "LanguageConfig",
    "bayes_nll",
    "expected_nll",
    "family_probabilities",
    "pad_rows",
    "sample_episodes",
]
