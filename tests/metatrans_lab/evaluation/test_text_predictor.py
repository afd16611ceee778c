import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from dataset_script import LanguageConfig, family_probabilities, make_language, sample_episodes
from dataset_script.text import WORDS, draw_names
from metatrans_lab.apps.shell import main
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation.figures import evaluate_words
from metatrans_lab.evaluation.text_predictor import TextPredictor

GRAMMAR = make_language(
    "grammar",
    num_pairs=3,
    num_nouns=2,
    num_verbs=1,
    num_adjectives=0,
    num_source_words=5,
    num_target_words=7,
    sentence_length=(2, 4),
    order=("SVO", "OVS"),
    article="dropped",
    plural="suffix",
)
SMALL = LanguageConfig(num_pairs=4, num_source_words=4, num_target_words=5, sentence_length=(1, 2))


@pytest.fixture(scope="module", params=["byte-level BPE", "byte-level BPE with a first token", "SentencePiece-like"])
def tokenizer(request):
    """Real ones, which cut a made-up word into pieces of their own."""
    if request.param.startswith("byte-level"):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
        alphabet = list("abcdefghijklmnopqrstuvwxyz=\n")
    texts = [" ".join(WORDS[:300]), "the = of\nand = to\n"]
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, special_tokens=["<unk>", "<s>"])
    )
    first = {"bos_token": "<s>"} if request.param.endswith("first token") else {}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", **first)


class FamilyReader(torch.nn.Module):
    """The family predictor as a model of text: what it gives a token is what it gives the words that go on with it."""

    def __init__(self, language: LanguageConfig, tokenizer):
        super().__init__()
        self.dummy = torch.nn.Parameter(torch.zeros(()))
        self.language, self.tokenizer = language, tokenizer
        self.config = SimpleNamespace(vocab_size=len(tokenizer))
        self.names = None

    def forward(self, input_ids, use_cache, logits_to_keep=0):
        first = input_ids.shape[1] - logits_to_keep if logits_to_keep else 0
        p = np.stack([[self.after(row[: i + 1]) for i in range(first, len(row))] for row in input_ids.tolist()])
        with np.errstate(divide="ignore"):
            return SimpleNamespace(logits=torch.from_numpy(np.log(p)))

    def after(self, row: list[int]) -> np.ndarray:
        L, R, soh, stx = (
            getattr(self.language, name) for name in ("num_source_words", "num_target_words", "soh", "stx")
        )
        bos = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        said = self.tokenizer.decode(row[len(bos) :])
        begun = said[: len(said) - len(said.split(" ")[-1].split("\n")[-1])].rstrip(" ")  # without the unfinished word
        token_of = {name: token for token, name in enumerate(self.names)} | {"=": stx}
        p = np.zeros(self.config.vocab_size)
        lines = said.split("\n")
        for text in {said, begun}:
            if " =" not in lines[-1] or " =" not in text.split("\n")[-1]:
                continue
            tokens = [t for line in text.split("\n") for t in (soh, *(token_of.get(w, -1) for w in line.split()))]
            if -1 in tokens:
                continue
            try:
                words = family_probabilities(self.language, np.array([tokens]))[0, -1, L : L + R + 1]
            except ValueError:  # a continuation that can't be: what follows it is asked by nobody
                continue
            following = [*(f" {name}" for name in self.names[L:]), "\n"]
            for continuation, probability in zip(following, words, strict=True):
                ids = [*bos, *self.tokenizer(text + continuation, add_special_tokens=False)["input_ids"]]
                if ids[: len(row)] == row and len(ids) > len(row):
                    p[ids[len(row)]] += probability
        if p.sum() == 0:
            p[:] = 1.0
        return p / p.sum()


@pytest.mark.parametrize("language", [SMALL, GRAMMAR], ids=["words", "a grammar"])
def test_the_family_predictor_sent_through_text_has_no_regret(tokenizer, language):
    model = FamilyReader(language, tokenizer)
    predictor = TextPredictor(model, tokenizer)

    def predict(episodes):
        model.names = draw_names(episodes)[0].tolist()
        return predictor(episodes)

    figures = evaluate_words(predict, language, "test", num_episodes=6 if language is SMALL else 3, batch_size=1)
    assert abs(figures["target_regret"]) < 1e-6 and figures["determined_accuracy"] == 1
    assert (
        figures["target_nll"] == pytest.approx(figures["target_bayes_nll"], abs=1e-6) and figures["target_nll"] > 0.1
    )


@pytest.fixture
def llama(tokenizer):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
    )
    return LlamaForCausalLM(config)


def test_a_language_model_that_knows_nothing(llama, tokenizer):
    predictor = TextPredictor(llama, tokenizer)
    episodes = sample_episodes(SMALL, range(3), "test")
    p = predictor(episodes)
    assert p.shape == (*episodes.input_ids.shape, 5) and p.sum(-1) == pytest.approx(1)
    figures = evaluate_words(predictor, SMALL, "test", num_episodes=16, batch_size=8)
    assert figures["target_regret"] > 0.3 and figures["num_eval_episodes"] == 16

    # One likelihood by hand: the last word of the second episode's first line.
    L = SMALL.num_source_words
    names, length = draw_names(episodes)[1], int(episodes.lengths[1, 0])
    source = " ".join(names[w] for w in episodes.words[1, 0, :length])
    before = " ".join([f"{source} =", *(names[L + w] for w in episodes.targets[1, 0, : length - 1].astype(int))])
    scores = []
    for name in names[L:]:
        text = f"{before} {name}"
        bos = "" if tokenizer.bos_token is None else tokenizer.bos_token
        ids = torch.tensor([tokenizer(bos + text, add_special_tokens=False)["input_ids"]])
        with torch.no_grad():
            log_q = llama(input_ids=ids).logits.log_softmax(-1)
        scores.append(log_q[0, :-1].gather(-1, ids[0, 1:, None]).sum().item())
    assert p[1, 2 * length + 1] == pytest.approx(torch.tensor(scores).softmax(-1).numpy(), abs=1e-4)
    with pytest.raises(UserError, match="the model reads at most 512 tokens"):
        predictor(sample_episodes(LanguageConfig(num_pairs=40), range(1)))


def test_from_the_shell(llama, tokenizer, tmp_path, capsys):
    llama.save_pretrained(tmp_path)
    command = ["evaluate", str(tmp_path), "--render", "text", "--num_episodes", "3", "--num_pairs", "3", "--json"]
    with pytest.raises(SystemExit) as stop:
        main(command)
    error = capsys.readouterr().err.splitlines()[-1]
    assert stop.value.code == 2 and error.startswith(f"metatrans: can't load a tokenizer from {tmp_path}: ")
    tokenizer.save_pretrained(tmp_path)
    main(command)
    results = json.loads(capsys.readouterr().out)
    assert results["num_eval_episodes"] == 3 and results["target_regret"] > 0.3 and results["token_regret"] is None
