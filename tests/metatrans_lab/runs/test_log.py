import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.errors import TrainingError
from metatrans_lab.runs.log import RunLog
from metatrans_lab.runs.storage import Storage


def make_log(folder, save_errors: str = "stop") -> RunLog:
    return RunLog(Storage(folder, save_errors), TrainingConfig(num_steps=40, batch_size=8), micro_batches=2)


def at(step: int, seconds: float = 1.0, spoilt_steps: int = 0) -> SimpleNamespace:
    """As far as training is."""
    curriculum = SimpleNamespace(stage=1)
    return SimpleNamespace(num_done=step, train_seconds=seconds, spoilt_steps=spoilt_steps, curriculum=curriculum)


def read(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@contextmanager
def unwritable(folder):
    """Within it log.jsonl can't be written, as there is a folder in its place."""
    aside = (folder / "log.jsonl").rename(folder / "aside")
    (folder / "log.jsonl").mkdir()
    yield
    (folder / "log.jsonl").rmdir()
    aside.rename(folder / "log.jsonl")


def test_a_line_says_how_fast_it_went_since_the_one_before(tmp_path):
    log = make_log(tmp_path)
    log.write()
    assert log.training(at(10, 2.0), {"loss": 1.23456789, "bayes_nll": float("nan")}) == 80
    assert log.training(at(20, 2.5, spoilt_steps=1), {"loss": 1.0}) == 320
    assert read(tmp_path) == log.lines
    assert read(tmp_path) == [
        {"step": 10, "stage": 1, "loss": 1.234568, "bayes_nll": None, "episodes_per_second": 80.0, "seconds": 2.0},
        {"step": 20, "stage": 1, "loss": 1.0, "spoilt_steps": 1, "episodes_per_second": 320.0, "seconds": 2.5},
    ]


def test_a_resumed_log_goes_up_to_its_step(tmp_path):
    lines = [{"step": 10, "loss": 2.0}, {"step": 20, "loss": 1.0}, {"step": 20, "eval_loss": 1.5}, {"step": 30}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 2')
    log = make_log(tmp_path)
    log.read(20, 40)
    assert log.lines == lines[:3]
    log.write()
    assert read(tmp_path) == lines[:3]


def test_the_last_evaluation_is_done_again(tmp_path):
    lines = [{"step": 40, "loss": 1.0}, {"step": 40, "eval_loss": 1.5}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = make_log(tmp_path)
    log.read(40, 40)
    assert log.lines == lines[:1]


def test_an_evaluation_at_what_was_the_end_is_not_one_on_the_way(tmp_path):
    lines = [{"step": 10, "eval_loss": 2.0}, {"step": 20, "loss": 1.0}, {"step": 20, "eval_loss": 1.5}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = make_log(tmp_path)
    log.read(20, 20)
    assert log.lines == lines[:2]


def test_without_a_file_there_is_nothing_to_resume(tmp_path):
    log = make_log(tmp_path)
    log.read(20, 40)
    assert log.lines == []


def test_speeds_are_counted_from_where_a_run_goes_on(tmp_path):
    log = make_log(tmp_path)
    log.write()
    log.goes_on_from(20, 100.0)
    assert log.training(at(30, 101.0), {}) == 160


def test_lines_that_could_not_be_written_are_made_up_for(tmp_path, capsys):
    log = make_log(tmp_path, "go_on")
    log.write()
    log.training(at(10), {})
    with unwritable(tmp_path):
        log.training(at(20), {})
    assert "log.jsonl: Is a directory; nothing was saved before; training goes on" in capsys.readouterr().err
    assert [line["step"] for line in read(tmp_path)] == [10]
    log.training(at(30), {})
    log.training(at(40), {})
    assert read(tmp_path) == log.lines and len(log.lines) == 4


def test_a_line_that_can_not_be_written_ends_a_run_that_wants_it_so(tmp_path):
    log = make_log(tmp_path)
    log.write()
    with unwritable(tmp_path), pytest.raises(TrainingError, match=r"can't write .*log\.jsonl"):
        log.training(at(10), {})


def test_a_rollback_forgets_what_came_after(tmp_path):
    log = make_log(tmp_path)
    log.write()
    for step in (10, 20, 30):
        log.training(at(step), {})
    log.rollback(20, before=35, learning_rate_factor=0.5)
    assert read(tmp_path) == log.lines and [line["step"] for line in log.lines] == [10, 20, 20]
    assert log.lines[-1] == {"step": 20, "rolled_back_from": 35, "learning_rate_factor": 0.5}


def test_a_rollback_that_could_not_be_written_is_made_up_for(tmp_path):
    log = make_log(tmp_path)
    log.write()
    for step in (10, 20, 30):
        log.training(at(step), {})
    with unwritable(tmp_path), pytest.raises(OSError):
        log.rollback(20, before=35, learning_rate_factor=0.5)
    log.training(at(30), {})
    assert read(tmp_path) == log.lines and [line["step"] for line in log.lines] == [10, 20, 20, 30]


def test_an_evaluation_is_a_line_two_pictures_and_figures_for_trackers(tmp_path, monkeypatch, capsys):
    drawn = []
    monkeypatch.setattr("metatrans_lab.runs.log.plot_loss", lambda path, lines, *_: drawn.append((path.name, lines)))
    monkeypatch.setattr("metatrans_lab.runs.log.plot_shots", lambda path, *_: (path / "no").touch())
    log = make_log(tmp_path, "go_on")
    log.write()
    log.goes_on_from(20, 7.0)
    figures = {"target_regret": 0.25, "target_nll": 0.75, "determined_accuracy": None, "eliminated_accuracy": 0.5}
    tracked = log.evaluation(20, {"loss": 1.5, "exact_match": 1.0} | figures)
    assert read(tmp_path) == [{"step": 20, "eval_loss": 1.5} | figures | {"seconds": 7.0}]
    assert tracked == {
        "eval/loss": 1.5,
        "eval/target_regret": 0.25,
        "eval/target_nll": 0.75,
        "eval/eliminated_accuracy": 0.5,
    }
    assert drawn == [("loss.png", log.lines)]
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "shots.png: No such file or directory" in said
