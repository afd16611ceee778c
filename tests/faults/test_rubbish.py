"""Rubbish in: whatever comes, a sentence comes out, soon, and no more memory goes than the work is worth."""

import contextlib
import io
import json
import os
import random
import re
import shutil
import string
import time
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataset_script import LanguageConfig
from metatrans_lab.apps.conversation import Conversation, parse_rule
from metatrans_lab.apps.files import read_rules
from metatrans_lab.apps.shell import main as shell
from metatrans_lab.config.command_line import parse_overrides, read_config, read_value
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.config.typed import from_dict
from metatrans_lab.config.yaml_files import read_yaml
from metatrans_lab.errors import UserError
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.exact.words import Side
from metatrans_lab.model_names import pretrained
from metatrans_lab.models.load import load_model
from modeling_metalstm import InContextTranslationPipeline, TranslationError, build_tokenizer
from modeling_metalstm.rules_metalstm import read_lines
from modeling_metalstm.spelling_metalstm import Spelling

from .conftest import TINY

MANY = int(os.environ.get("METATRANS_FUZZ", "1"))
"""make test-faults raises it."""


def fuzz(number: int):
    return settings(
        max_examples=number * MANY,
        deadline=None,
        derandomize=MANY == 1,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def in_a_sentence(work, *kinds) -> bool:
    """Whether it went well, or failed with one of these kinds of error and a line, or one for each line of a text that
    is wrong; anything else is raised.
    """
    try:
        work()
    except kinds as error:
        first, *more = str(error).strip().split("\n")
        assert first and all(line.startswith(("line ", "rule ", "Example ", "and ")) for line in more), repr(error)
        return False
    return True


PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [0, 1, -1, 2**31, 2**63, 10**9, 1e308, "", " ", "\0", "null", "latest", "..", "/", "meta\x1blstm"]
    ),
)
ANYTHING = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
KEYS = st.sampled_from([*TrainingConfig.__dataclass_fields__, "num_step", "", "curriculum "])
KNOBS = st.sampled_from([*LanguageConfig.__dataclass_fields__, "words"])


@fuzz(150)
@given(st.dictionaries(KEYS, ANYTHING, max_size=4), st.dictionaries(KNOBS, PLAIN, max_size=4))
def test_configs(values, language):
    """A config is what it should be, or a sentence."""

    def work():
        config = from_dict(TrainingConfig, {"language": language} | values)
        assert config.max_episode_length > 0 and isinstance(config.to_yaml(), str)

    in_a_sentence(work, ValueError)


