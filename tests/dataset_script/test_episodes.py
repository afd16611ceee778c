import hashlib

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from dataset_script import LanguageConfig
from dataset_script.episodes import IGNORE, sample_episodes

POST = LanguageConfig()
CONFIGS = {
    "post": POST,
    "spare target words": LanguageConfig(num_target_words=9, num_pairs=4),
    "drawn lengths": LanguageConfig(sentence_length=(1, 5), num_active_words=(2, 6), held_out_languages=0.1),
    "uneven": LanguageConfig(num_source_words=9, num_target_words=9, sentence_length=(1, 4), word_repetition=3),
    "many words": LanguageConfig(num_source_words=12, num_target_words=12, num_active_words=7, held_out_languages=0.2),
}
COLUMNS = ("input_ids", "is_target", "determined", "eliminated", "shot", "token_counts", "lexicons")


def test_golden_stream():
    """Whoever changes this has changed every episode, and raises GENERATOR_VERSION."""
    assert sample_episodes(POST, range(1)).input_ids[0, :24].tolist() == [
        *(12, 3, 5, 2, 13, 11, 8, 10),
        *(12, 3, 3, 5, 13, 11, 11, 8),
        *(12, 2, 1, 4, 13, 10, 6, 9),
    ]
    digests = {
        name: hashlib.sha256(
            sample_episodes(config, range(256), "test").input_ids.astype("<i4").tobytes()
        ).hexdigest()[:16]
        for name, config in CONFIGS.items()
    }
    assert digests == {
        "post": "129254fff164603c",
        "spare target words": "d32dd0550fb1a059",
        "drawn lengths": "60a8cbb3e12f5791",
        "uneven": "1c072dd0da9ed533",
        "many words": "2989955a3c6a42d9",
    }


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_numpy_and_torch_are_the_same(config):
    in_numpy, in_torch = sample_episodes(config, range(400)), sample_episodes(config, range(400), device="cpu")
    for column in COLUMNS:
        a, b = getattr(in_numpy, column), getattr(in_torch, column)
        assert isinstance(b, torch.Tensor) and a.dtype == b.numpy().dtype
        assert np.array_equal(a, b.numpy()), column


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_cuda_is_the_same(config):
    in_numpy, on_gpu = sample_episodes(config, range(400)), sample_episodes(config, range(400), device="cuda")
    for column in COLUMNS:
        assert np.array_equal(getattr(in_numpy, column), getattr(on_gpu, column).cpu().numpy()), column


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_an_episode_depends_on_its_index_alone(config):
    whole = sample_episodes(config, range(100)).input_ids
    shuffled = np.random.default_rng(0).permutation(100)
    assert np.array_equal(sample_episodes(config, shuffled).input_ids, whole[shuffled])
    assert np.array_equal(sample_episodes(config, range(60, 61)).input_ids, whole[60:61])


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_episodes_read_as_drawn(config):
    """Reads every row back, token by token, without the sampler's own arithmetic."""
    episodes = sample_episodes(config, range(50))
    L = config.num_source_words
    for n, row in enumerate(episodes.input_ids.tolist()):
        count = episodes.token_counts[n]
        assert all(token == config.pad for token in row[count:]) and row[count - 1] == config.soh
        translated, position, shots = {}, 0, 0
        while position < count - 1:
            assert row[position] == config.soh
            stx = row.index(config.stx, position)
            source = row[position + 1 : stx]
            target = row[stx + 1 : stx + 1 + len(source)]
            assert config.length_range[0] <= len(source) <= config.length_range[1]
            for i, (s, t) in enumerate(zip(source, target, strict=True)):
                assert 0 <= s < L and t == L + episodes.lexicons[n, s]
                assert episodes.determined[n, stx + 1 + i] == (s in translated)
                left = config.num_target_words - len(translated)
                assert episodes.eliminated[n, stx + 1 + i] == (s not in translated and left == 1)
                translated[s] = t
            assert (
                episodes.is_target[n, position : stx + 1 + len(source)]
                == ([False] * (2 + len(source)) + [True] * len(source))
            ).all()
            assert (episodes.shot[n, position : stx + 1 + len(source)] == shots).all()
            position, shots = stx + 1 + len(source), shots + 1
        assert shots == config.num_pairs and episodes.shot[n, count - 1] == -1
        assert config.active_range[0] >= 1 and len(translated) <= config.active_range[1]


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, np.int32, np.uint64, list])
def test_the_kind_of_the_indices_makes_no_difference(dtype):
    kind = torch.tensor if isinstance(dtype, torch.dtype) else np.array
    indices = [3, 4] if dtype is list else kind([3, 4], dtype=dtype)
    assert np.array_equal(sample_episodes(POST, indices).input_ids, sample_episodes(POST, range(3, 5)).input_ids)


