"""What holds for every family of switches and a lexicon."""

import hashlib
import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from dataset_script import family_probabilities, make_language, sample_episodes
from dataset_script.families.contract import SPLITS
from dataset_script.families.grammar import SWITCHES, GrammarConfig
from dataset_script.families.mixed import MixedConfig
from dataset_script.families.order import OrderConfig
from dataset_script.families.planned import PlannedLanguage, Said, all_strings
from dataset_script.families.repetition import RepetitionConfig
from dataset_script.families.shifting import ShiftingConfig
from dataset_script.families.spelling import SpellingConfig
from dataset_script.hypotheses import predict
from dataset_script.mixtures import read_pairs
from dataset_script.predictor import levels
from dataset_script.streams import index_keys

FEW = {"num_nouns": 2, "num_verbs": 1, "num_adjectives": 0, "num_source_words": 5, "num_target_words": 7}
ONE = {"num_nouns": 2, "num_verbs": 1, "num_adjectives": 1, "num_source_words": 6, "num_target_words": 8}
CLOSED = {"plural": "suffix", "article": "dropped", "subject_particle": "none", "object_particle": "none"}
SMALL = {
    "grammar, orders": GrammarConfig(num_pairs=4, sentence_length=(2, 4), **FEW, **CLOSED),
    "grammar, articles and plurals": GrammarConfig(
        num_pairs=4, sentence_length=(2, 5), order="SOV", subject_particle="none", object_particle="none", **FEW
    ),
    "grammar, particles": GrammarConfig(
        num_pairs=3, sentence_length=(2, 4), order=("SVO", "OVS"), article="dropped", plural="prefix", **FEW
    ),
    "grammar, adjectives": GrammarConfig(
        num_pairs=4, sentence_length=(2, 5), num_active_words=1, order=("SVO", "VSO"), **ONE, **CLOSED
    ),
    "grammar, fragments": GrammarConfig(
        num_pairs=4, sentence_length=(1, 3), order=("SVO", "OVS"), fragments=True, **ONE, **CLOSED
    ),
    "spelling": SpellingConfig(
        num_pairs=4, num_source_words=3, num_target_words=4, sentence_length=(1, 3), longest_word=2
    ),
    "spelling, of two words": SpellingConfig(
        num_pairs=3, num_source_words=2, num_target_words=3, sentence_length=2, longest_word=3, num_active_words=(1, 2)
    ),
    "spelling, without blanks": SpellingConfig(
        num_pairs=4, num_source_words=3, num_target_words=5, sentence_length=(1, 2), longest_word=2, blanks="none"
    ),
    "repetition": RepetitionConfig(num_pairs=5, num_source_words=7, num_target_words=7),
    "repetition, long sentences": RepetitionConfig(
        num_pairs=4, num_source_words=6, num_target_words=6, sentence_length=(3, 5), word_repetition=2
    ),
    "repetition, of one word": RepetitionConfig(
        num_pairs=4, num_source_words=7, num_target_words=7, sentence_length=(2, 4), num_active_words=1
    ),
    "order": OrderConfig(num_pairs=4, num_source_words=3, num_target_words=4, sentence_length=(1, 4)),
}
CHANGING = {
    "hazard": ShiftingConfig(num_pairs=4, num_source_words=2, num_target_words=3, hazard=0.3, foreign=0.0, gaps=0.0),
    "foreign pairs": ShiftingConfig(
        num_pairs=4, num_source_words=2, num_target_words=4, sentence_length=(1, 2), hazard=0.0, foreign=0.4, gaps=0.0
    ),
    "gaps": ShiftingConfig(num_pairs=4, num_source_words=3, num_target_words=4, hazard=0.0, foreign=0.0, gaps=0.3),
    "all": ShiftingConfig(
        num_pairs=4, num_source_words=3, num_target_words=4, sentence_length=2, hazard=0.2, foreign=0.2, gaps=0.2
    ),
    "a grammar": GrammarConfig(
        num_pairs=3,
        num_nouns=1,
        num_verbs=1,
        num_adjectives=0,
        num_source_words=4,
        num_target_words=6,
        sentence_length=(2, 3),
        order=("SVO", "OVS"),
        hazard=0.2,
        foreign=0.3,
        **CLOSED,
    ),
    "operators and gaps": RepetitionConfig(
        num_pairs=3, num_source_words=6, num_target_words=6, sentence_length=(1, 3), hazard=0.1, gaps=0.2, blank=True
    ),
    "strings": SpellingConfig(
        num_pairs=3, num_source_words=2, num_target_words=3, sentence_length=2, longest_word=2, foreign=0.3, gaps=0.2
    ),
}
MIXED = {
    "words and orders": MixedConfig(
        num_pairs=4,
        num_source_words=6,
        num_target_words=9,
        families=("lexicon", "order"),
        num_nouns=2,
        num_verbs=1,
        num_adjectives=1,
        sentence_length=(1, 3),
    ),
    "all": MixedConfig(
        num_pairs=3,
        num_source_words=7,
        num_target_words=10,
        num_nouns=2,
        num_verbs=2,
        num_adjectives=1,
        sentence_length=(1, 4),
        num_active_words=(1, 3),
    ),
}
NAMES = ("grammar", "spelling", "repetition", "order", "shifting", "mixed")
DEFAULTS = {name: make_language(name) for name in NAMES}
STEADY = {name: config for name, config in DEFAULTS.items() if name not in ("shifting", "mixed")}
EVERY = SMALL | CHANGING | MIXED | {f"{name}, default": config for name, config in DEFAULTS.items()}
ALL = SMALL | {f"{name}, default": config for name, config in STEADY.items()}
GOLDEN = {
    "grammar": "898ee1249b063fbc",
    "spelling": "66a9e16eeb4f0523",
    "repetition": "866b3d8138cf40bb",
    "order": "96ee3d8d8990d362",
    "shifting": "16de9227fbb83791",
    "mixed": "50652f4ce38aebc9",
}


