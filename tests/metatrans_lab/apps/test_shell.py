import io
import json
import sys
from pathlib import Path

import pytest

from dataset_script import LanguageConfig
from metatrans_lab import __version__
from metatrans_lab.apps import shell
from metatrans_lab.apps.shell import main
from metatrans_lab.models.build import build_model
from modeling_metalstm import TranslatorSession, session_metalstm

TEXT = ["--render", "text"]


RULES = ["--example", "red = dax", "--example", "blue red = wif dax"]


def test_translate_prints_the_exact_answer_and_what_the_model_says(model, capsys):
    main(["translate", model, *RULES, "blue red green"])
    first, *rest, says = capsys.readouterr().out.splitlines()
    assert first.startswith("wif dax ?   9") and f"{model} says" in says
    assert rest[:3] == [
        "  blue  → wif   example 2",
        "  red   → dax   example 1",
        "  green → ?   no example translates it",
    ]


def test_the_model_and_the_sentence_are_told_apart(model, capsys):
    for arguments in (["red"], [model, "red"], ["translator", "red"], ["red", "--no_model"]):
        main(["translate", *RULES, *arguments])
        assert capsys.readouterr().out.startswith("dax   certain")


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
    assert result["words"] == [{"source": "red", "target": "dax", "example": 1}] and result["is_settled"]
    assert result["model"]["name"] == model and result["model"]["words"][0]["guess"] is False


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([*RULES, "blue red = wif dax"], "leave out the = and what follows, got 'blue red = wif dax'"),
        (["--example", "blue red = ?", "red"], "line 1: 'blue red' is a question; an example has its translation"),
        (["--example", "red dax", "red"], 'line 1: an example is written "SOURCE = TARGET", with one =, but this'),
        (["--example", "red = ", "red"], "line 1: there is no translation beside 'red'"),
        (["--example", "red = dax", "--example", "red = lug", "red"], "Examples 1 and 2 disagree"),
        (["--example", "a = b c d e f", "a"], "Example 1 is of no language that is known here"),
        ([*RULES, ""], "The sentence is empty"),
        ([*RULES, "--num_bindings", "0", "red"], "num_bindings must be between 1 and 100, got 0"),
    ],
)
def test_what_can_t_be_translated(model, capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        main(["translate", model, *arguments])
    captured = capsys.readouterr()
    assert stop.value.code == 2 and captured.out == ""
    assert captured.err.startswith(f"metatrans: {message}") and captured.err.count("\n") == 1


def test_the_bindings_that_the_shell_allows_are_the_session_s():
    assert shell.MAX_BINDINGS == session_metalstm.MAX_BINDINGS


def test_a_sentence_needs_examples_and_a_misspelt_model_is_found_at_once(model, capsys, monkeypatch):
    monkeypatch.setattr("metatrans_lab.models.load.load_model", None)  # nothing is loaded, and no Hub is asked
    for arguments, message in (
        ([model, "red"], 'there are no examples; give at least one, such as --example "red = dax"'),
        (["translatr"], "there is no model 'translatr': it is no folder"),
        (["translatr", *RULES, "red"], "there is no model 'translatr': it is no folder"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(["translate", *arguments])
        assert stop.value.code == 2 and capsys.readouterr().err.startswith(f"metatrans: {message}")


def answers(monkeypatch, text: str) -> None:
    """Has the model say this to every question."""
    words = [{"source": word, "target": word, "probability": 0.5, "guess": False} for word in text.split()]
    result = {"translation_text": text, "words": words}
    monkeypatch.setattr(TranslatorSession, "__call__", lambda self, sentence: result)


def test_a_model_that_is_wrong_is_never_believed_in_silence(model, capsys, monkeypatch):
    answers(monkeypatch, "wif")
    main(["translate", model, *RULES, "red"])
    first, *_, says = capsys.readouterr().out.splitlines()
    assert first == "dax   certain" and says == f"  {model} says wif: 50%, which the examples rule out"
    answers(monkeypatch, "dax")
    main(["translate", model, *RULES, "red"])
    assert capsys.readouterr().out.splitlines()[-1] == f"  {model} says the same: 50%"


def test_an_open_question_lists_what_it_may_be_and_what_would_tell(model, capsys):
    rules = ["--example", "blue house = casa azul", "--example", "red car = coche rojo"]
    main(["translate", model, "--no_model", *rules, "red house"])
    first, *rest = capsys.readouterr().out.splitlines()
    assert (
        first == "coche azul   61%" and "  or casa rojo   39%" in rest and rest[-1].startswith("  most would tell: ")
    )


def test_checked_sentences(model, tmp_path, capsys):
    (tmp_path / "expected").write_text("red = dax\nblue blue = wif wif\nred red = wif\n")
    check = ["translate", model, "--no_model", *RULES, "--check", str(tmp_path / "expected")]
    with pytest.raises(SystemExit) as stop:
        main(check)
    assert stop.value.code == 1
    assert capsys.readouterr().out.splitlines() == [
        f"line 3 of {tmp_path}/expected: red red = dax dax, expected wif",
        "2 of 3 as expected",
    ]
    (tmp_path / "expected").write_text("red = dax\n")
    main(check)
    main([*check, "--reverse"])
    assert capsys.readouterr().out == "1 of 1 as expected\n1 of 1 as expected\n"


@pytest.mark.parametrize("encoding, arrow", [("utf-8", "→"), ("ascii", "->"), ("cp1252", "->")])
def test_output_in_any_encoding(model, monkeypatch, encoding, arrow):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    for flags in ([], ["--json"]):
        main(["translate", model, "--no_model", "--example", "красный = dax", *flags, "красный"])
    sys.stdout.flush()
    _, line, result = sys.stdout.buffer.getvalue().decode(encoding).splitlines()
    assert f" {arrow} dax" in line and json.loads(result)["words"][0]["source"] == "красный"


def test_the_page_needs_its_package(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None)
    with pytest.raises(SystemExit) as stop:
        main(["demo"])
    assert stop.value.code == 2 and 'pip install "metatrans[demo]"' in capsys.readouterr().err


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
    plain = json.loads(capsys.readouterr().out)
    assert plain["target_regret"] == pytest.approx(0, abs=1e-9)
    main(["evaluate", "family", *knobs, "--json", "--loss_on", "targets"])
    assert json.loads(capsys.readouterr().out) == plain
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
    "option, message",
    [
        (["--num_bindings", "2"], "num_bindings is for"),
        (TEXT, "family learns"),
        (["--loss_on", "all"], "family predicts target words alone, so there is no loss on all tokens; leave out"),
    ],
)
def test_what_a_baseline_has_not(capsys, option, message):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "family", *option])
    assert stop.value.code == 2 and capsys.readouterr().err.startswith(f"metatrans: {message}")


