"""Any causal LM that has an alphabet translates: models that keep their state, and models that are read again."""

import random

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, pipeline

from modeling_metalstm import TranslationError, TranslatorSession
from modeling_metalstm.alphabet_metalstm import Alphabet

TYPES = {
    "llama": {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2},
    "mamba2": {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4, "num_heads": 4, "head_dim": 8}
    | {"n_groups": 1, "chunk_size": 8},
    "xlstm": {"hidden_size": 128, "num_hidden_layers": 1, "num_heads": 4},
    # Attention and recurrence in one layer, whose cache has a way to pick rows that forgets the recurrence.
    "falcon_h1": {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    | {"num_key_value_heads": 2, "mamba_d_ssm": 16, "mamba_n_heads": 2, "mamba_d_head": 8, "mamba_d_state": 4}
    | {"mamba_chunk_size": 8},
}
KEEP_STATE = ("llama", "gpt2")
L, R = 6, 5
EXAMPLES = [("red", "dax"), ("blue red", "wif dax")]
SENTENCES = ["blue", "red zup red", "zup", "blue red kib zup blue", "kib"]


@pytest.fixture(params=TYPES)
def peer(request):
    """An untrained model of each type, its weights scaled up so that a difference in what it reads shows."""
    return make_peer(request.param)


def make_peer(model_type: str, **settings):
    torch.manual_seed(0)
    tokens = {"vocab_size": L + R + 3, "num_source_words": L, "num_target_words": R}
    tokens |= {"bos_token_id": L + R, "eos_token_id": L + R, "pad_token_id": L + R + 2}
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(model_type, **tokens, **(TYPES[model_type] | settings))
    ).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(4.0)
    return model


def translate_whole(model, examples, sentence, num_bindings, seed):
    """
    By the model's whole prompts alone, one at a time and without any state: the words that follow each other, and what
    the bindings give them on average.
    """
    alphabet, rng = Alphabet.of(model.config), random.Random(seed)
    bindings = [alphabet.draw_binding(rng) for _ in range(num_bindings)]
    sources = list(dict.fromkeys(" ".join(source for source, _ in [*examples, (sentence, "")]).split()))
    targets = list(dict.fromkeys(" ".join(target for _, target in examples).split()))
    prompt = []
    for source, target in examples:
        prompt += [L + R, *(sources.index(word) for word in source.split())]
        prompt += [L + R + 1, *(L + targets.index(word) for word in target.split())]
    prompt += [L + R, *(sources.index(word) for word in sentence.split()), L + R + 1]
    said, given = [], []
    for _ in sentence.split():
        average = torch.zeros(R)
        for binding in bindings:
            ids = torch.tensor([[binding[token] for token in [*prompt, *(L + word for word in said)]]])
            with torch.no_grad():
                symbols = model(input_ids=ids, use_cache=False).logits[0, -1, L : L + R].softmax(-1)
            average += symbols[torch.tensor(binding[L : L + R]) - L] / num_bindings
        known = max([len(targets), *(word + 1 for word in said)])
        shared = average.clone()
        shared[known:] = shared[known:].mean()
        said.append(int(shared.argmax()))
        given.append(float(average[said[-1]] if said[-1] < len(targets) else 1 - average[: len(targets)].sum()))
    return " ".join(targets[word] if word < len(targets) else "?" for word in said), given


def assert_whole(model, examples, sentences, results, num_bindings, seed):
    """Results are those of whole prompts."""
    for sentence, result in zip(sentences, results, strict=True):
        text, given = translate_whole(model, examples, sentence, num_bindings, seed)
        assert result["translation_text"] == text
        assert [word["probability"] for word in result["words"]] == pytest.approx(given, abs=1e-5)


@pytest.mark.parametrize("num_bindings", [1, 3])
def test_answers_are_those_of_whole_prompts(peer, num_bindings):
    session = TranslatorSession(peer, EXAMPLES, num_bindings=num_bindings, seed=5)
    alone, together = [session(sentence) for sentence in SENTENCES], session(SENTENCES)
    assert_whole(peer, EXAMPLES, SENTENCES, alone, num_bindings, seed=5)
    assert_whole(peer, EXAMPLES, SENTENCES, together, num_bindings, seed=5)
    assert len({round(word["probability"], 4) for result in alone for word in result["words"]}) > 5  # it does vary
    session.add("green zup", "lug kiki")
    taught = [*EXAMPLES, ("green zup", "lug kiki")]
    assert_whole(peer, taught, SENTENCES, session(SENTENCES), num_bindings, seed=5)
    assert session(SENTENCES) != together


