"""Runs beside one another."""

from pathlib import Path

import matplotlib.image
import pytest

from metatrans_lab.apps.shell import main
from metatrans_lab.errors import UserError
from metatrans_lab.report import plots
from metatrans_lab.runs.compare import compare

FEW = ("--num_steps", "10", "--decay_steps", "2", "--eval_every", "5", "--save_every", "0")


@pytest.fixture
def drawn(monkeypatch) -> list:
    """The figures that are drawn from here on."""
    figures: list = []
    save = plots._save
    monkeypatch.setattr(plots, "_save", lambda figure, path: (figures.append(figure), save(figure, path)))
    return figures


def test_the_curves_of_two_runs_lie_over_one_another(train, drawn, capsys):
    train(*FEW)
    train(*FEW, "--name", "other", "--seed", "1", "--loss_on", "all")
    with Path("outputs/other/log.jsonl").open("a") as log:
        log.write('{"step": 11, "lo')  # cut short by a kill
    capsys.readouterr()
    main(["compare", "outputs/tiny", "outputs/other", "--output", "both.png"])
    assert capsys.readouterr().out == "both.png\n"
    assert matplotlib.image.imread("both.png").shape[1] > 900
    figure = drawn[-1]
    loss, accuracy = figure.axes
    assert [list(line.get_xdata()) for line in loss.lines] == [[5, 10]] * 4
    of_target, _, of_all, _ = loss.lines
    assert of_all.get_ydata()[-1] > 0 and list(of_all.get_ydata()) != list(of_target.get_ydata())
    assert [text.get_text() for text in accuracy.get_legend().get_texts()] == [
        "outputs/tiny (loss on targets)",
        "outputs/other (loss on all)",
    ]


def test_what_can_t_be_compared(train, tmp_path):
    train(*FEW)
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "log.jsonl").touch()
    for folder, picture, message in (
        ("nowhere", "a.png", "can't read nowhere/log.jsonl: No such file or directory; give the folder of a run"),
        ("begun", "a.png", "begun/log.jsonl has no lines yet"),
        ("outputs/tiny", "nowhere/a.png", "can't write nowhere/a.png: No such file or directory"),
    ):
        with pytest.raises(UserError) as error:
            compare(["outputs/tiny", folder], picture)
        assert str(error.value) == message
    assert not Path("a.png").exists()
