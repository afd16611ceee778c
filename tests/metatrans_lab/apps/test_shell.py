import io
import json
import sys
from pathlib import Path

import pytest

from dataset_script import LanguageConfig
from metatrans_lab.apps.shell import main
from metatrans_lab.models.build import build_model
from modeling_metalstm import TranslatorSession

TEXT = ["--render", "text"]


RULES = ["--example", "red = dax", "--example", "blue red = wif dax"]


def test_translate_prints_each_word(model, capsys):
    main(["translate", model, *RULES, "blue red green"])
    first, *rest = capsys.readouterr().out.splitlines()
    words = first.split()
    assert len(words) == 3 and set(words) <= {"dax", "wif", "?"}
    assert [line.split()[:3] for line in rest] == [
        [s, "→", t] for s, t in zip(["blue", "red", "green"], words, strict=True)
    ]
    assert ["%" in line for line in rest] == [word != "?" for word in words]
    assert ["guess" in line for line in rest] == [False, False, True]


def test_a_question_may_be_written_as_a_rule_without_its_answer(model, capsys, monkeypatch):
    main(["translate", model, *RULES, "--json", "blue red"])
    pipe = io.TextIOWrapper(io.BytesIO(b"red = dax\nblue red = wif dax\nblue red = ?\n"), encoding="utf-8")
    main(["translate", model, *RULES, "--json", "blue red = ?"])
    monkeypatch.setattr(sys, "stdin", pipe)
    main(["translate", model, "--json"])
    plain, *others = capsys.readouterr().out.splitlines()
    assert others == [plain, plain]


def test_translate_as_json(model, capsys):
    main(["translate", model, *RULES, "--json", "red"])
    result = json.loads(capsys.readouterr().out)
    assert [word["source"] for word in result["words"]] == ["red"] and result["words"][0]["guess"] is False


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["red"], 'there are no examples; give at least one, such as --example "red = dax"'),
        ([*RULES, "blue red = wif dax"], "leave out the = and what follows, got 'blue red = wif dax'"),
        (["--example", "blue red = ?", "red"], "'blue red = ?' is a question; an example has its translation"),
        (["--example", "red dax", "red"], "an example is written \"SOURCE = TARGET\", with one =, got 'red dax'"),
        (["--example", "red = ", "red"], "The target side of example 1 is empty"),
        (["--example", "red blue = dax", "red"], "Example 1 has 2 source and 1 target words"),
        ([*RULES, "--example", "red = lug", "red"], "Examples 1 and 3 disagree"),
        ([*RULES, "--example", "green = dax", "red"], "Examples 1 and 3 disagree"),
        ([*RULES, "a b c d e"], "This model takes at most 4 distinct source words"),
        ([*RULES, ""], "The sentence is empty"),
        ([*RULES, "--num_bindings", "0", "red"], "`num_bindings` must be an integer from 1"),
    ],
)
def test_what_can_t_be_translated(model, capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        main(["translate", model, *arguments])
    captured = capsys.readouterr()
    assert stop.value.code == 2 and captured.out == ""
    assert captured.err.startswith(f"metatrans: {message}") and captured.err.count("\n") == 1


def answers(monkeypatch, *words: dict) -> None:
    """Has every translation come out as told."""
    result = {"translation_text": " ".join(word["target"] for word in words)}
    result["words"] = [{"probability": 0.5, "guess": False, "taught": None, "example": 1} | word for word in words]
    monkeypatch.setattr(TranslatorSession, "__call__", lambda self, sentence: result)


def test_a_question_mark_is_explained(model, capsys, monkeypatch):
    red, green = {"source": "red", "target": "?", "taught": "dax"}, {"source": "green", "target": "?", "guess": True}
    answers(monkeypatch, red, green)
    main(["translate", model, *RULES, "red green"])
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  red   → ?        –   no word of yours fits; but example 1 says dax",
        "  green → ?        –   a guess: no example translates it; no word of yours fits",
    ]
    answers(monkeypatch, red | {"taught": "?"}, green)
    main(["translate", model, "--example", "red blue = ? dax", "red green"])
    assert "no word of yours" not in capsys.readouterr().out


def test_an_answer_against_the_examples_is_flagged(model, capsys, monkeypatch):
    red = {"source": "red", "target": "wif", "taught": "dax", "example": 2}
    answers(monkeypatch, red, {"source": "blue", "target": "wif", "taught": "wif"})
    main(["translate", model, *RULES, "red blue"])
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  red  → wif   50.00%   but example 2 says dax",
        "  blue → wif   50.00%",
    ]


