import errno
import os

import pytest

from metatrans_lab.errors import TrainingError
from metatrans_lab.runs.storage import Storage, write_whole


def full_disk() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_run_that_stops_at_a_full_disk_says_what_is_left(tmp_path):
    storage = Storage(tmp_path, "stop")
    with pytest.raises(TrainingError) as error, storage.writing("log.jsonl"):
        raise full_disk()
    nothing = f"can't write {tmp_path}/log.jsonl: No space left on device; nothing was saved before"
    assert str(error.value) == nothing
    (tmp_path / "checkpoint-20").mkdir()
    with pytest.raises(TrainingError, match=r"checkpoint-20 is still there$"), storage.writing("log.jsonl"):
        raise full_disk()


def test_a_run_that_goes_on_tells(tmp_path, capsys):
    with Storage(tmp_path, "go_on").writing("loss.png"):
        raise full_disk()
    said = capsys.readouterr().err
    assert said.startswith(f"train.py: can't write {tmp_path}/loss.png: ") and said.endswith("; training goes on\n")


def test_what_is_needed_is_needed(tmp_path):
    with pytest.raises(TrainingError), Storage(tmp_path, "go_on").writing("model.safetensors", needed=True):
        raise full_disk()


def test_faults_of_ours_are_not_the_disk_s(tmp_path):
    with pytest.raises(KeyError), Storage(tmp_path, "go_on").writing("log.jsonl"):
        raise KeyError("step")


def test_a_file_is_the_old_one_or_the_new_one(tmp_path, monkeypatch):
    write_whole(tmp_path / "results.json", "old")
    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(full_disk()))
        write_whole(tmp_path / "results.json", "new")
    assert (tmp_path / "results.json").read_text() == "old"
    write_whole(tmp_path / "results.json", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    assert (tmp_path / "results.json").read_text() == "new"