def each(configs):
    return pytest.mark.parametrize("config", list(configs.values()), ids=list(configs))


def sentences(config, row):
    """A row of tokens as pairs of source words and target words, read by hand."""
    pairs = []
    for token in row:
        if token == config.pad:
            break
        if token == config.soh:
            pairs.append(([], []))
        elif token < config.num_source_words:
            pairs[-1][0].append(token)
        elif token != config.stx:
            pairs[-1][1].append(token - config.num_source_words)
    return pairs[:-1]


def units_of(config, setting, source):
    """What a source sentence says under a setting, the classes of its words found by hand; None for a blank."""
    bounds = np.cumsum(config.class_sizes)
    form = tuple(int(np.searchsorted(bounds, word, "right")) for word in source)
    return [source[said.place] if said.place is not None else said.unit for said in config.plan(form, setting)]


def latents(config, episodes, n):
    """The setting and the lexicon of an episode, by hand: each unit's string."""
    number = episodes.latents.get("setting", episodes.latents.get("order"))[n]
    strings = all_strings(config.num_symbols, config.longest_unit)[episodes.lexicons[n].astype(int)]
    return config.settings[number], [[int(symbol) for symbol in string if symbol >= 0] for string in strings]


def translation(config, units, strings):
    blank = [config.num_symbols]
    return [symbol for unit in units for symbol in (blank if unit is None else strings[unit])]


@each(ALL)
def test_rows_read_as_drawn(config):
    episodes = sample_episodes(config, range(60))
    m, M = config.length_range
    for n, row in enumerate(episodes.input_ids.tolist()):
        pairs, (setting, strings) = sentences(config, row), latents(config, episodes, n)
        assert len(pairs) == config.num_pairs and len({tuple(string) for string in strings}) == config.num_units
        for source, target in pairs:
            assert m <= len(source) <= M and len(target) <= config.max_target_length
            assert target == translation(config, units_of(config, setting, source), strings)


