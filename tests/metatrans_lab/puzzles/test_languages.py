import random

import pytest

from dataset_script.families.grammar import NOUN
from metatrans_lab.exact.division import affixes
from metatrans_lab.exact.invented import LIKE_ENGLISH, OPEN
from metatrans_lab.puzzles.languages import (
    ADJECTIVES,
    COLOURS,
    INTRANSITIVE,
    NOUNS,
    OPERATOR_WORDS,
    TRANSITIVE,
    draw_language,
)
from metatrans_lab.puzzles.levels import COMBINED, LEVELS


def language_of(level, phenomena, seed="1"):
    return draw_language(random.Random(seed), LEVELS[level], phenomena, LEVELS[level].words, "CV")


def test_english_words_have_no_accidental_affixes():
    words = [*NOUNS, *ADJECTIVES, *TRANSITIVE, *INTRANSITIVE, "the", "a"]
    assert affixes(words) == affixes([*COLOURS, *OPERATOR_WORDS.values()]) == [] and len(set(words)) == len(words)
    assert not [word for word in (*NOUNS, *ADJECTIVES) if word[0] in "aeiou"]  # “a” stands before them
    assert not [noun for noun in NOUNS if noun[-1] in "sxy" and noun != "boy"]  # whose plural has another ending


@pytest.mark.parametrize("phenomenon", COMBINED)
def test_a_phenomenon_can_be_seen(phenomenon):
    for seed in range(20):
        setting = language_of(3, (phenomenon,), str(seed)).invented.setting
        if phenomenon == "affixes":
            assert setting["plural"] in ("prefix", "suffix")
        else:
            assert any(setting[switch] != LIKE_ENGLISH[switch] for switch in OPEN[phenomenon])
        closed = [switch for name in COMBINED if name != phenomenon for switch in OPEN[name]]
        assert all(setting[switch] == LIKE_ENGLISH[switch] for switch in closed)


def test_sentences_are_english():
    for seed in range(5):
        language, rng = language_of(5, COMBINED, str(seed)), random.Random("2")
        for number in range(60):
            words = language.sentence(rng, is_question=bool(number % 2))
            nouns = [word for word in words if language.invented.classes[word] == NOUN]
            assert len(nouns) == len(set(nouns))
            for before, noun, after in zip(("", *words), words, (*words[1:], ""), strict=False):
                assert noun not in nouns or after != "s" or "a" not in words[: words.index(noun)][-2:]
                assert before != "s" or noun in ("", *TRANSITIVE, *INTRANSITIVE)
            verb = next(word for word in words if word in (*TRANSITIVE, *INTRANSITIVE))
            assert (verb in TRANSITIVE) == (words[-1] != verb)


def test_affixes_are_joined_to_their_stems_where_the_level_says_so():
    for level, shown in ((3, "-"), (5, "")):
        language = language_of(level, ("affixes",))
        noun = language.of_class(NOUN)[0]
        assert language.write(("the", noun, "s")) == f"the {noun}{shown}s"
        stem, affix = language.invented.lexicon[noun], language.invented.lexicon["s"]
        article = language.invented.lexicon["the"]
        said = {"suffix": f"{stem}{shown}{affix}", "prefix": f"{affix}{shown}{stem}"}
        assert language.translate(("the", noun, "s")) == f"{article} {said[language.invented.setting['plural']]}"


def test_nouns_end_differently_where_there_are_enough():
    nouns = language_of(5, COMBINED).of_class(NOUN)
    assert len({noun[-1] for noun in nouns}) == len(nouns)
