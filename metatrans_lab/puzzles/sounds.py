"""Made-up words that can be spoken: syllables of a pattern, of a language's own consonants and vowels.

```python
>>> draw_words(random.Random("7"), "CV", [2, 2, 1])
["lumo", "haki", "se"]
```
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sounds:
    """What syllables are made of.

    Attributes:
        says: in words. onsets, codas: that a syllable may begin with, and end with; each language has some of them.
        is_coda_last: does only a word's last syllable have a coda? bare: may a word begin with a vowel?
    """

    says: str
    onsets: tuple[str, ...]
    codas: tuple[str, ...] = ()
    is_coda_last: bool = True
    bare: bool = False


PLAIN = tuple("ptkbdgmnslrvh")

SOUNDS: dict[str, Sounds] = {
    "CV": Sounds("a consonant and a vowel: lumo", PLAIN),
    "CVC": Sounds("a consonant at the end, too: lumok", PLAIN, tuple("ktnslrm")),
    "CVN": Sounds("syllables that a nasal may close: lunmo", PLAIN, ("n", "m", "ng"), is_coda_last=False),
    "VCV": Sounds("a vowel to begin with, often: alumo", PLAIN, bare=True),
    "CCV": Sounds("two consonants together, often: tromi", ("tr", "kl", "pr", "gl", "br", "st", *PLAIN)),
}
"""By name."""

VOWELS = ("aiu", "aeiou", "aeio", "aiou", "aeo")
"""Of which a language has one set."""

NUM_ONSETS, NUM_CODAS = 8, 3
"""Of a language, if its pattern has so many."""

_ENGLISH = """
a ago also am an and are area as at baby bad bag bake banana basin bat be bed been beg bet big bike bison bit
blue body bone brag brat bus busy but buy by can cat clue dad data date demo demon den did dig dine diva do dog
dogs dome dose dot drama dude even ever game gate get glad glue go got grid grip gun gut had halo ham has hat
hate have he hen her here hero hide hike him his hit home hope hose hot hug human hut i idea if in into is it
item its kid kilo kit lady lake lap late latin leg lemon let lid like lime limo line lone lot low lute mad make
male man manor many map mason mat mate may me melon memo men metal mime mine mole motor mud mug mute my name nap
navy net nine no nod none nose not note nude nut of on one onto open or over pale pan panda pat pedal pen pet
photo pig pike pilot pin pine pit plan play plot plus polar pole polo pony pope pot potato pray prim prom pub
put rabin rag ran rat rate red rib rid ride rob robin robot rod roman rope rose rot rude rug run sad sag sake
sale salon same sap sat satin saw say sea see set she side sip sit so sob soda sofa solar solo son star stay
stem step stop sun tab tag take tale tan tap tar taro ten that the them there these they this those tide time
tin tiny tip to tomato tone top total tram trap tree trip true tub tube tug tutor two up upon us van vat vet
veto villa vine visa vital vote was we what who will woman yes you your zero
"""
ENGLISH = frozenset(_ENGLISH.split())
"""Short words that a made-up one shall not be."""

RUDE = (
    "fuk",
    "fag",
    "kak",
    "kok",
    "kum",
    "nig",
    "nazi",
    "pis",
    "poo",
    "pup",
    "rap",
    "sek",
    "sex",
    "tit",
    "kunt",
    "hom",
)
"""What no word has in it."""

LEAST_APART = 2
"""Letters in which two words of the same length differ at least, where they have more than two."""

TRIES = 2_000
"""Before other sounds are taken: a language of few sounds may not have so many words."""


def draw_words(rng: random.Random, pattern: str, syllables: Sequence[int], avoid: Collection[str] = ()) -> list[str]:
    """So many different words, none of which begins or ends with another, or looks much like one.

    Args:
        pattern: of `SOUNDS`. syllables: how many each word has. avoid: words that none shall be.
    """
    while True:
        onsets, codas, vowels = _inventory(rng, SOUNDS[pattern])
        words: list[str] = []
        for _ in range(TRIES):
            if len(words) == len(syllables):
                return words
            word = _word(rng, SOUNDS[pattern], onsets, codas, vowels, syllables[len(words)])
            if word not in ENGLISH and word not in avoid and _is_speakable(word) and _is_apart(word, words):
                words.append(word)


def _inventory(rng: random.Random, sounds: Sounds) -> tuple[list[str], list[str], str]:
    onsets = rng.sample(sounds.onsets, min(NUM_ONSETS, len(sounds.onsets)))
    codas = rng.sample(sounds.codas, min(NUM_CODAS, len(sounds.codas)))
    return onsets, codas, rng.choice(VOWELS)


def _word(
    rng: random.Random, sounds: Sounds, onsets: Sequence[str], codas: Sequence[str], vowels: str, syllables: int
) -> str:
    word = ""
    for number in range(syllables):
        is_bare = sounds.bare and not number and rng.random() < 0.5
        word += ("" if is_bare else rng.choice(onsets)) + rng.choice(vowels)
        is_last = number == syllables - 1
        if codas and (is_last if sounds.is_coda_last else rng.random() < 0.5):
            word += rng.choice(codas)
    return word


def _is_speakable(word: str) -> bool:
    """Long enough, not rude, and without the same syllable twice, which would be read as a slip."""
    half = len(word) // 2
    return len(word) > 1 and word[:half] != word[half:] and not any(part in word for part in RUDE)


def _is_apart(word: str, words: Sequence[str]) -> bool:
    for other in words:
        short, long = sorted((word, other), key=len)
        if long.startswith(short) or long.endswith(short):
            return False
        least = LEAST_APART if len(word) > 2 else 1
        if len(word) == len(other) and sum(a != b for a, b in zip(word, other, strict=True)) < least:
            return False
    return True