@each(ALL)
def test_counterparts_are_what_was_heard_before(config):
    """Read by hand: a source word's, of the pairs before; a target word's, of what was said so far."""
    L, found = config.num_source_words, 0
    episodes = sample_episodes(config, range(30))
    for n, row in enumerate(episodes.input_ids.tolist()):
        setting, strings = latents(config, episodes, n)
        heard, expected = set(), []
        for source, _ in sentences(config, row):
            expected += [-100, *(L + strings[word][0] if word in heard else -100 for word in source), -100]
            for unit in units_of(config, setting, source):
                said = [0] if unit is None else strings[unit]
                expected += [unit if unit is not None and unit in heard and unit < L else -100] * len(said)
                heard.add(unit)
        found += sum(token >= 0 for token in expected)
        assert episodes.counterparts[n, : len(expected)].tolist() == expected
        assert (episodes.counterparts[n, len(expected) :] == -100).all()
    assert found > 0


@each(EVERY)
def test_numpy_and_torch_are_the_same(config):
    in_numpy, in_torch = sample_episodes(config, range(60)), sample_episodes(config, range(60), device="cpu")
    for column in [
        "input_ids",
        "role",
        "shot",
        "determined",
        "eliminated",
        "is_end",
        "is_blank",
        "token_counts",
        "counterparts",
    ]:
        a, b = getattr(in_numpy, column), getattr(in_torch, column)
        assert isinstance(b, torch.Tensor) and np.array_equal(a, b.numpy()), column
    for name, latent in in_numpy.latents.items():
        assert np.array_equal(latent, in_torch.latents[name].numpy()), name
    np.testing.assert_allclose(in_torch.bayes_nll.numpy(), in_numpy.bayes_nll, atol=1e-6)


def all_lexicons(config):
    """Every lexicon with its prior probability: (lexicons, U, F) symbols, and (lexicons,)."""
    U, F, A = config.num_units, config.longest_unit, config.num_symbols
    strings = all_strings(A, F)
    sizes = (strings >= 0).sum(1)
    lexicons = np.array(list(itertools.permutations(range(len(strings)), U)))
    counts = (sizes[lexicons][:, :, None] == np.arange(1, F + 1)).sum(1)  # (lexicons, F): words of each length
    ways = np.array(
        [[math.perm(A**size, count) if count <= A**size else 1 for count in range(U + 1)] for size in range(1, F + 1)]
    )
    weights = (1 / F) ** U / np.prod(ways[np.arange(F), counts].astype(float), 1)
    return strings[lexicons], weights


def said(config, plan, lexicons, width):
    """What each lexicon says for a plan: (lexicons, width) symbols, the end R at last."""
    blank = np.full((len(lexicons), 1, lexicons.shape[2]), -1)
    blank[:, :, 0] = config.num_symbols
    symbols = np.concatenate([blank if unit is None else lexicons[:, [unit]] for unit in plan], 1)
    symbols = symbols.reshape(len(lexicons), -1)
    order = np.argsort(symbols < 0, 1, kind="stable")
    symbols = np.take_along_axis(symbols, order, 1)
    symbols = np.pad(symbols, ((0, 0), (0, max(0, width - symbols.shape[1]))), constant_values=-1)[:, :width]
    return np.where(symbols < 0, config.num_target_words, symbols)


