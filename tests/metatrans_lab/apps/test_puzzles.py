import json

import pytest

from metatrans_lab.apps.shell import main

RULES = "red = dax\nblue red = wif dax\ngreen = lug\nblue green = ?\n"


def run(*arguments):
    """The exit code of `metatrans puzzle`."""
    try:
        main(["puzzle", *map(str, arguments)])
    except SystemExit as left:
        return left.code
    return 0


def test_a_puzzle_is_written_and_checked(tmp_path, capsys):
    for form in ("json", "jsonl"):
        file = tmp_path / f"puzzle.{form}"
        assert run("--seed", "7", "--to", form, "--output", file) == 0 and capsys.readouterr().out == ""
        assert run("--check", file) == 0
        out = capsys.readouterr().out
        assert out.endswith("solvable: every question has exactly one answer, and no example is superfluous\n")
        assert out.count("one answer\n") == 3
    assert run("--seed", "7") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# ") and json.loads((tmp_path / "puzzle.json").read_text())["language"] in shown


def test_several_puzzles_have_seeds_that_make_each_again(tmp_path, capsys):
    assert run("--seed", "7", "--number", 2, "--to", "json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["seed"], second["seed"]) == ("7-1", "7-2") and first["examples"] != second["examples"]
    assert run("--seed", "7-2", "--to", "json") == 0
    assert json.loads(capsys.readouterr().out) == second


def test_without_a_seed_it_is_another_each_time(capsys):
    seeds = set()
    for _ in range(2):
        assert run("--to", "json", "--phenomena", "order", "--words", 4) == 0
        seeds.add(json.loads(capsys.readouterr().out)["seed"])
    assert len(seeds) == 2


def test_one_s_own_puzzle_is_checked(tmp_path, capsys):
    file = tmp_path / "my.txt"
    file.write_text(RULES)
    assert run("--check", file) == 0
    assert "question 1: blue green = wif lug   one answer\n" in capsys.readouterr().out
    file.write_text(RULES + "green = lug\n")
    assert run("--check", file) == 0
    assert "superfluous: examples " in capsys.readouterr().out
    file.write_text("blue house = casa azul\nred car = coche rojo\nred house = ?\n")
    assert run("--check", file) == 1
    out = capsys.readouterr().out
    assert "answers: this one 6" in out and "    or " in out
    assert out.endswith("not solvable: 0 of 1 questions have exactly one answer\n")
    assert run("--check", file, "--json") == 1
    assert json.loads(capsys.readouterr().out)["questions"][0]["others"]
    file.write_text(RULES + "pink red = ?\n? blue green = lug wif\n")
    assert run("--check", file) == 1
    out = capsys.readouterr().out
    assert "no example has pink" in out and "one answer, but not the expected lug wif" in out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--level", "9"], "level must be between 1 and 5, got 9"),
        (["--number", "0"], "number must be between 1 and 10,000, got 0"),
        (["--phenomena", "verb"], "did you mean 'verbs'?"),
        (["--phenomena", ","], "got none"),
        (["--json"], "--json goes with --check"),
        (["--check", "nowhere.txt"], "can't read the rules nowhere.txt: No such file or directory"),
        (["--seed", "7", "--output", "."], "can't write .: Is a directory"),
        (
            ["--seed", "1", "--output", "nowhere/puzzle.md"],
            "can't write nowhere/puzzle.md: there is no folder nowhere",
        ),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and said.startswith("metatrans: ")