@pytest.mark.parametrize("encoding, arrow", [("utf-8", "→"), ("ascii", "->"), ("cp1252", "->")])
def test_output_in_any_encoding(model, monkeypatch, encoding, arrow):
    answers(monkeypatch, {"source": "красный", "target": "dax"})
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    for flags in ([], ["--json"]):
        main(["translate", model, *RULES, *flags, "красный"])
    sys.stdout.flush()
    *_, line, result = sys.stdout.buffer.getvalue().decode(encoding).splitlines()
    assert f" {arrow} dax" in line and json.loads(result)["words"][0]["source"] == "красный"


def test_the_page_needs_its_package(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None)
    with pytest.raises(SystemExit) as stop:
        main(["demo"])
    assert stop.value.code == 2 and 'pip install ".[demo]"' in capsys.readouterr().err


@pytest.mark.parametrize("command", [["translate", "MODEL", *RULES, "red"], ["evaluate", "MODEL"]])
def test_what_is_no_model(tmp_path, capsys, command):
    (tmp_path / "config.json").mkdir()
    (tmp_path / "file").touch()
    for folder, message in (
        (tmp_path, f"{tmp_path} is no model folder: it has no config.json"),
        (tmp_path / "nowhere", f"there is no folder {tmp_path}/nowhere"),
        (tmp_path / "file", f"{tmp_path}/file is a file, and a model is a folder; give {tmp_path}"),
        ("", "the model's name is empty; give its folder, or its repository on the Hub"),
    ):
        with pytest.raises(SystemExit) as stop:
            main([word.replace("MODEL", str(folder)) for word in command])
        error = capsys.readouterr().err
        assert stop.value.code == 2 and error.startswith(f"metatrans: {message}") and error.count("\n") == 1


def test_evaluate(model, capsys):
    main(["evaluate", model, "--num_episodes", "20", "--num_source_words", "4", "--num_target_words", "4", "--json"])
    results = json.loads(capsys.readouterr().out)
    assert results["num_eval_episodes"] == 20 and len(results["nll_by_shot"]) == 10
    knobs = ["--num_source_words", "4", "--num_target_words", "4", "--num_pairs", "3"]
    main(["evaluate", model, "--num_episodes", "20", *knobs, "--loss_on", "targets"])
    output = capsys.readouterr().out
    assert "target_regret" in output and "token_regret" not in output
    assert output.splitlines()[-1].split()[0] == "3"


def test_evaluate_a_baseline(capsys):
    knobs = ["--num_source_words", "12", "--num_target_words", "12", "--num_episodes", "20"]
    main(["evaluate", "family", *knobs, "--json"])
    assert json.loads(capsys.readouterr().out)["target_regret"] == pytest.approx(0, abs=1e-9)
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "enumerated", *knobs])
    assert stop.value.code == 2 and "12 words into 12 are too many to list" in capsys.readouterr().err


def test_evaluate_tells_seen_structures_from_those_held_out(capsys):
    knobs = ["--family", "grammar", "--num_pairs", "3", "--held_out_structures", "0.1", "--num_episodes", "20"]
    main(["evaluate", "unigram", *knobs])
    output = capsys.readouterr().out
    held_out, seen = output.split("structures that training had, in the same split's lexicons\n")
    assert "  particle  " in held_out and "  particle  " in seen and held_out != seen
    main(["evaluate", "unigram", *knobs, "--json"])
    results = json.loads(capsys.readouterr().out)
    assert results["seen_structures"]["target_regret"] != results["target_regret"]


@pytest.mark.parametrize(
    "option, message", [(["--num_bindings", "2"], "num_bindings is for"), (TEXT, "family learns")]
)
def test_what_a_baseline_has_not(capsys, option, message):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "family", *option])
    assert stop.value.code == 2 and capsys.readouterr().err.startswith(f"metatrans: {message}")


