import random

import pytest
import torch

from modeling_metalstm import TranslationError, TranslatorSession
from modeling_metalstm.alphabet_metalstm import Alphabet
from modeling_metalstm.reading_metalstm import MAX_TOKENS
from modeling_metalstm.session_metalstm import choose_word

EXAMPLES = [("red", "dax"), ("blue red", "wif dax")]
SENTENCES = ["blue", "red zup red", "blue red kib zup blue", "zup"]


def assert_same(results, expected):
    """Two results, or lists of them: the same words, the same probabilities within 1e-5."""
    if isinstance(results, dict):
        results, expected = [results], [expected]
    assert [result["translation_text"] for result in results] == [other["translation_text"] for other in expected]
    for result, other in zip(results, expected, strict=True):
        for word, same in zip(result["words"], other["words"], strict=True):
            assert word == same | {"probability": pytest.approx(same["probability"], abs=1e-5)}


def translate_anew(model, examples, sentence, num_bindings, seed):
    """By hand, without a state: for each word the whole episode, in symbols, averaged over the bindings."""
    sources, targets = [], []
    for source, target in examples:
        sources += [word for word in source.split() if word not in sources]
        targets += [word for word in target.split() if word not in targets]
    named = list(targets)
    all_sources = sources + [word for word in dict.fromkeys(sentence.split()) if word not in sources]
    rng = random.Random(seed)
    bindings = [Alphabet(6, 6).draw_binding(rng) for _ in range(num_bindings)]
    said, probabilities = [], []
    for _ in sentence.split():
        average = torch.zeros(6)
        for binding in bindings:
            prompt = []
            for source, target in examples:
                prompt += [12, *(binding[all_sources.index(word)] for word in source.split())]
                prompt += [13, *(binding[6 + targets.index(word)] for word in target.split())]
            prompt += [12, *(binding[all_sources.index(word)] for word in sentence.split()), 13]
            prompt += [binding[6 + word] for word in said]
            with torch.no_grad():
                symbols = model(torch.tensor([prompt])).logits[0, -1, 6:12].softmax(dim=-1)
            average += symbols[torch.tensor(binding[6:12]) - 6] / num_bindings
        num_known = max([len(named), *(word + 1 for word in said)])
        shared = average.clone()
        shared[num_known:] = shared[num_known:].mean() if num_known < 6 else 0
        said.append(int(shared.argmax()))
        probabilities.append(average[said[-1]] if said[-1] < len(named) else 1 - average[: len(named)].sum())
    words = [named[word] if word < len(named) else "?" for word in said]
    return " ".join(words), [float(probability) for probability in probabilities]


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("num_bindings", [1, 4])
@pytest.mark.parametrize("repeats", [1, 60])
def test_it_says_what_a_fresh_prompt_says(make_model, num_layers, num_bindings, repeats):
    model, examples = make_model(scale=3.0, num_hidden_layers=num_layers), EXAMPLES * repeats
    session = TranslatorSession(model, examples, num_bindings=num_bindings, seed=7)
    for sentence in SENTENCES:
        text, probabilities = translate_anew(model, examples, sentence, num_bindings, seed=7)
        result = session(sentence)
        assert result["translation_text"] == text
        assert [word["probability"] for word in result["words"]] == pytest.approx(probabilities, abs=1e-5)


@pytest.mark.parametrize("num_bindings", [1, 3])
def test_sentences_of_different_lengths_are_one_batch(make_model, num_bindings):
    session = TranslatorSession(make_model(scale=3.0), EXAMPLES, num_bindings=num_bindings)
    expected = [session(sentence) for sentence in SENTENCES]
    assert_same(session(SENTENCES), expected)
    assert_same(session(tuple(reversed(SENTENCES))), expected[::-1])
    assert len({word["probability"] for result in expected for word in result["words"]}) > 5  # the model does vary


