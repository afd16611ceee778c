import itertools
import math

import numpy as np
import pytest

from dataset_script import LanguageConfig
from dataset_script.baselines import pool_probabilities
from dataset_script.episodes import Episodes, sample_episodes
from dataset_script.predictor import bayes_nll, expected_nll, family_probabilities

SMALL = {
    "square": LanguageConfig(num_pairs=3, num_source_words=3, num_target_words=3, sentence_length=2),
    "R > L": LanguageConfig(num_pairs=3, num_source_words=2, num_target_words=4, sentence_length=2),
    "fewer active words": LanguageConfig(num_pairs=3, num_source_words=4, num_target_words=4, num_active_words=2),
    "active words drawn": LanguageConfig(
        num_pairs=3, num_source_words=3, num_target_words=3, sentence_length=2, num_active_words=(1, 3)
    ),
    "lengths drawn": LanguageConfig(num_pairs=3, num_source_words=3, num_target_words=3, sentence_length=(1, 3)),
    "all drawn, R > L": LanguageConfig(
        num_pairs=3, num_source_words=3, num_target_words=5, sentence_length=(2, 4), num_active_words=(1, 2)
    ),
    "uneven": LanguageConfig(
        num_pairs=3, num_source_words=3, num_target_words=4, sentence_length=2, word_repetition=2
    ),
    "uneven, all drawn": LanguageConfig(
        num_pairs=3,
        num_source_words=3,
        num_target_words=3,
        sentence_length=(1, 3),
        num_active_words=(1, 3),
        word_repetition=1,
    ),
    "one word": LanguageConfig(num_pairs=2, num_source_words=1, num_target_words=2, sentence_length=2),
    "held out": LanguageConfig(
        num_pairs=2, num_source_words=4, num_target_words=4, sentence_length=2, held_out_languages=0.4
    ),
}


def prefix_probability(config: LanguageConfig, tokens: list[int]) -> float:
    """How probable it is that an episode begins with these tokens: a sum over all lexicons and active words."""
    L, R = config.num_source_words, config.num_target_words
    (m, M), (a_min, a_max), r = config.length_range, config.active_range, config.word_repetition
    sources, targets, length_probability = [], [], 1.0
    for token in tokens:
        if token == config.soh:
            if sources and (targets[-1] is None or len(targets[-1]) != len(sources[-1])):
                return 0.0
            sources.append([])
            targets.append(None)
        elif token == config.stx:
            if not sources or targets[-1] is not None or not m <= len(sources[-1]) <= M:
                return 0.0
            length_probability *= 1 / (M - m + 1)
            targets[-1] = []
        elif token < L:
            if not sources or targets[-1] is not None or len(sources[-1]) == M:
                return 0.0
            sources[-1].append(token)
        elif token < L + R:
            if not sources or targets[-1] is None or len(targets[-1]) == len(sources[-1]):
                return 0.0
            targets[-1].append(token - L)
        else:
            return 0.0
    if sources and targets[-1] is None:  # so far only known to be at least this long
        length_probability *= sum(n >= len(sources[-1]) for n in range(m, M + 1)) / (M - m + 1)
    pairs = [p for s, t in zip(sources, targets, strict=True) for p in zip(s, t or [], strict=False)]
    lexicons = list(itertools.permutations(range(R), L))
    consistent = sum(all(lexicon[s] == t for s, t in pairs) for lexicon in lexicons) / len(lexicons)
    words = [word for sentence in sources for word in sentence]
    drawn = np.mean(
        [
            np.mean(
                [
                    math.prod(
                        (word in active) * (1 + r * words[:n].count(word)) / (a + r * n)
                        for n, word in enumerate(words)
                    )
                    for active in itertools.combinations(range(L), a)
                ]
            )
            for a in range(a_min, a_max + 1)
        ]
    )
    return consistent * float(drawn) * length_probability


@pytest.mark.parametrize("config", SMALL.values(), ids=SMALL)
def test_a_brute_force_posterior_agrees(config):
    episodes = sample_episodes(config, range(6))
    probabilities = family_probabilities(config, episodes.input_ids)
    for row, tokens in enumerate(episodes.input_ids.tolist()):
        tokens = tokens[: episodes.token_counts[row]]
        for t in range(len(tokens)):
            prefix = tokens[: t + 1]
            whole = prefix_probability(config, prefix)
            brute = [prefix_probability(config, [*prefix, token]) / whole for token in range(config.vocab_size)]
            np.testing.assert_allclose(probabilities[row, t], brute, atol=1e-9)