def test_a_model_of_tokens_reads_no_text(model, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", model, *TEXT])
    message = f"{model} is a metalstm, which reads tokens, not text; leave out --render text"
    assert stop.value.code == 2 and capsys.readouterr().err == f"metatrans: {message}\n"


@pytest.fixture(scope="module")
def llama(tmp_path_factory) -> str:
    """The folder of an untrained Llama of four words, which reads 121 tokens."""
    folder = tmp_path_factory.mktemp("llama")
    settings = {"model_type": "llama", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    settings |= {"num_attention_heads": 2, "max_position_embeddings": 121}
    build_model(settings, LanguageConfig(num_source_words=4, num_target_words=4)).save_pretrained(folder)
    return str(folder)


def test_another_model_translates(llama, capsys, monkeypatch):
    main(["translate", llama, *RULES, "--json", "blue red green"])
    result = json.loads(capsys.readouterr().out)
    assert [word["source"] for word in result["words"]] == ["blue", "red", "green"]
    long = " ".join(["red"] * 60)
    pipe = io.TextIOWrapper(io.BytesIO(f"red = dax\n{long}\nred\n".encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", pipe)
    with pytest.raises(SystemExit) as stop:
        main(["translate", llama, "--json"])
    captured = capsys.readouterr()
    message = "This model reads at most 121 tokens, but the examples and the sentence take 125; give fewer or shorter"
    assert stop.value.code == 2 and captured.err == f"metatrans: {message} ones.\n"
    assert json.loads(captured.out)["words"][0]["source"] == "red"  # and the conversation goes on


def test_another_model_of_tokens_reads_no_text(llama, capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", llama, *TEXT])
    message = f"{llama} is a llama, which reads tokens, not text; leave out --render text"
    assert capsys.readouterr().err == f"metatrans: {message}\n"


def test_evaluate_knows_what_the_model_was_trained_on(train, capsys):
    train("--num_steps", "10", "--decay_steps", "0", "--eval_every", "0", "--save_every", "0")
    capsys.readouterr()
    main(["evaluate", "outputs/tiny", "--num_episodes", "64", "--json"])
    again, then = json.loads(capsys.readouterr().out), json.loads(Path("outputs/tiny/results.json").read_text())
    for key in ("target_regret", "determined_accuracy", "exact_match", "nll_by_shot", "token_regret"):
        assert again[key] == then[key], key
    assert then["intervals"] | again["intervals"] == then["intervals"]


def test_evaluate_says_that_a_model_never_met_a_family(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "six-words", "--family", "grammar", "--num_episodes", "4"])
    message = capsys.readouterr().err
    assert stop.value.code == 2 and "six-words was trained on the family lexicon and never met grammar: " in message


def test_evaluate_knows_what_our_own_model_was_trained_on(capsys):
    main(["evaluate", "translator", "--num_episodes", "16"])
    assert "held_out_languages=0.1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command, meant",
    [
        (["translate", "translater", *RULES, "red"], "translator"),
        (["evaluate", "six-word"], "six-words"),
        (["evaluate", "inductoin"], "induction"),
    ],
)
def test_a_misspelt_name_gets_the_nearest(capsys, command, meant):
    with pytest.raises(SystemExit) as stop:
        main(command)
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.endswith(f"; did you mean '{meant}'?\n")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--num_pair", "3"], "unknown key 'num_pair'; did you mean 'num_pairs'?"),
        (["--num_target_words", "3"], "num_target_words must be at least num_source_words (6)"),
        (["--sentence_length", "0"], "sentence_length must be at least 1"),
        (["--num_episodes", "1"], "num_episodes must be at least 2"),
        (["stray"], "expected --key value, got 'stray'"),
        (["--sentence_length", "[1"], "--sentence_length '[1' is no value; write it like 3, 0.1, text or [1, 5]"),
        (["--seed", "99999999999999999999"], "seed must be between 0 and"),
        ([], "the model has 4 source and 4 target words, but the language 6 and 6"),
        (
            ["--num_source_words", "3", "--num_target_words", "3"],
            "the model has 4 source and 4 target words, but the language 3 and 3; use --num_source_words 4",
        ),
        (["--num_source_words", "3", "--num_target_words", "5"], "the model has 4 source and 4 target words, but"),
    ],
)
def test_what_can_t_be_evaluated(model, capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", model, *arguments])
    captured = capsys.readouterr()
    assert stop.value.code == 2 and captured.out == ""
    assert captured.err.startswith(f"metatrans: {message}") and captured.err.count("\n") == 1


def test_a_model_too_short_for_the_episode(tmp_path, capsys):
    settings = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 1, "n_positions": 90}
    build_model(settings, LanguageConfig()).save_pretrained(tmp_path)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["evaluate", str(tmp_path), "--num_pairs", "20"])
    message = "metatrans: the model reads at most 90 tokens (max_position_embeddings), but an episode has up to 161"
    assert capsys.readouterr().err.splitlines()[-1].startswith(message)
    main(["evaluate", str(tmp_path), "--num_pairs", "2", "--num_episodes", "4", "--num_active_words", "(2, 6)"])
    assert "num_active_words=(2, 6)" in capsys.readouterr().out


def test_help_shows_examples(capsys):
    for command in ("translate", "evaluate"):
        with pytest.raises(SystemExit) as stop:
            main([command, "--help"])
        assert stop.value.code == 0 and f"metatrans {command} outputs/cpu" in capsys.readouterr().out