@fuzz(200)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_config_files(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    path.write_bytes(data)
    in_a_sentence(lambda: read_config(str(path), {}), UserError)


@fuzz(100)
@given(ANYTHING)
def test_config_files_of_yaml(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    path.write_text(yaml.safe_dump({"name": "x", "model": value, "curriculum": value}), encoding="utf-8")
    in_a_sentence(lambda: read_config(str(path), {}), UserError)


def test_yaml_that_would_run_or_grow_is_refused(tmp_path, survives):
    """Tags that make objects, and references of references, a billion laughs."""
    laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    survived, texts = 0, ["!!python/object/apply:os.mkdir [executed]", laughs, "[" * 100_000, "{a: " * 5_000]
    for text in texts:
        path = tmp_path / "evil.yaml"
        path.write_text(text)
        start = time.monotonic()
        survived += not in_a_sentence(lambda path=path: read_config(str(path), {}), UserError)
        assert time.monotonic() - start < 20
    survives("YAML that would run something or grow without end", len(texts), survived)
    assert not Path("executed").exists()


WORDS = st.text(alphabet=string.ascii_letters + "-=._ \0\n[]{}0123456789é🦜", max_size=20)


@fuzz(200)
@given(st.lists(st.sampled_from(["--config", "--num_steps", "--model.x", "--seed=1", "--", "-h"]) | WORDS, max_size=6))
def test_overrides(arguments):
    def work():
        for key, text in parse_overrides(arguments).items():
            read_value(key, text)

    in_a_sentence(work, UserError)


ARGUMENTS = (
    *(
        "translate",
        "evaluate",
        "demo",
        "push-dataset",
        "translator",
        "--example",
        "a = b",
        "--json",
        "--rules",
        "--help",
    ),
    *("--num_bindings", "-1", "3", "1e9", "--seed", "--separator", "", "--exact", "--num_episodes", "2"),
)


@fuzz(60)
@given(
    st.lists(st.sampled_from(ARGUMENTS) | WORDS, max_size=5).filter(
        lambda arguments: not {"demo", "evaluate"} & set(arguments[:1])  # which would work for long, if all is right
    )
)
def test_command_lines(tmp_path_factory, arguments):
    """Exit codes 0 and 2, and a sentence on stderr with the 2; nothing is written."""
    out, err, folder = io.StringIO(), io.StringIO(), tmp_path_factory.getbasetemp() / "nothing"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.stdin", io.StringIO(""))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                shell(arguments)
                code = 0
            except SystemExit as end:
                code = end.code or 0
    assert code in (0, 2) and "Traceback" not in err.getvalue(), err.getvalue()
    assert (code == 0) or err.getvalue().strip()
    assert not list(folder.iterdir())


@fuzz(200)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_rule_files(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzzed.tsv"
    path.write_bytes(data)
    in_a_sentence(lambda: read_rules(str(path)), UserError)


@pytest.fixture(scope="module")
def translator():
    return InContextTranslationPipeline(model=load_model("translator"))


RULE = st.sampled_from([("red", "dax"), ("blue red", "wif dax"), ["blue", "wif"], ("green", "lug")])
EXAMPLES = st.lists(RULE, min_size=1, max_size=4) | st.lists(RULE | st.tuples(st.text(max_size=30), WORDS)) | ANYTHING
SENTENCE = st.lists(st.sampled_from(["red", "blue", "zup"]) | WORDS, min_size=1, max_size=4).map(" ".join)
SETTINGS = {
    "num_bindings": st.integers(1, 3) | PLAIN,
    "seed": st.integers(0, 9) | PLAIN,
    "separator": st.sampled_from([None, ",", " "]) | PLAIN,
    "exact": st.booleans() | PLAIN,
}
UNKNOWN_SETTINGS = st.dictionaries(WORDS.map("x{}".format), PLAIN, max_size=1)  # none is called like one of the base's


@fuzz(120)
@given(
    examples=EXAMPLES,
    sentence=SENTENCE | st.lists(SENTENCE, max_size=3) | ANYTHING,
    given_settings=st.fixed_dictionaries({}, optional=SETTINGS),
    unknown_settings=st.just({}) | UNKNOWN_SETTINGS,
)
def test_the_pipeline(translator, examples, sentence, given_settings, unknown_settings):
    """A translation of each sentence, word for word, or one of our errors, never one of Python's."""

    def work():
        found = translator(sentence, examples=examples, **given_settings, **unknown_settings)
        assert not unknown_settings and isinstance(found, list) == isinstance(sentence, list)
        for result in found if isinstance(found, list) else [found]:
            assert result["words"] and all(0 <= word["probability"] <= 1 for word in result["words"])
            separator = given_settings.get("separator")
            joined = (" " if separator is None else separator).join(word["target"] for word in result["words"])
            assert result["translation_text"] == joined

    in_a_sentence(work, TranslationError)


@pytest.fixture(scope="module")
def conversation():
    return Conversation("translator")


LINES = st.sampled_from([":undo", ":list", ":help", "a = b", "b = c", "a b", ":x"]) | st.text(max_size=40)


@fuzz(60)
@given(lines=st.lists(LINES))
def test_conversations(conversation, lines):
    """Every line is answered or refused, and the rules that were accepted are those that answers are by."""
    conversation.clear()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        conversation.run(iter(["a = b", "a", *lines]), as_json=False)
    taught = conversation.exact.sides.examples if conversation.exact else ()
    assert len(taught) == len(conversation.rules)


@fuzz(200)
@given(st.text(max_size=60))
def test_rules(text):
    in_a_sentence(lambda: parse_rule(text), UserError)


PIECES = st.sampled_from(["red", "blue", "green", "the", "cat", "cat-s", "dax", "wif", "neko-ra", "miru", "?", "!xa"])
SIDES = st.lists(PIECES, min_size=1, max_size=5).map(" ".join)
MARKS = st.sampled_from([" = ", "=", " -> ", " → ", "\t", ", ", ": ", "  ", " = = "])
RULE_LINES = st.lists(st.tuples(SIDES, MARKS, SIDES).map("".join) | st.text(max_size=20), max_size=6).map("\n".join)


@fuzz(100)
@given(rules=RULE_LINES, question=SIDES)
def test_what_rules_leave_open_is_never_answered_in_silence(rules, question):
    """Any lines at all: an answer or a sentence; a certain answer has no unknown word, and odds that sum to 1."""

    def translate() -> None:
        pairs = [rule[:2] for rule in read_lines(rules)]
        translation = ExactTranslator(pairs)(question)
        odds = [translation.probability, *(probability for _, probability in translation.others)]
        assert translation.probability == 0 or abs(sum(odds) - 1) < 1e-6
        assert not translation.is_settled or len([p for p in odds if p > 1e-9]) == 1
        known = {word for source, _ in pairs for word in translator_words(source)}
        assert not translation.is_settled or set(translator_words(question)) <= known

    in_a_sentence(translate, TranslationError)


def translator_words(text: str) -> list[str]:
    """The units of a sentence, by their keys."""
    return [*Side(Spelling()).read(text)]


TOKENIZER = build_tokenizer(3, 3)


@fuzz(100)
@given(st.text(max_size=200))
def test_the_tokenizer(text):
    """Known symbols give their tokens; anything else is an error, at once, and never another symbol's token."""
    known = {f"s{i}" for i in range(3)} | {f"t{i}" for i in range(3)} | {"␁", "␂"}
    try:
        ids = TOKENIZER(text)["input_ids"]
    except Exception as error:  # tokenizers' own class
        assert type(error) is Exception and "unk" in str(error).lower(), repr(error)
        assert set(re.split("[^\\S\x1c-\x1f]+", text)) - known - {""}  # these four are blanks to Python alone
    else:
        assert all(0 <= token < 9 for token in ids)


def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(pretrained("translator"), folder)
    return folder


def damage(path: Path, rng: random.Random) -> str:
    data, kind = path.read_bytes(), rng.choice(["truncated", "emptied", "a bit flipped", "noise", "removed", "JSON"])
    if kind == "truncated":
        path.write_bytes(data[: rng.randrange(len(data))])
    elif kind == "emptied":
        path.write_bytes(b"")
    elif kind == "a bit flipped":
        at = rng.randrange(min(len(data), 4000))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :])
    elif kind == "noise":
        at = rng.randrange(len(data))
        path.write_bytes(data[:at] + rng.randbytes(8) + data[at + 8 :])
    elif kind == "removed":
        path.unlink()
    else:
        path.write_text(json.dumps(rng.choice([None, [], {}, 3, {"model_type": "metalstm"}, {"model_type": 7}])))
    return kind


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_damaged_model_folders(tmp_path, survives, name):
    """A sentence, or a model that reads; weights that differ by one bit can't be told from others."""
    rng, number, refused, read = random.Random(name), 40 * MANY, 0, 0
    for _ in range(number):
        folder = model_folder(tmp_path)
        damage(folder / name, rng)
        try:
            model = load_model(str(folder))
        except UserError as error:
            refused += "\n" not in str(error)
            continue
        V = model.config.vocab_size
        with torch.no_grad():
            read += model(input_ids=torch.arange(V)[None]).logits.shape == (1, V, V)
    assert refused and read  # both come about
    survives(f"a model folder whose {name} is damaged: a sentence, or a model that reads", number, refused + read)


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_size": 10**12},
        {"num_hidden_layers": 10**9},
        {"vocab_size": 10**13},
        {"embedding_size": 2**62},
        {"hidden_size": 60_000},
        {"num_source_words": 10**9, "num_target_words": 10**9, "vocab_size": None},
        {"hidden_size": -5},
        {"hidden_size": "many"},
        {"layer_types": "x" * 1000},
    ],
    ids=str,
)
def test_models_that_ask_for_too_much(tmp_path, settings):
    """A config.json of someone else's: refused before there is memory for it."""
    folder = model_folder(tmp_path)
    config = json.loads((folder / "config.json").read_text()) | settings
    (folder / "config.json").write_text(json.dumps(config))
    start = time.monotonic()
    with pytest.raises(UserError) as error:
        load_model(str(folder))
    assert time.monotonic() - start < 20 and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ("--model.hidden_size 30000", "GB to train, and this machine has"),
        ("--model.num_hidden_layers 100000", "num_hidden_layers` must be at most 1,000"),
        ("--batch_size 1000000000", "lower it, and raise gradient_accumulation_steps"),
        ("--language.num_pairs 1000000000", "at most 1048576 are possible"),
        ("--language.sentence_length [1,1000000000]", "at most 1048576 are possible"),
        ('--model {"model_type":"llama","num_hidden_layers":1000000000}', "more than 1,000; give fewer"),
        ('--model {"model_type":"gpt2","n_embd":1200000,"n_head":1}', "GB to train, and this machine has"),
    ],
)
def test_runs_that_ask_for_too_much(train, tmp_path, arguments, words):
    start = time.monotonic()
    with pytest.raises(UserError) as error:
        train(*arguments.split())
    assert words in str(error.value) and "\n" not in str(error.value)
    assert time.monotonic() - start < 20 and not list(tmp_path.iterdir())


def test_the_config_of_the_tests_is_fine():
    """Else the refusals above would say nothing."""
    assert isinstance(read_config(str(TINY), {}), TrainingConfig) and read_yaml("3") == 3
