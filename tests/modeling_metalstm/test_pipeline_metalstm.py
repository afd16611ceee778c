import itertools

import pytest
import torch
from torch.utils.data import Dataset, IterableDataset
from transformers import pipeline
from transformers.pipelines.pt_utils import KeyDataset, KeyPairDataset

from modeling_metalstm import InContextTranslationPipeline, TranslationError

EXAMPLES = [("red", "dax"), ("blue red", "wif dax")]


@pytest.fixture
def translator(perfect_translator):
    return pipeline("in-context-translation", model=perfect_translator, device="cpu")


@pytest.mark.parametrize("num_bindings", [1, 5])
@pytest.mark.parametrize("seed", range(5))
def test_it_translates_in_the_users_words(translator, num_bindings, seed):
    result = translator("blue red blue", examples=EXAMPLES, num_bindings=num_bindings, seed=seed)
    assert result["translation_text"] == "wif dax wif"
    assert [(word["source"], word["target"], word["guess"]) for word in result["words"]] == [
        ("blue", "wif", False),
        ("red", "dax", False),
        ("blue", "wif", False),
    ]
    assert all(0.999 < word["probability"] <= 1 for word in result["words"])


@pytest.mark.parametrize("num_bindings", [1, 4])
def test_a_word_without_an_example_is_a_guess_without_a_name(translator, num_bindings):
    result = translator("zup red zup kib", examples=EXAMPLES, num_bindings=num_bindings)
    assert result["translation_text"] == "? dax ? ?"
    assert [word["guess"] for word in result["words"]] == [True, False, True, True]
    # No name among the user's words has any probability there, so all of it is on words without a name.
    assert all(word["probability"] > 0.999 for word in result["words"])


def test_a_list_gives_a_list_and_one_seed_one_result(translator):
    torch.manual_seed(1)
    results = translator(["blue red", "red"], examples=EXAMPLES, seed=3)
    torch.manual_seed(2)
    assert [result["translation_text"] for result in results] == ["wif dax", "dax"]
    assert results == [translator(text, examples=EXAMPLES, seed=3) for text in ("blue red", "red")]
    assert translator(("red",), examples=EXAMPLES)[0]["translation_text"] == "dax"


def test_a_generator_or_a_data_set_is_translated_as_it_is_read(translator):
    asked = []

    def sentences():
        for sentence in ("blue red", "red"):
            asked.append(sentence)
            yield sentence

    results = translator(sentences(), examples=EXAMPLES)
    assert next(results)["translation_text"] == "wif dax" and asked == ["blue red"]
    assert next(results)["translation_text"] == "dax"
    rows = KeyDataset([{"text": "red"}, {"text": "blue"}], "text")
    assert [result["translation_text"] for result in translator(rows, examples=EXAMPLES)] == ["dax", "wif"]