def test_large_batches_and_long_prompts_are_read_in_pieces(make_model, monkeypatch):
    model = make_model(scale=3.0)
    whole = TranslatorSession(model, EXAMPLES * 9, num_bindings=3)(SENTENCES * 5)
    monkeypatch.setattr("modeling_metalstm.reading_metalstm.MAX_TOKENS", 30)
    sizes, forward = [], model.forward
    monkeypatch.setattr(
        model,
        "forward",
        lambda input_ids, **kwargs: (sizes.append(input_ids.numel()), forward(input_ids, **kwargs))[1],
    )
    assert_same(TranslatorSession(model, EXAMPLES * 9, num_bindings=3)(SENTENCES * 5), whole)
    assert max(sizes) <= 30 < MAX_TOKENS and len(sizes) > 20


@pytest.mark.parametrize("num_bindings", [1, 3])
def test_an_added_example_is_as_if_read_from_the_start(make_model, num_bindings):
    model = make_model(scale=3.0)
    more = [("green red", "lug dax"), ("zup green", "kiki lug")]  # zup was asked for before it had a translation
    session = TranslatorSession(model, EXAMPLES, num_bindings=num_bindings, seed=5)
    before = session(SENTENCES)
    for number, pair in enumerate(more, start=1):
        session.add(*pair)
        anew = TranslatorSession(model, EXAMPLES + more[:number], num_bindings=num_bindings, seed=5)
        assert_same(session(SENTENCES), anew(SENTENCES))
    assert session(SENTENCES) != before
    assert not session("zup")["words"][0]["guess"] and before[3]["words"][0]["guess"]


def test_only_new_tokens_are_read(make_model, monkeypatch):
    model, shapes = make_model(), []
    forward = model.forward
    monkeypatch.setattr(
        model, "forward", lambda input_ids, **kwargs: (shapes.append(input_ids.shape), forward(input_ids, **kwargs))[1]
    )
    session = TranslatorSession(model, EXAMPLES * 100, num_bindings=2)
    assert shapes == []
    session("red")
    assert shapes == [(2, 1000), (2, 3)]
    session("blue red")
    assert shapes[2:] == [(2, 4), (2, 1)]
    session.add("green", "lug")
    session("red")
    assert shapes[4:] == [(2, 4), (2, 3)]


def test_questions_leave_the_session_as_it_was(make_model):
    session = TranslatorSession(make_model(scale=3.0), EXAMPLES, num_bindings=2)
    first = session("zup blue")
    session(["kib", "blue zup red"])
    assert session("zup blue") == first


def test_words_that_come_later_find_free_symbols(perfect_translator):
    session = TranslatorSession(perfect_translator, EXAMPLES, num_bindings=3)
    assert session("zup red zup kib")["translation_text"] == "? dax ? ?"
    for word in ("green", "zup", "kib", "mo"):  # the whole alphabet of six
        session.add(word, word.upper())
    assert session("mo kib zup green blue red")["translation_text"] == "MO KIB ZUP GREEN wif dax"


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda session: session("a b c d e"), "the examples and the sentence have 7"),
        (lambda session: session([]), "There are no sentences"),
        (lambda session: session(["red", ""]), "The sentence is empty"),
        (lambda session: session(5), "The sentence must be text"),
        (lambda session: session.add("green", "dax"), "Examples 1 and 3 disagree: 'dax' translates both"),
        (lambda session: session.add("green red", "lug"), "Example 3 has 2 source and 1 target words"),
        (lambda session: session.add("a b c d e", "v w x y z"), "at most 6 distinct source words, .* examples have 7"),
        (lambda session: session.add("", "dax"), "The source side of example 3 is empty"),
        (lambda session: session.add("red " * 600, "dax " * 600) or session.add("red", 3), "target side of example 4"),
    ],
)
@pytest.mark.parametrize("is_read", [False, True])
def test_a_mistake_leaves_the_session_usable(perfect_translator, mistake, message, is_read):
    session = TranslatorSession(perfect_translator, EXAMPLES)
    if is_read:
        session("red")
    with pytest.raises(TranslationError, match=message):
        mistake(session)
    session.add("green", "lug")
    assert session("green blue red")["translation_text"] == "lug wif dax"