CONFIGS = SMALL | {
    "post": LanguageConfig(),
    "as typed": LanguageConfig(sentence_length=(1, 5), num_active_words=(2, 6), held_out_languages=0.1),
    "few words are frequent": LanguageConfig(num_pairs=20, sentence_length=(1, 5), word_repetition=4),
    "many words": LanguageConfig(num_pairs=20, num_source_words=16, num_target_words=20, num_active_words=(3, 16)),
}


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_costs_are_the_probabilities_of_what_came(config, split):
    episodes = sample_episodes(config, range(200), split)
    probabilities = family_probabilities(config, episodes.input_ids)
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-12)
    came = np.take_along_axis(probabilities[:, :-1], episodes.input_ids[:, 1:, None], -1)[..., 0]
    nll = bayes_nll(episodes)
    assert nll.dtype == np.float32 and (nll[:, 0] == 0).all()
    real = np.arange(1, nll.shape[1]) < episodes.token_counts[:, None]
    np.testing.assert_allclose(nll[:, 1:][real], -np.log(came[real]), atol=1e-6)
    assert (nll[:, 1:][~real] == 0).all()


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_distributions_of_target_words_are_the_predictor_s(config, device):
    episodes = sample_episodes(config, range(50), device=device)
    shortcut, plain = episodes.target_probabilities, Episodes.target_probabilities.func(episodes)
    assert type(shortcut) is type(plain) is type(episodes.input_ids) and shortcut.dtype == plain.dtype
    np.testing.assert_allclose(np.asarray(shortcut), np.asarray(plain), atol=1e-6)
    is_target = np.asarray(episodes.is_target)
    np.testing.assert_allclose(np.asarray(shortcut).sum(-1), is_target, atol=1e-6)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_numpy_and_torch_costs_are_the_same(config):
    in_numpy, in_torch = sample_episodes(config, range(100)), sample_episodes(config, range(100), device="cpu")
    np.testing.assert_allclose(bayes_nll(in_torch).numpy(), bayes_nll(in_numpy), atol=1e-6)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_closed_form_is_the_average(config):
    episodes = sample_episodes(config, range(40_000), "validation")
    nll, expected = bayes_nll(episodes).astype(float), expected_nll(config)

    def agrees(values, mean):
        # In late shots a new word is so rare that the sample may hold none: hence the last term.
        return abs(values.mean() - mean) <= 5 * values.std() / len(values) ** 0.5 + 1e-4

    is_source = episodes.input_ids < config.num_source_words
    assert agrees((nll * episodes.is_target).sum(1), expected.target)
    assert agrees((nll * is_source).sum(1), expected.source)
    assert agrees((nll * ~(is_source | episodes.is_target)).sum(1), expected.delimiter)
    assert agrees(episodes.token_counts - 1.0, expected.num_predicted)
    mean_length = sum(config.length_range) / 2
    for shot in range(config.num_pairs):
        at_shot = (nll * episodes.is_target * (episodes.shot == shot)).sum(1) / mean_length
        assert agrees(at_shot, expected.target_by_shot[shot])


def test_the_post_s_floor():
    expected = expected_nll(LanguageConfig())
    assert expected.target == pytest.approx(6.5792, abs=5e-5)
    assert expected.source == pytest.approx(53.7528, abs=5e-5)
    assert expected.num_predicted == 80
    assert expected.per_token == pytest.approx(0.75415, abs=5e-6)


def test_prefixes_are_predicted_like_whole_episodes():
    config = CONFIGS["as typed"]
    tokens = sample_episodes(config, range(20)).input_ids
    whole = family_probabilities(config, tokens)
    np.testing.assert_array_equal(family_probabilities(config, tokens[:, :17]), whole[:, :17])


def test_a_prefix_may_end_within_a_long_sentence():
    config = LanguageConfig(num_pairs=1, sentence_length=10)
    tokens = sample_episodes(config, range(3)).input_ids
    whole = family_probabilities(config, tokens)
    np.testing.assert_array_equal(family_probabilities(config, tokens[:, :9]), whole[:, :9])


@pytest.mark.parametrize(
    "tokens, message",
    [
        ([12, 0, 1, 2, 13, 6, 6, 7], "row 0 is no episode of this family: token 6 can't stand at position 6"),
        ([0, 12, 0, 0], "row 0 is no episode of this family: token 0 can't stand at position 0"),
        ([12, 0, 0, 0, 0], "row 0 is no episode of this family: token 0 can't stand at position 4"),
        ([12, 0, 15], "input_ids must be an (N, S) array of tokens 0…14"),
    ],
)
def test_impossible_rows_are_named(tokens, message):
    with pytest.raises(ValueError) as error:
        family_probabilities(LanguageConfig(), np.array([tokens]))
    assert str(error.value) == message


@pytest.mark.parametrize(
    "config",
    [
        SMALL["square"],
        SMALL["R > L"],
        SMALL["all drawn, R > L"],
        LanguageConfig(num_pairs=4, sentence_length=(1, 4), num_active_words=(2, 6)),
    ],
)
def test_who_knows_all_injections_is_the_family_predictor(config):
    L, R = config.num_source_words, config.num_target_words
    episodes = sample_episodes(config, range(40))
    probabilities = pool_probabilities(episodes, np.array(list(itertools.permutations(range(R), L))))
    family = family_probabilities(config, episodes.input_ids)[:, :-1][episodes.is_target[:, 1:]]
    np.testing.assert_allclose(probabilities[episodes.is_target], family[:, L : L + R], atol=1e-12)
    assert (probabilities[~episodes.is_target] == 0).all()


def test_who_knows_the_lexicon_knows_every_word():
    config = LanguageConfig(num_training_languages=1)
    episodes = sample_episodes(config, range(5))
    probabilities = pool_probabilities(episodes, episodes.lexicons[:1].astype(int))
    of_targets = probabilities[episodes.is_target]
    np.testing.assert_array_equal(of_targets.argmax(-1), episodes.targets.ravel())
    assert (of_targets.max(-1) == 1).all()


def test_where_no_lexicon_agrees_nothing_is_given():
    config = LanguageConfig(num_pairs=2, num_source_words=2, num_target_words=2, sentence_length=3)
    episodes = sample_episodes(config, range(30))
    other = 1 - episodes.lexicons[:1].astype(int)
    probabilities = pool_probabilities(episodes, other)
    wrong = (episodes.lexicons != other).all(1)
    assert wrong.any() and not wrong.all()
    given = probabilities[episodes.is_target].sum(-1).reshape(len(episodes), -1)  # by row and target word
    np.testing.assert_array_equal(given[wrong][:, 1:], 0)
    np.testing.assert_array_equal(given[~wrong], 1)
