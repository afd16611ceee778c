import random
from types import SimpleNamespace

import pytest
import torch
from transformers import pipeline
from transformers.modeling_outputs import CausalLMOutputWithPast

from modeling_metalstm import InContextTranslationPipeline, MetaLSTMConfig, MetaLSTMForCausalLM, TranslationError
from modeling_metalstm.pipeline_metalstm import UserWordAverage
from modeling_metalstm.words import ask, draw_binding, write_prompt

EXAMPLES = [("red", "dax"), ("blue red", "wif dax")]


class PerfectTranslator(MetaLSTMForCausalLM):
    """
    The exact predictor of a word-by-word language, in place of a trained model: a word translated before has its
    translation, any other one of the targets that translate nothing yet, each alike. `taste` makes it like some
    symbols more than others, as a trained model does.
    """

    taste = None

    def forward(self, input_ids, attention_mask=None, **kwargs):
        config = self.config
        num_sources, num_targets = config.num_source_words, config.num_target_words
        logits = torch.full((*input_ids.shape, config.vocab_size), -20.0)
        for row, tokens in enumerate(input_ids.tolist()):
            lexicon, source, target = {}, [], None
            for token in tokens:
                if token == config.start_of_source_id:
                    source, target = [], None
                elif token == config.start_of_target_id:
                    target = []
                elif target is None:
                    source.append(token)
                else:
                    lexicon[source[len(target)]] = token
                    target.append(token)
            if len(target) < len(source):
                candidates = set(range(num_sources, num_sources + num_targets)) - set(lexicon.values())
                known = lexicon.get(source[len(target)])
                logits[row, -1, [known] if known is not None else sorted(candidates)] = 0.0
            else:
                logits[row, -1, config.start_of_source_id] = 0.0
        if self.taste is not None:
            logits = logits + self.taste
        return CausalLMOutputWithPast(logits=logits)


@pytest.fixture
def translator():
    model = PerfectTranslator(MetaLSTMConfig(embedding_size=4, hidden_size=4, use_cache=False))
    return pipeline("in-context-translation", model=model, device="cpu")


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


def test_parameters_can_be_set_once():
    model = PerfectTranslator(MetaLSTMConfig(embedding_size=4, hidden_size=4, use_cache=False))
    translator = pipeline("in-context-translation", model=model, device="cpu", examples=EXAMPLES, num_bindings=2)
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


@pytest.mark.parametrize("repeats", [1, 400])  # 4,000 tokens are read in chunks
def test_a_real_model_gives_probabilities_that_its_scores_have(make_model, repeats):
    """One word, by hand: bind, read the prompt, take the softmax over the targets, average over the bindings."""
    model, examples = make_model(scale=3.0), EXAMPLES * repeats
    translator = pipeline("in-context-translation", model=model, device="cpu")
    result = translator("blue", examples=examples, num_bindings=6, seed=9)["words"][0]

    question, rng = ask(examples, "blue", 6, 6), random.Random(9)
    total = torch.zeros(3)
    for _ in range(6):
        binding = draw_binding(question, 6, 6, rng)
        with torch.no_grad():
            scores = model(torch.tensor([write_prompt(question, binding, 12, 13)])).logits[0, -1, 6:12]
        named = scores.softmax(dim=-1)[torch.tensor(binding[2:]) - 6]
        total += torch.cat([named, 1 - named.sum(dim=-1, keepdim=True)]) / 6
    each_nameless = total[2] / 4
    best = int(torch.stack([total[0], total[1], each_nameless]).argmax())
    assert result["target"] == ["dax", "wif", "?"][best]
    assert result["probability"] == pytest.approx(float(total[best]), abs=1e-4)


