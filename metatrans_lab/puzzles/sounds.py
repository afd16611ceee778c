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


PLAIN = tuple("p t k b d g m n s l r v h".split())

SOUNDS: dict[str, Sounds] = {
    "CV": Sounds("a consonant and a vowel: lumo", PLAIN),
    "CVC": Sounds("a consonant at the end, too: lumok", PLAIN, tuple("k t n s l r m".split())),
    "CVN": Sounds("syllables that a nasal may close: lunmo", PLAIN, ("n", "m", "ng"), is_coda_last=False),
    "VCV": Sounds("a vowel to begin with, often: alumo", PLAIN, bare=True),
    "CCV": Sounds("two consonants together, often: tromi", ("tr", "kl", "pr", "gl", "br", "st", *PLAIN)),
}
"""By name."""

VOWELS = ("aiu", "aeiou", "aeio", "aiou", "aeo")
"""Of which a language has one set."""

NUM_ONSETS, NUM_CODAS = 8, 3
"""Of a language, if its pattern has so many."""

ENGLISH = frozenset(
    "a an the i me my we us he him his she her it its they them you your who what this that these those and or but so "
    "no not yes if in on at to of by up as is am are was be been do did go has had have can may will one two ten ago "
    "sun son sea see saw say sat set sit sun man men pen pan pet pot bed bad bag bat beg bet big bit bus but buy cat "
    "dad dog dig den dot get got gun gut hat hit hot hut hug hen ham had kid kit lap leg let lid lot low mad map mat "
    "mug mud nap net nod nut pat pig pin pit pub put rag ran rat red rib rid rob rod rot rug run sad sag sap sip sob "
    "tab tag tan tap tar tin tip top tub tug van vat vet vote here there mole pole pale male tale sale same name game "
    "late mate rate gate hate date date take make lake bake sake like hike pike bike time lime mime nine line mine "
    "pine vine dine ride side hide tide bone tone lone none home dome hope rope pope rose nose hose dose note vote "
    "rude tube nude dude mute lute lute solo polo halo hero zero also into onto upon over even ever open item area "
    "idea baby lady body pony tiny busy many navy limo memo demo taro data drama plan plot play pray stop step star "
    "stem stay glad brag brat trip trap tram tree true blue glue clue plus prim prom grid grip solar polar manor motor "
    "tutor total vital metal pedal melon lemon salon mason basin satin latin robin rabin human roman woman demon "
    "bison dogs tomato potato banana sofa soda visa diva villa panda veto photo kilo pilot robot".split()
)
"""Short words that a made-up one shall not be."""

RUDE = ("fuk", "fag", "kak", "kok", "kum", "nig", "nazi", "pis", "poo", "pup", "rap", "sek", "sex", "tit", "kunt", "hom")
"""What no word has in it."""

LEAST_APART = 2
"""Letters in which two words of the same length differ at least, where they have more than two."""

TRIES = 2_000
"""Before other sounds are taken: a language of few sounds may not have so many words."""


def draw_words(
    rng: random.Random, pattern: str, syllables: Sequence[int], avoid: Collection[str] = ()
) -> list[str]:
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
