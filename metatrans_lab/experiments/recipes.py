"""Recipes, scaled to other numbers of words or with other stages.

A recipe is a config's keys and values, as `read_file` gives them. These functions return new ones and change none.
"""

import copy

from metatrans_lab.config.following import stretched


def scale_recipe(recipe: dict, num_words: int, pairs_per_word: dict[int, float] | None = None) -> dict:
    """The recipe for L = R = `num_words`, with the ranges of active words in its curriculum scaled alike.

    Args:
        pairs_per_word: how many sentence pairs an episode has for each word of the alphabet, by the number of words a
            sentence: with {1: 2, 3: 1} twelve words get 24 pairs of one word, and 12 of three. Languages whose
            sentences have another number of words, or a range of them, keep their number of pairs; None: all do.
    """
    recipe, was = copy.deepcopy(recipe), recipe["language"]["num_source_words"]
    pairs = {length: round(ratio * num_words) for length, ratio in (pairs_per_word or {}).items()}
    recipe["language"] |= {"num_source_words": num_words, "num_target_words": num_words} | _pairs(
        recipe["language"], pairs
    )
    for stage in recipe.get("curriculum", []):
        stage["languages"] = [stretched(knobs, was, num_words) | _pairs(knobs, pairs) for knobs in stage["languages"]]
    return recipe


def _pairs(knobs: dict, pairs: dict[int, int]) -> dict[str, int]:
    """The knob `num_pairs` for the sentence length of these knobs, if `pairs` has one for it."""
    length = knobs.get("sentence_length")
    return {"num_pairs": pairs[length]} if isinstance(length, int) and length in pairs else {}


def all_or_some(num_words: int, **knobs: int | list[int]) -> list[dict]:
    """Two knob sets of a stage: episodes that use all words, and episodes that use any number of them."""
    return [knobs, knobs | {"num_active_words": [1, num_words]}]


def with_last_stage(recipe: dict, languages: list[dict]) -> dict:
    """The recipe with other languages in the last stage of its curriculum."""
    *earlier, last = recipe["curriculum"]
    return recipe | {"curriculum": [*earlier, last | {"languages": languages}]}