class Counted(Dataset):
    """A data set that can be asked for a sentence at any number, which has a length, and which isn't iterable."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return ("red", "blue red", "blue")[index % 3]


class Endless(IterableDataset):
    def __iter__(self):
        return itertools.cycle(("red", "blue red", "blue"))


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("make", [Counted, Endless, lambda: KeyDataset([{"w": Counted()[n]} for n in range(3)], "w")])
def test_a_data_set_in_batches(translator, make, size, num_workers):
    asked = torch.get_rng_state()
    results = translator(make(), examples=EXAMPLES, batch_size=size, num_workers=num_workers)
    said = [result["translation_text"] for result in itertools.islice(results, 3)]
    assert said == ["dax", "wif dax", "wif"]
    assert torch.equal(torch.get_rng_state(), asked)


def test_a_batch_of_a_stream_is_read_together(translator, monkeypatch):
    read, forward = [], translator.model.forward

    def watched(input_ids, **kwargs):
        read.append(input_ids)
        return forward(input_ids, **kwargs)

    monkeypatch.setattr(translator.model, "forward", watched)
    asked = []
    results = translator((asked.append(n) or "red" for n in range(5)), examples=EXAMPLES, batch_size=2, num_bindings=1)
    next(results)
    assert asked == [0, 1] and [len(rows) for rows in read] == [1, 2]  # the examples, and two sentences
    assert len(list(results)) == 4 and [len(rows) for rows in read] == [1, 2, 2, 1]
    fixed = pipeline("in-context-translation", model=translator.model, device="cpu", batch_size=4, examples=EXAMPLES)
    assert len(list(fixed(asked.append(n) or "red" for n in range(5)))) == 5
    with pytest.raises(TranslationError, match="`batch_size` must be an integer from 1 to 100,000, not 0"):
        fixed(["red"], batch_size=0)
    with pytest.raises(TranslationError, match="`num_workers` must be an integer from 0 to 1,000, not -1"):
        fixed(["red"], num_workers=-1)


def test_what_a_data_set_gives(translator):
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_list([{"id": 1, "source": s, "target": t} for s, t in EXAMPLES])
    both = datasets.Dataset.from_list([{"translation": {"en": s, "x": t}} for s, t in EXAMPLES])
    frame, stream = rows.to_pandas(), rows.to_iterable_dataset()
    several = [rows, rows["source"], rows[:2], both, both["translation"], both[:2], frame, frame["source"]]
    for sentences in (*several, stream["source"], rows.to_list(), tuple(rows["source"])):
        for examples in (EXAMPLES, rows, both, both["translation"], both[:2], frame):
            results = translator(sentences, examples=examples, num_bindings=1)
            assert [result["translation_text"] for result in results] == ["dax", "wif dax"]
    assert [result["translation_text"] for result in translator(stream, examples=stream)] == ["dax", "wif dax"]
    pairs = KeyPairDataset(rows, "source", "target")
    assert [result["translation_text"] for result in translator(pairs, examples=stream)] == ["dax", "wif dax"]
    for row in (rows[1], both[1], both[1]["translation"], {"text": "blue red"}):
        assert translator(row, examples=EXAMPLES)["translation_text"] == "wif dax"
    for wrong in ({"note": "red"}, [{"note": "red"}], datasets.DatasetDict(train=rows)):
        with pytest.raises(TranslationError, match="The sentence must be text"):
            translator(wrong, examples=EXAMPLES)
    with pytest.raises(TranslationError, match=r"The examples are several, 'train'; give .* examples\['train'\]"):
        translator("red", examples=datasets.DatasetDict(train=rows))


def test_a_list_reads_the_examples_once(make_model, monkeypatch):
    model, read = make_model(), []
    forward = model.forward
    monkeypatch.setattr(
        model, "forward", lambda input_ids, **kwargs: (read.append(input_ids.shape), forward(input_ids, **kwargs))[1]
    )
    translator = pipeline("in-context-translation", model=model, device="cpu")
    translator(["red blue", "red", "blue"], examples=EXAMPLES * 50, num_bindings=2)
    # 100 examples under two bindings, three padded questions, one more word.
    assert read == [(2, 500), (6, 4), (6, 1)]


def test_a_session_is_one_of_the_pipeline(translator):
    session = translator.session(EXAMPLES, num_bindings=3, seed=4)
    assert session("zup red") == translator("zup red", examples=EXAMPLES, num_bindings=3, seed=4)
    with pytest.raises(TranslationError, match="not 'temperature'"):
        translator.session(EXAMPLES, temperature=1)


def test_parameters_can_be_set_once(perfect_translator):
    settings = {"examples": EXAMPLES, "num_bindings": 2}
    translator = pipeline("in-context-translation", model=perfect_translator, device="cpu", **settings)
    assert translator.session()("red")["translation_text"] == "dax"
    assert translator.session([("red", "zip")])("red")["translation_text"] == "zip"
    assert translator("red")["translation_text"] == "dax"
    assert [result["translation_text"] for result in translator(["red", "blue"])] == ["dax", "wif"]
    assert translator("red", examples=[("red", "zip")])["translation_text"] == "zip"


def test_the_whole_alphabet_can_be_used(translator):
    words = "a b c d e f"
    result = translator(words, examples=[(words, words.upper())], num_bindings=3)
    assert result["translation_text"] == words.upper()


def test_averaging_bindings_evens_out_taste(translator):
    """A model that likes some symbols far too much errs under most single bindings, not over an average of many."""
    translator.model.taste = torch.linspace(0, 90, 15)  # 6.4 a symbol, against 20 for the right one
    single = [translator("red", examples=EXAMPLES, seed=seed)["translation_text"] for seed in range(30)]
    assert 0 < sum(text == "dax" for text in single) < 30
    many = translator("red", examples=EXAMPLES, num_bindings=100)["words"][0]
    shares = [
        translator("red", examples=EXAMPLES, num_bindings=100, seed=seed)["words"][0]["probability"] for seed in (1, 2)
    ]
    assert many["target"] == "dax" and all(abs(share - many["probability"]) < 0.15 for share in shares)


@pytest.mark.parametrize(
    ("sentences", "settings", "message"),
    [
        ([], {"examples": EXAMPLES}, "There are no sentences to translate"),
        ("red", {}, "There are no examples"),
        (["red", ""], {"examples": EXAMPLES}, "The sentence is empty"),
        (["red", 3], {"examples": EXAMPLES}, "The sentence must be text"),
        (5, {"examples": EXAMPLES}, "The sentence must be text"),
        ("a b c d e f", {"examples": EXAMPLES}, "at most 6 distinct source words"),
        ("red", {"examples": EXAMPLES, "num_bindings": 0}, "`num_bindings` must be an integer from 1 to 100, not 0"),
        ("red", {"examples": EXAMPLES, "num_bindings": 2.0}, "`num_bindings` must be an integer"),
        ("red", {"examples": EXAMPLES, "num_bindings": True}, "`num_bindings` must be an integer"),
        ("red", {"examples": EXAMPLES, "seed": -1}, "`seed` must be an integer from 0"),
        (
            "red",
            {"examples": EXAMPLES, "temperature": 1},
            "`seed`, `separator`, `exact`, not 'temper",
        ),
    ],
)
def test_mistakes_are_said_before_anything_is_translated(translator, monkeypatch, sentences, settings, message):
    monkeypatch.setattr(translator.model, "forward", lambda *_, **__: pytest.fail("translated"))
    with pytest.raises(TranslationError, match=message):
        translator(sentences, **settings)


def test_it_is_the_registered_pipeline(translator):
    assert type(translator) is InContextTranslationPipeline and translator.task == "in-context-translation"
