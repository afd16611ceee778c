"""The languages of examples/gallery, as people write them: every question has the answer that its file expects."""

import shlex
from pathlib import Path

import pytest

from metatrans_lab.apps.asked import Asked
from metatrans_lab.apps.demo.answers import Answers
from metatrans_lab.apps.files import read_expected
from metatrans_lab.apps.shell import main

GALLERY = sorted((Path(__file__).parents[1] / "examples" / "gallery").glob("*.txt"))


def options_of(path: Path) -> list[str]:
    """What the file says that the command is to be given."""
    line = next((line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# options:")), "")
    return shlex.split(line.removeprefix("# options:"))


def test_the_gallery_has_a_dozen_languages_with_questions():
    assert len(GALLERY) >= 12
    assert all(len(read_expected(str(path))[1]) >= 2 for path in GALLERY)


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_in_the_shell(path, capsys):
    main(["translate", "--no_model", *options_of(path), "--check", str(path)])  # exit code 1 if one differs
    number = len(read_expected(str(path))[1])
    assert capsys.readouterr().out == f"{number} of {number} as expected\n"


@pytest.fixture(scope="module")
def answers():
    return Answers(Asked())


@pytest.mark.parametrize("path", [path for path in GALLERY if not options_of(path)], ids=lambda path: path.stem)
def test_on_the_page(path, answers):
    text = path.read_text(encoding="utf-8")
    for question in read_expected(str(path))[1]:
        shown = answers(text, question.source)
        assert f">{question.target}<" in shown.answer and "certain" in shown.answer