def test_a_state_is_kept_where_there_is_one(peer, monkeypatch):
    shapes, forward = [], peer.forward
    monkeypatch.setattr(
        peer, "forward", lambda input_ids, **kwargs: (shapes.append(input_ids.shape), forward(input_ids, **kwargs))[1]
    )
    session = TranslatorSession(peer, EXAMPLES, num_bindings=2)
    session(["red blue", "red", "blue"])
    asked = shapes[-3:]
    if peer.config.model_type in KEEP_STATE:
        assert asked == [(2, 4), (2, 1), (4, 3)] and shapes[0] == (2, 10) and len(shapes) == 4
    else:
        assert asked == [(2, 14), (2, 15), (4, 13)]


@pytest.mark.parametrize("max_tokens", [20, 8192])
def test_long_lessons_and_many_questions_are_read_in_pieces(peer, monkeypatch, max_tokens):
    monkeypatch.setattr("modeling_metalstm.reading_metalstm.MAX_TOKENS", max_tokens)
    session = TranslatorSession(peer, EXAMPLES * 2, num_bindings=3, seed=1)
    assert_whole(peer, EXAMPLES * 2, SENTENCES, session(SENTENCES), 3, seed=1)


@pytest.mark.parametrize("max_tokens", [20, 8192])
def test_shots_are_those_of_the_whole_lesson(peer, monkeypatch, max_tokens):
    monkeypatch.setattr("modeling_metalstm.reading_metalstm.MAX_TOKENS", max_tokens)
    session = TranslatorSession(peer, EXAMPLES * 2, num_bindings=3, seed=2)
    tokens = torch.tensor(Alphabet.of(peer.config).write_examples(session.lesson.examples, session.lesson.lexicon))
    rng, given = random.Random(2), 0
    for _ in range(3):
        ids = torch.tensor(session.alphabet.draw_binding(rng))[tokens][None]
        with torch.no_grad():
            p = peer(input_ids=ids, use_cache=False).logits[0, :-1, L : L + R].softmax(-1)
        given = given + p.gather(-1, (ids[0, 1:, None] - L).clamp(0, R - 1))[:, 0] / 3
    expected = given[((tokens >= L) & (tokens < L + R))[1:]]
    shots = [word["probability"] for shot in session.shots() for word in shot]
    assert shots == pytest.approx(expected.tolist(), abs=1e-5)


def test_the_pipeline_takes_a_folder(peer, tmp_path):
    peer.save_pretrained(tmp_path)
    translator = pipeline("in-context-translation", model=str(tmp_path), device="cpu")
    own = TranslatorSession(peer, EXAMPLES, num_bindings=2)(SENTENCES)
    for result, other in zip(translator(SENTENCES, examples=EXAMPLES, num_bindings=2), own, strict=True):
        assert result["translation_text"] == other["translation_text"]
        assert result["words"][0]["probability"] == pytest.approx(other["words"][0]["probability"], abs=1e-5)


@pytest.mark.parametrize("model_type", ["llama", "gpt2"])
def test_a_lesson_beyond_the_model_s_positions_is_refused_in_a_sentence(model_type):
    session = TranslatorSession(make_peer(model_type, max_position_embeddings=17), EXAMPLES)  # which take 10 tokens
    before = session("red blue zup")  # 5 and 2 more
    for mistake, message in (
        (
            lambda: session("red blue zup red"),
            "but the examples and the sentence take 19; give fewer or shorter ones.",
        ),
        (lambda: session(["red"] * 3 + ["red blue zup red"]), "the examples and the sentence take 19"),
        (lambda: session.add("red blue red", "dax wif dax"), "the examples and a question of one word take 21"),
        (lambda: TranslatorSession(session.model, EXAMPLES * 2), "the examples and a question of one word take 23"),
    ):
        with pytest.raises(TranslationError, match=f"This model reads at most 17 tokens, .*{message}"):
            mistake()
    assert session("red blue zup") == before
    session.add("red", "dax")
    assert len(session("red")["words"]) == 1


def test_a_model_without_an_alphabet_is_refused_in_a_sentence():
    model = make_peer("gpt2")
    del model.config.num_source_words
    with pytest.raises(TranslationError, match=r"This gpt2 model has no alphabet, .* a model that metatrans trained"):
        TranslatorSession(model, EXAMPLES)