@each(SMALL)
def test_a_brute_force_posterior_agrees(config):
    """Over all languages: what they say next, of those that agree with all translations so far, by their prior."""
    L, R = config.num_source_words, config.num_target_words
    lexicons, weights = all_lexicons(config)
    assert weights.sum() == pytest.approx(1)
    episodes = sample_episodes(config, range(6))
    probabilities, nll = family_probabilities(config, episodes.input_ids), episodes.bayes_nll
    determined = 0
    for n, row in enumerate(episodes.input_ids.tolist()):
        alive = np.tile(weights / len(config.settings), (len(config.settings), 1))  # (settings, lexicons)
        heard, position = set(), 0
        setting, strings = latents(config, episodes, n)
        for source, target in sentences(config, row):
            position += len(source) + 2
            plans = [units_of(config, setting, source) for setting in config.settings]
            says = np.stack([said(config, plan, lexicons, len(target) + 1) for plan in plans])
            spoken = [  # of each symbol, the item of the plan that says it, and its unit
                (item, unit)
                for item, unit in enumerate(units_of(config, setting, source))
                for _ in ([0] if unit is None else strings[unit])
            ]
            for place in range(len(target) + 1):
                brute = np.bincount(says[..., place].ravel(), alive.ravel(), R + 1) / alive.sum()
                np.testing.assert_allclose(probabilities[n, position - 1, L : L + R], brute[:R], atol=1e-9)
                assert probabilities[n, position - 1, config.soh] == pytest.approx(brute[R], abs=1e-9)
                token = target[place] if place < len(target) else R
                assert nll[n, position] == pytest.approx(-np.log(brute[token]), abs=1e-6)
                if place < len(target):
                    certain, (item, unit) = brute[token] > 1 - 1e-9, spoken[place]
                    assert episodes.determined[n, position] == (certain and unit in heard)
                    assert episodes.eliminated[n, position] == (certain and unit is not None and unit not in heard)
                    determined += certain and unit in heard
                    if place + 1 == len(target) or spoken[place + 1][0] != item:
                        heard |= {unit} - {None}
                    position += 1
                alive = alive * (says[..., place] == token)
    assert determined > 0


@each({name: config for name, config in SMALL.items() if not config.word_repetition})
def test_source_words_against_a_brute_force_posterior(config):
    """Over all sets of active words, and all forms: P(the next token) is a ratio of sums over them."""
    sizes, offsets = config.class_sizes, np.cumsum([0, *config.class_sizes])
    active = []  # of each class: the sets, each with its probability
    for size, offset in zip(sizes, offsets, strict=False):
        low, high = (min(end, size) for end in config.active_range)
        sets = []
        for number in range(low, high + 1):
            subsets = list(itertools.combinations(range(offset, offset + size), number))
            sets += [(set(subset), 1 / (high - low + 1) / len(subsets)) for subset in subsets]
        active.append(sets)
    m, M = config.length_range
    forms = [form for form in config.all_forms() if m <= len(form) <= M]
    count = np.bincount([len(form) for form in forms])
    weight = {form: 1 / count[len(form)] for form in forms}
    class_of = np.repeat(np.arange(len(sizes)), sizes)

    def likelihood(before, last, ended):
        """Of source sentences, the last of which may go on."""
        total = 0
        for choice in itertools.product(*active):
            p = np.prod([probability for _, probability in choice])
            for word in [*itertools.chain(*before), *last]:
                chosen = choice[class_of[word]][0]
                p *= (word in chosen) / len(chosen)
            total += p
        classes = tuple(class_of[list(last)]) if last else ()
        begins = [form for form in forms if form[: len(classes)] == classes and (not ended or form == classes)]
        return total * sum(weight[form] for form in begins)

    episodes = sample_episodes(config, range(3))
    probabilities = family_probabilities(config, episodes.input_ids)
    for n, row in enumerate(episodes.input_ids.tolist()):
        position, before = 0, []
        for source, target in sentences(config, row)[:3]:
            for place in range(len(source) + 1):
                past = likelihood(before, source[:place], False)
                p = probabilities[n, position + place]
                for word in range(config.num_source_words):
                    wanted = likelihood(before, [*source[:place], word], False) / past if place < M else 0
                    assert p[word] == pytest.approx(wanted, abs=1e-9)
                assert p[config.stx] == pytest.approx(likelihood(before, source[:place], True) / past, abs=1e-9)
            before.append(source)
            position += len(source) + len(target) + 2


@each(EVERY)
def test_costs_are_the_probabilities_of_what_came(config):
    episodes = sample_episodes(config, range(40), "test")
    p = family_probabilities(config, episodes.input_ids)
    np.testing.assert_allclose(p.sum(-1), 1, atol=1e-9)
    came = np.take_along_axis(p[:, :-1], episodes.input_ids[:, 1:, None].astype(int), -1)[..., 0]
    real = np.arange(1, p.shape[1]) < episodes.token_counts[:, None]
    np.testing.assert_allclose(episodes.bayes_nll[:, 1:][real], -np.log(came[real]), atol=1e-5)
    assert (episodes.bayes_nll[:, 0] == 0).all()