def test_an_interruption_leaves_the_session_usable(make_model, monkeypatch):
    model = make_model(scale=3.0)
    session, anew = (TranslatorSession(model, EXAMPLES, seed=2) for _ in range(2))
    session("red")
    for other in (session, anew):
        other.add("green blue", "lug wif")
    forward, calls = model.forward, []

    def interrupted(**kwargs):
        calls.append(forward(**kwargs))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return calls[-1]

    monkeypatch.setattr("modeling_metalstm.reading_metalstm.MAX_TOKENS", 2)  # so that it happens between two pieces
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(model, "forward", interrupted)
        session("blue")
    assert_same(session(SENTENCES), anew(SENTENCES))


class TestChooseWord:
    def test_the_best_known_word(self):
        assert choose_word(torch.tensor([[0.1, 0.6, 0.2, 0.1]]), torch.tensor([2])).tolist() == [1]

    def test_words_without_a_name_share_their_probability(self):
        probabilities = torch.tensor([[0.3, 0.1, 0.6, 0.0]]).repeat(3, 1)
        # Alone 0.6 would win; two or three that share win or lose together, by their first.
        assert choose_word(probabilities, torch.tensor([3, 2, 1])).tolist() == [2, 0, 0]
        assert choose_word(torch.tensor([[0.2, 0.0, 0.8, 0.0]]), torch.tensor([1])).tolist() == [1]

    def test_the_first_of_a_tie(self):
        tied = torch.full((1, 6), 1 / 6)
        tied[0, 3] += 2e-8  # the next number in float32: rounding, no preference
        assert tied[0, 3] > tied[0, 0] and choose_word(tied, torch.tensor([6])).tolist() == [0]


def test_words_are_answered_as_they_were_first_written(make_model):
    session = TranslatorSession(make_model(), [("Red", "Dax"), ("blue; RED", "wif; dax")], separator=";")
    result = session("red;zup")
    assert [word["source"] for word in result["words"]] == ["Red", "zup"]
    assert [(word["taught"], word["example"], word["guess"]) for word in result["words"]] == [
        ("Dax", 1, False),
        (None, None, True),
    ]
    assert result["translation_text"].count(";") == 1
    session.add("BLUE", "WIF")
    assert session.lesson.lexicon == {"Red": "Dax", "blue": "wif"}
    with pytest.raises(TranslationError, match="disagree"):
        TranslatorSession(make_model(), [("Red", "Dax"), ("red", "wif")])
    assert len(TranslatorSession(make_model(), [("Red", "Dax"), ("red", "wif")], exact=True).lesson.lexicon) == 2


@pytest.mark.parametrize("max_tokens", [7, 8192])
def test_shots_are_what_a_question_would_have_said(make_model, monkeypatch, max_tokens):
    """Each word's probability is that of asking for it, with the examples and the words before it read."""
    monkeypatch.setattr("modeling_metalstm.reading_metalstm.MAX_TOKENS", max_tokens)
    model, examples = make_model(scale=3.0), [("red", "dax"), ("blue red", "wif dax"), ("green", "lug")]
    session = TranslatorSession(model, examples, num_bindings=3, seed=4)
    shots = session.shots()
    assert [[word["source"] for word in shot] for shot in shots] == [["red"], ["blue", "red"], ["green"]]
    assert [[word["optimum"] for word in shot] for shot in shots] == [[1 / 6], [1 / 5, 1], [1 / 4]]
    config = model.config
    tokens = Alphabet.of(config).write_examples(session.lesson.examples, session.lesson.lexicon)
    words = iter(word for shot in shots for word in shot)
    for place, token in enumerate(tokens):
        if config.num_source_words <= token < config.num_source_words + config.num_target_words:
            prompt = session._bindings[:, torch.tensor(tokens[:place])]
            with torch.no_grad():
                logits = model(input_ids=prompt).logits[:, -1, 6:12]
            right = session._bindings[:, token] - 6
            expected = logits.softmax(-1).gather(1, right[:, None]).mean().item()
            assert next(words)["probability"] == pytest.approx(expected, abs=1e-5)
    assert session("red")["words"][0]["target"]  # and the session answers as before
