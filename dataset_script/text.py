"""Episodes as text in made-up words, for language models that have a tokenizer of their own.

    dakif wogul = zupem kivat
    wogul wogul = kivat kivat

Each line is a sentence pair. All words have five letters, so that none is the beginning of another. Every episode
draws its own words.
"""

import itertools

import numpy as np

from dataset_script.episodes import Episodes, Role
from dataset_script.streams import draw_permutations, name_key

CONSONANTS, VOWELS = "bdfghjklmnprstvwz", "aeiou"

NUM_WORDS = 4096
"""The number of made-up words that an episode draws from."""

PURPOSE_NAMES = 5


def _make_words() -> np.ndarray:
    syllables = [CONSONANTS, VOWELS, CONSONANTS, VOWELS, CONSONANTS]
    words = np.array(["".join(letters) for letters in itertools.product(*syllables)])
    keys = np.array([name_key("metatrans made-up words")], dtype=np.int64)
    return words[draw_permutations(keys, 0, len(words))[0, :NUM_WORDS]]


WORDS = _make_words()
"""(NUM_WORDS,) made-up words, in an order that never changes, since episodes draw words by their number."""


def draw_names(episodes: Episodes) -> np.ndarray:
    """(N, L + R) str: the made-up word of each source word, then of each target word; an episode's are all different.

    Raises:
        ValueError: the languages have more than NUM_WORDS words, or the episodes were not sampled.
    """
    number = episodes.config.soh
    if number > NUM_WORDS:
        raise ValueError(f"text has {NUM_WORDS} made-up words to draw from, but these languages have {number}")
    if episodes.keys is None:
        raise ValueError("only episodes from sample_episodes have words of their own")
    return WORDS[draw_permutations(episodes.keys, PURPOSE_NAMES, NUM_WORDS)[:, :number]]


def render(episodes: Episodes, names: np.ndarray) -> list[list[tuple[list[str], list[str]]]]:
    """The sentence pairs of each episode: a list of K pairs (source words, target words).

    Args:
        names: (N, L + R), as of `draw_names`.
    """
    rendered, shots = [], range(episodes.config.num_pairs)
    # tokens, role and shot: (S,) each
    for row, (tokens, role, shot) in enumerate(zip(episodes.input_ids, episodes.role, episodes.shot, strict=True)):
        source, target = (
            [names[row, tokens[(role == side) & (shot == number)]].tolist() for number in shots]
            for side in (Role.SOURCE, Role.TARGET)
        )
        rendered.append(list(zip(source, target, strict=True)))
    return rendered


def write_question(source: list[str]) -> str:
    """The beginning of a line, before the translation."""
    return f"{' '.join(source)} ="


def write_pair(source: list[str], target: list[str]) -> str:
    """A whole line."""
    return f"{write_question(source)} {' '.join(target)}\n"


def write_episodes(episodes: Episodes, names: np.ndarray) -> list[str]:
    """The text of each episode.

    Args:
        names: (N, L + R), as of `draw_names`.
    """
    return ["".join(write_pair(*pair) for pair in pairs) for pairs in render(episodes, names)]