def test_text_has_no_loss_on_all_tokens(model, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", model, *TEXT, "--loss_on", "all"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("metatrans: --render text asks for target words alone, so there is no")


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
    assert [word["source"] for word in result["model"]["words"]] == ["blue", "red", "green"]
    long = " ".join(["red"] * 60)
    pipe = io.TextIOWrapper(io.BytesIO(f"red = dax\n{long}\nred\n".encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", pipe)
    main(["translate", llama, "--json"])
    long_answer, short = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    message = "this model reads at most 121 tokens, but the examples and the sentence take 125; give fewer or shorter"
    assert long_answer["model_note"] == f"{llama} can't say: {message} ones"
    assert long_answer["translation_text"] == " ".join(["dax"] * 60) and short["model"]["words"][0]["source"] == "red"


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
        (["--K", "3"], "unknown key 'K'; did you mean 'num_pairs'?"),
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


def test_train_runs_the_script_with_its_arguments(tmp_path, monkeypatch, capsys):
    script = tmp_path / "train.py"
    script.write_text("import sys\nif __name__ == '__main__':\n    print(*sys.argv)\n    sys.exit(3)\n")
    monkeypatch.setattr(shell, "TRAIN", script)
    monkeypatch.setattr(sys, "argv", ["metatrans"])
    arguments = ["--config", "cpu", "--learning_rate", "-1", "--curriculum", "[{}]", "--seed=2", "stray", "--help-me"]
    with pytest.raises(SystemExit) as stop:
        main(["train", *arguments])
    assert stop.value.code == 3 and capsys.readouterr().out.split() == [str(script), *arguments]


def test_the_version_is_the_installed_one(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and capsys.readouterr().out == f"metatrans {__version__}\n"
    cited = (Path(__file__).parents[3] / "CITATION.cff").read_text()
    assert f"\nversion: {__version__}\n" in cited


def test_help_shows_examples(capsys):
    for command in ("translate", "evaluate"):
        with pytest.raises(SystemExit) as stop:
            main([command, "--help"])
        assert stop.value.code == 0 and f"metatrans {command} outputs/cpu" in capsys.readouterr().out