def test_no_episodes_are_no_rows():
    for indices in (range(0), torch.zeros(0, dtype=torch.int64)):
        assert sample_episodes(CONFIGS["drawn lengths"], indices).input_ids.shape == (0, 121)


@pytest.mark.parametrize("indices", [[-1], [[0]], [0.5]])
def test_impossible_indices_are_refused(indices):
    with pytest.raises(ValueError, match="indices must be"):
        sample_episodes(POST, np.array(indices))


def test_labels():
    episodes = sample_episodes(CONFIGS["drawn lengths"], range(20))
    tokens, config = episodes.input_ids, episodes.config
    real = np.arange(tokens.shape[1]) < episodes.token_counts[:, None]
    assert np.array_equal(episodes.labels("all"), np.where(real, tokens, IGNORE))
    is_source = real & (tokens < config.num_source_words)
    assert np.array_equal(episodes.labels("targets"), np.where(real & ~is_source, tokens, IGNORE))


def test_number_of_active_words_is_as_asked():
    words = sample_episodes(LanguageConfig(num_pairs=60, num_active_words=(2, 4)), range(3000)).words
    distinct = np.array([len(np.unique(row)) for row in words])
    assert chisquare(np.bincount(distinct)[2:5]).pvalue > 1e-3 and distinct.max() == 4


def test_repetition_makes_few_words_frequent():
    """At 1 their frequencies are uniform over all that are possible."""
    shares = []
    for repetition in (0, 1, 4):
        language = LanguageConfig(num_pairs=200, sentence_length=3, word_repetition=repetition)
        words = sample_episodes(language, range(1000)).words.reshape(1000, -1)
        counts = np.sort((words[:, :, None] == np.arange(6)).sum(1), axis=1)
        assert (counts.sum(1) == 600).all()
        shares.append(counts[:, -1].mean() / 600)
    # Of a flat Dirichlet distribution over six, the largest share is (1 + 1/2 + … + 1/6) / 6 on average.
    assert abs(shares[1] - sum(1 / k for k in range(1, 7)) / 6) < 0.01
    assert shares[0] < 0.2 and shares[2] > 0.6


def test_lengths_are_uniform():
    lengths = sample_episodes(LanguageConfig(sentence_length=(1, 5)), range(3000)).lengths
    assert chisquare(np.bincount(lengths.ravel())[1:]).pvalue > 1e-3


def test_seeds_and_splits_share_no_episode():
    def rows(seed, split="train"):
        return {row.tobytes() for row in sample_episodes(LanguageConfig(seed=seed), range(10_000), split).input_ids}

    assert not rows(1) & rows(2)
    assert not rows(1) & rows(1, "test")


def test_lexicons_and_source_words_are_uniform():
    episodes = sample_episodes(POST, range(100_000))
    _, counts = np.unique(episodes.lexicons @ 6 ** np.arange(6), return_counts=True)
    assert len(counts) == 720 and chisquare(counts).pvalue > 1e-3
    assert chisquare(np.bincount(episodes.words.ravel())).pvalue > 1e-3
    pairs = episodes.words.reshape(-1, 30)
    assert chisquare(np.bincount(pairs[:, 0] * 6 + pairs[:, 1])).pvalue > 1e-3