@each(DEFAULTS)
def test_prefixes_are_predicted_like_whole_episodes(config):
    tokens = sample_episodes(config, range(6)).input_ids
    whole = family_probabilities(config, tokens)
    for width in (1, 5, 14, tokens.shape[1] // 2):
        np.testing.assert_allclose(family_probabilities(config, tokens[:, :width]), whole[:, :width], atol=1e-12)


@each(DEFAULTS)
def test_golden_stream(config):
    """Whoever changes this has changed every episode, and raises GENERATOR_VERSION."""
    tokens = sample_episodes(config, range(256), "test").input_ids
    assert hashlib.sha256(tokens.astype("<i4").tobytes()).hexdigest()[:16] == GOLDEN[config.family]


@each(DEFAULTS)
def test_rows_that_the_family_cannot_produce_are_named(config):
    row = sample_episodes(config, range(1)).input_ids[0].astype(int)
    turn = int((row == config.stx).argmax())
    for t, token in ((0, 0), (1, config.soh), (turn + 1, config.stx), (turn + 1, 0)):
        wrong = row.copy()
        wrong[t] = token
        with pytest.raises(ValueError, match=f"row 0 is no episode of this family: token {token} can't stand at"):
            family_probabilities(config, wrong[None])


@each(CHANGING)
def test_a_brute_force_posterior_agrees_where_languages_change(config):
    """Over all languages that may be the native one, and all that the pair at hand may be of."""
    L, R = config.num_source_words, config.num_target_words
    lexicons, weights = all_lexicons(config)
    prior = np.tile(weights / len(config.settings), len(config.settings))  # (languages,): by setting, then by lexicon
    episodes = sample_episodes(config, range(6))
    probabilities, nll = family_probabilities(config, episodes.input_ids), episodes.bayes_nll
    assert not config.changes or not episodes.determined.any()
    for n, row in enumerate(episodes.input_ids.tolist()):
        native, position = prior, 0
        for k, (source, target) in enumerate(sentences(config, row)):
            if k:
                native = (1 - config.hazard) * native + config.hazard * prior
            # (native, of the pair)
            joint = (1 - config.foreign) * np.diag(native) + config.foreign * np.outer(native, prior)
            position += len(source) + 2
            # By language, item and place in it: a blank may stand for the whole string of a unit.
            states = {(language, 0, 0): 1.0 for language in range(len(prior))}
            said_by = []
            for setting in config.settings:
                plan = units_of(config, setting, source)
                said_by += [
                    [[config.num_symbols] if unit is None else [s for s in lexicon[unit] if s >= 0] for unit in plan]
                    for lexicon in lexicons.tolist()
                ]
            units = [
                [unit is not None for unit in units_of(config, setting, source)]
                for setting in config.settings
                for _ in range(len(lexicons))
            ]
            for place in range(len(target) + 1):
                of_pair = joint.sum(0)
                brute = np.zeros(R + 1)
                following = {}
                token = target[place] if place < len(target) else R
                came = np.zeros(len(prior))
                for (language, item, within), p in states.items():
                    outcomes = []  # of this state: symbol, probability, next state
                    strings = said_by[language]
                    if item == len(strings):
                        outcomes.append((R, 1.0, None))
                    else:
                        string, may_miss = strings[item], units[language][item] and within == 0
                        on = (language, item, within + 1) if within + 1 < len(string) else (language, item + 1, 0)
                        outcomes.append((string[within], 1 - config.gaps * may_miss, on))
                        if may_miss and config.gaps:
                            outcomes.append((config.num_symbols, config.gaps, (language, item + 1, 0)))
                    for symbol, q, state in outcomes:
                        brute[symbol] += of_pair[language] * p * q
                        if symbol == token:
                            came[language] += p * q
                            if state is not None:
                                following[state] = following.get(state, 0) + p * q
                brute /= of_pair.sum()
                np.testing.assert_allclose(probabilities[n, position - 1, L : L + R], brute[:R], atol=1e-9)
                assert probabilities[n, position - 1, config.soh] == pytest.approx(brute[R], abs=1e-9)
                assert nll[n, position] == pytest.approx(-np.log(brute[token]), abs=1e-6)
                # `came` goes into the joint weights, and what is left of each language's states sums to 1 again.
                totals = np.zeros(len(prior))
                for (language, _, _), p in following.items():
                    totals[language] += p
                states = {state: p / totals[state[0]] for state, p in following.items()}
                joint = joint * came
                position += place < len(target)
            native = joint.sum(1) / joint.sum()


@each(MIXED)
def test_a_mixture_is_the_mean_of_its_families(config):
    """By Bayes' rule, from what each family gives whole rows by itself."""
    episodes = sample_episodes(config, range(12))
    mixture = family_probabilities(config, episodes.input_ids)
    for n, row in enumerate(episodes.input_ids):
        row = row[: episodes.token_counts[n]]
        joint, expected = [], []  # of each family: the probability of the row up to each token, what it says next
        for component in config.components:
            width = len(row)
            while width:
                try:
                    p = family_probabilities(component, row[None, :width].astype(int))[0]
                    break
                except ValueError:
                    width -= 1
            so_far, says = np.zeros(len(row)), np.zeros((len(row), config.vocab_size))
            so_far[:width] = np.cumprod([1, *p[np.arange(width - 1), row[1:width]]])
            says[:width] = p
            joint.append(so_far)
            expected.append(says)
        joint, expected = np.array(joint), np.array(expected)
        posterior = joint / joint.sum(0)
        wanted = np.einsum("cs,csv->sv", posterior, expected)
        np.testing.assert_allclose(mixture[n, : len(row)], wanted, atol=1e-9)
    assert len(np.unique(episodes.number)) > 1


def _settings_of(config, split):
    return set(sample_episodes(config, range(20_000), split).setting.tolist())


def test_structures_are_held_out():
    """A setting is of one split; without held-out structures every split has all."""
    open_to_all = {split: sample_episodes(DEFAULTS["grammar"], range(3000), split).setting for split in SPLITS}
    assert all(len(np.unique(settings)) > 900 for settings in open_to_all.values())
    config = make_language("grammar", held_out_structures=0.2)
    drawn = {split: set(sample_episodes(config, range(3000), split).setting.tolist()) for split in SPLITS}
    assert not drawn["train"] & drawn["test"] and not drawn["train"] & drawn["validation"]
    assert not drawn["validation"] & drawn["test"] and 60 < len(drawn["test"]) < 140
    seen = make_language("grammar", held_out_structures=0.2, structures_of="train")
    assert set(sample_episodes(seen, range(3000), "test").setting.tolist()) <= _settings_of(config, "train")
    with pytest.raises(ValueError, match="structures_of must be one of train, validation, test, got 'seen'"):
        make_language("grammar", structures_of="seen")
    with pytest.raises(ValueError, match=r"held_out_structures=0\.1 leaves none of 1 settings of the switches for "):
        make_language("grammar", held_out_structures=0.1, **{name: values[0] for name, values in SWITCHES.items()})


@pytest.mark.parametrize("name", ["order", "grammar", "spelling", "repetition", "mixed"])
def test_levels_of_those_who_know_a_part(name):
    known = levels(make_language(name, num_pairs=4, sentence_length=(2, 4)), "targets")
    assert list(known.values()) == sorted(known.values(), reverse=True)
    assert ("words alone" in known) and ("words and order" in known) == (name in ("grammar", "mixed"))


def test_who_is_told_all_pays_for_new_words_alone():
    config = make_language("grammar", num_pairs=5)
    episodes = PlannedLanguage.sample(config, index_keys("told", np.arange(40)), "train")
    said = [set(row[row >= 0]) for row in episodes.units.reshape(40, -1)]
    new = [sum(math.log(config.num_symbols - number) for number in range(len(units))) for units in said]
    assert episodes.told_nll(tuple(config.switches)) == pytest.approx(np.mean(new), abs=1e-6)
    one = PlannedLanguage.sample(make_language("grammar", num_pairs=1), index_keys("told", np.arange(40)), "train")
    assert one.told_nll(()) == pytest.approx(one.floor("targets").sum() / 40, abs=1e-4)


def test_more_hypotheses_than_are_allowed_are_an_error():
    config = DEFAULTS["grammar"]
    heard, _ = read_pairs([config], sample_episodes(config, range(4)).input_ids.astype(int))
    with pytest.raises(ValueError, match=r"episode \d leaves \d+ hypotheses alive in pair 1; max_hypotheses is 20"):
        predict([config.plans], heard, max_hypotheses=20)


@pytest.mark.parametrize(
    "family, knobs, message",
    [
        ("grammar", {"hazard": 1.0}, "hazard must be a fraction in [0, 1), got 1.0"),
        ("grammar", {"gaps": 0.1, "blank": False}, "blank must be true where translations have blanks"),
        ("spelling", {"blank": False}, "blank must be true where translations have blanks"),
        ("grammar", {"blank": 1}, "blank must be true or false, got 1"),
        ("spelling", {"longest_word": 1}, "longest_word must be at least 2, got 1"),
        ("spelling", {"blanks": "some"}, "blanks must be a list of different names of between, none, got 'some'"),
        ("spelling", {"num_target_words": 6}, "num_target_words must be at least 7, so that each of 6 units has"),
        ("spelling", {"num_target_words": 200}, "(num_target_words − 1) to the power of longest_word must be at most"),
        ("repetition", {"num_source_words": 4}, "num_source_words must be at least 5, 4 operators and a word, got 4"),
        ("repetition", {"sentence_length": 6}, "sentence_length must be within 1…5: there is no sentence of 6 words"),
        ("mixed", {"families": ("lexicon", "poetry")}, "families must be a list of different names of lexicon, order"),
    ],
)
def test_impossible_values_are_refused_in_a_sentence(family, knobs, message):
    with pytest.raises(ValueError) as error:
        make_language(family, **knobs)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_a_plan_is_its_own_class_s_and_its_own_knobs():
    """Tables are kept from call to call: of one class, and one value of each knob that a plan may ask for."""

    def family_that_turns(turns):
        @dataclass(frozen=True)
        class Turning(OrderConfig):
            again: bool = False

            def sample(self, keys, split):
                return PlannedLanguage.sample(self, keys, split)

            def plan(self, form, setting):
                places = [Said("order", place) for place in range(len(form))]
                return places[::-1] if turns != self.again else places

        return Turning

    straight, turned = family_that_turns(False), family_that_turns(True)
    knobs = {"orders": ("straight",), "num_pairs": 2}
    for config, is_turned in (
        (straight(**knobs), False),
        (turned(**knobs), True),
        (straight(**knobs, again=True), True),
        (turned(**knobs, again=True), False),
    ):
        episodes = sample_episodes(config, range(20))
        said = episodes.lexicons[np.arange(20)[:, None, None], episodes.words]
        assert np.array_equal(episodes.targets, said[..., ::-1] if is_turned else said)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"plan": lambda self, form, setting: [Said("sound", 0)]}, "which hangs on none of its phenomena order"),
        ({"plan": lambda self, form, setting: [Said("order", 5)]}, "which is at none of the places 0…0"),
        ({"plan": lambda self, form, setting: [Said("order", unit=9)]}, "which is none of the units 0…5"),
        ({"plan": lambda self, form, setting: [Said("order")]}, "which is a blank, which these languages don't have"),
        ({"all_forms": lambda self: []}, "a family has to have a form that its sentences may have"),
        ({"switches": property(lambda self: {"order": ()})}, "the switch order of Mistaken has no value"),
    ],
)
def test_mistakes_in_a_family_of_one_s_own_are_named(change, message):
    mistaken = dataclass(frozen=True)(type("Mistaken", (OrderConfig,), change))
    with pytest.raises(ValueError) as error:
        _ = mistaken(num_pairs=2, sentence_length=(1, 2)).plans
    assert message in str(error.value) and "\n" not in str(error.value)