class TestUserWordAverage:
    def setup_method(self):
        self.targets = torch.tensor([[6, 9], [11, 7], [8, 6]])
        self.prompt = torch.randint(0, 14, (3, 8))
        self.average = UserWordAverage(self.targets, first_target=6, num_target_words=6, prompt_length=8)

    def test_every_row_gives_the_mean_in_word_space(self):
        scores = torch.randn(3, 15)
        expected = scores[:, 6:12].softmax(dim=-1).gather(1, self.targets - 6).mean(dim=0)
        averaged = self.average(self.prompt, scores).exp()
        assert not averaged[:, [*range(6), 12, 13, 14]].any()
        torch.testing.assert_close(averaged.sum(dim=-1), torch.ones(3), rtol=0, atol=1e-5)
        for row in range(3):
            torch.testing.assert_close(averaged[row, self.targets[row]], expected, rtol=0, atol=1e-5)
            nameless = [token for token in range(6, 12) if token not in self.targets[row].tolist()]
            torch.testing.assert_close(
                averaged[row, nameless], ((1 - expected.sum()) / 4).expand(4), rtol=0, atol=1e-5
            )

    def test_the_order_of_the_bindings_does_not_matter(self):
        scores, order = torch.randn(3, 15), torch.tensor([2, 0, 1])
        permuted = UserWordAverage(self.targets[order], 6, 6, 8)(self.prompt[order], scores[order])
        torch.testing.assert_close(permuted, self.average(self.prompt, scores)[order])

    def test_renaming_symbols_renames_the_result(self):
        """Scores and bindings under another permutation of the target symbols, in each row, mean the same words."""
        scores = torch.randn(3, 15)
        renamed_scores, renamed_targets = scores.clone(), self.targets.clone()
        for row in range(3):
            names = torch.randperm(6)
            renamed_scores[row, 6 + names] = scores[row, 6:12]
            renamed_targets[row] = 6 + names[self.targets[row] - 6]
        renamed = UserWordAverage(renamed_targets, 6, 6, 8)(self.prompt, renamed_scores)
        expected = self.average(self.prompt, scores)
        for row in range(3):
            torch.testing.assert_close(renamed[row, renamed_targets[row]], expected[row, self.targets[row]])

    def test_ties_are_broken_alike_in_every_row(self):
        words = self.average(self.prompt, torch.zeros(3, 15)).argmax(dim=-1)
        assert words.tolist() == self.targets[:, 0].tolist()

    def test_a_nameless_word_said_before_is_a_word_of_its_own(self):
        said = torch.tensor([[7], [6], [9]])
        ids, scores = torch.cat([self.prompt, said], dim=1), torch.zeros(3, 15)
        scores.scatter_(1, said, 5.0)  # it is meant again
        words = self.average(ids, scores).argmax(dim=-1)
        assert torch.equal(words, said[:, 0])
        scores.scatter_(1, said, -5.0)  # another nameless word is meant
        scores.scatter_(1, self.targets, -5.0)
        words = self.average(ids, scores).argmax(dim=-1)
        assert not (words[:, None] == torch.cat([self.targets, said], dim=1)).any()


def test_every_binding_says_the_same_words(make_model, monkeypatch):
    model = make_model(scale=3.0)
    sequences = []
    generate = model.generate

    def spy(*args, **kwargs):
        output = generate(*args, **kwargs)
        sequences.append(SimpleNamespace(ids=output.sequences, average=kwargs["logits_processor"][0]))
        return output

    monkeypatch.setattr(model, "generate", spy)
    translator = pipeline("in-context-translation", model=model, device="cpu")
    result = translator("blue red zup blue red zup", examples=EXAMPLES, num_bindings=7)
    # Whether a word is a guess is a matter of the examples, not of what the model says.
    assert [word["guess"] for word in result["words"]] == [False, False, True] * 2
    ids, targets = sequences[0].ids[:, -6:], sequences[0].average.targets
    for row in range(7):
        names = dict(zip(targets[row].tolist(), ("dax", "wif"), strict=True))
        assert " ".join(names.get(token, "?") for token in ids[row].tolist()) == result["translation_text"]


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
        ("red", {"examples": EXAMPLES, "temperature": 1}, "takes `examples`, `num_bindings` and `seed`, not `temper"),
    ],
)
def test_mistakes_are_said_before_anything_is_translated(translator, monkeypatch, sentences, settings, message):
    monkeypatch.setattr(translator.model, "generate", lambda *_, **__: pytest.fail("translated"))
    with pytest.raises(TranslationError, match=message):
        translator(sentences, **settings)


def test_it_is_the_registered_pipeline(translator):
    assert type(translator) is InContextTranslationPipeline and translator.task == "in-context-translation"
