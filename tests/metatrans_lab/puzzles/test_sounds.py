import random

import pytest

from metatrans_lab.puzzles.sounds import ENGLISH, RUDE, SOUNDS, draw_words


@pytest.mark.parametrize("pattern", SOUNDS)
def test_words_can_be_spoken_and_told_apart(pattern):
    inventories = set()
    for seed in range(12):
        words = draw_words(random.Random(f"{seed}"), pattern, [2] * 14 + [1] * 5)
        assert len(set(words)) == 19 and all(word.isalpha() and word.islower() for word in words)
        for word in words:
            assert 1 < len(word) < 10 and word not in ENGLISH and not [part for part in RUDE if part in word]
            others = [other for other in words if other != word]
            assert not [other for other in others if other.startswith(word) or other.endswith(word)]
            assert set(word) & set("aeiou")
        inventories.add(frozenset("".join(words)))
    assert len(inventories) > 6  # languages differ in their sounds


def test_syllables_are_of_their_pattern():
    vowels = set("aeiou")
    for word in draw_words(random.Random("1"), "CV", [2] * 10):
        assert [letter in vowels for letter in word] == [False, True, False, True]
    for word in draw_words(random.Random("1"), "CVC", [2] * 10):
        assert [letter in vowels for letter in word] == [False, True, False, True, False]


def test_words_that_are_avoided():
    words = draw_words(random.Random("1"), "CV", [2] * 5)
    assert not set(words) & set(draw_words(random.Random("1"), "CV", [2] * 5, avoid=words))
