import hashlib

import numpy as np
import pytest
from datasets import load_dataset

import dataset_script  # noqa: F401  (makes load_dataset("metatrans") work)
from dataset_script import LanguageConfig
from dataset_script.episodes import sample_episodes
from dataset_script.families.lexicon import LexiconEpisodes
from dataset_script.text import NUM_WORDS, WORDS, draw_names, write_episodes

RAGGED = LanguageConfig(num_pairs=4, sentence_length=(1, 3), num_target_words=8)


def test_words_are_stable_and_none_begins_another():
    assert len(set(WORDS)) == NUM_WORDS and {len(word) for word in WORDS} == {5}
    assert hashlib.sha256(" ".join(WORDS).encode()).hexdigest()[:12] == "027cb25e9f74"


def test_text_is_the_episode_word_for_word():
    episodes = sample_episodes(RAGGED, range(30), "test")
    names = draw_names(episodes)
    for row, text in enumerate(write_episodes(episodes, names)):
        token_of = {word: token for token, word in enumerate(names[row])} | {"=": RAGGED.stx}
        assert len(token_of) == RAGGED.soh + 1
        tokens = []
        for line in text.splitlines():
            tokens += [RAGGED.soh, *(token_of[word] for word in line.split(" "))]
        tokens.append(RAGGED.soh)
        assert tokens == episodes.input_ids[row, : episodes.token_counts[row]].tolist() and text.endswith("\n")


def test_every_episode_has_its_own_words_by_its_index_alone():
    names = draw_names(sample_episodes(RAGGED, range(10)))
    assert (names[0] != names[1]).any() and len({tuple(row) for row in names}) == 10
    assert (draw_names(sample_episodes(RAGGED, np.array([7]))) == names[7]).all()


def test_rows_as_text():
    rows = load_dataset("metatrans", split="test", streaming=True, num_pairs=3, num_episodes=5, render="text")
    for row, episode in zip(
        rows, sample_episodes(LanguageConfig(num_pairs=3), range(5), "test").input_ids, strict=True
    ):
        names = [*row["source_words"], *row["target_words"]]
        assert row["text"].count("\n") == 3 and row["input_ids"] == episode.tolist() and len(names) == 12
        assert row["text"].split()[0] == names[episode[1]]


def test_impossible_ones_are_refused():
    with pytest.raises(ValueError, match="render must be one of tokens, text, got 'words'"):
        load_dataset("metatrans", split="test", streaming=True, render="words")
    with pytest.raises(ValueError, match="text has words for 4096 tokens, but these languages have 6000"):
        load_dataset(
            "metatrans", split="test", streaming=True, render="text", num_source_words=3000, num_target_words=3000
        )
    drawn = sample_episodes(RAGGED, range(1))
    with pytest.raises(ValueError, match="only episodes from sample_episodes have words of their own"):
        draw_names(LexiconEpisodes(RAGGED, None, drawn.words, drawn.lengths, drawn.lexicons))
