import os
from pathlib import Path

import pytest
import torch

from metatrans_lab.errors import UserError
from metatrans_lab.runs.checkpoints import (
    PROGRESS_KEYS,
    list_checkpoints,
    load_checkpoint,
    open_checkpoint,
    save_checkpoint,
)

from ...checksums import reseal


def save(folder, step, keep=2):
    weights = {"a": torch.arange(6.0).reshape(2, 3) + step, "b": torch.ones(3, 2).t()}
    state = {"optimizers": [{"state": {0: {"momentum": torch.ones(2)}}, "lr": 0.1}], "rng": torch.get_rng_state()}
    return save_checkpoint(folder, step, weights, state, dict.fromkeys(PROGRESS_KEYS, 1) | {"step": step}, keep)


def test_round_trip(tmp_path):
    weights, state, progress = load_checkpoint(save(tmp_path, 7))
    assert torch.equal(weights["a"], torch.arange(6.0).reshape(2, 3) + 7) and weights["b"].shape == (2, 3)
    assert torch.equal(state["optimizers"][0]["state"][0]["momentum"], torch.ones(2))
    assert progress.keys() == {*PROGRESS_KEYS, "format"} and progress["step"] == 7


def test_old_ones_go_after_new_ones_are_complete(tmp_path):
    for step in (5, 10, 100, 20):
        save(tmp_path, step)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["checkpoint-20", "checkpoint-100"]
    assert open_checkpoint("latest", tmp_path)[0].name == "checkpoint-100"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("dies_at", ["save", "torch.save", "write", "rename"])
def test_dying_while_saving_leaves_the_last_one(tmp_path, monkeypatch, dies_at):
    save(tmp_path, 1)

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    names = {
        "save": "metatrans_lab.runs.checkpoints.save",
        "torch.save": "torch.save",
        "write": "pathlib.Path.write_bytes",
        "rename": "pathlib.Path.rename",
    }
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(names[dies_at], die)
        save(tmp_path, 2)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["checkpoint-1"]
    assert open_checkpoint("latest", tmp_path)[1][2]["step"] == 1
    save(tmp_path, 2)
    assert open_checkpoint("latest", tmp_path)[0].name == "checkpoint-2" and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("text", ["{}", "[]", "3"])
def test_progress_without_its_keys_is_broken(tmp_path, text):
    path = save(tmp_path, 3)
    (path / "progress.json").write_text(text)
    reseal(path)
    with pytest.raises(UserError, match=r"progress\.json is broken"):
        load_checkpoint(path)


def test_a_checkpoint_just_saved_is_never_pruned(tmp_path):
    for step in (20, 30):
        save(tmp_path, step)
    assert save(tmp_path, 12).is_dir()


def test_a_save_reaches_the_disk_before_its_name(tmp_path, monkeypatch):
    order = []
    real_fsync, real_rename = os.fsync, Path.rename
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("flush"), real_fsync(descriptor)))
    monkeypatch.setattr(Path, "rename", lambda path, to: (order.append("rename"), real_rename(path, to))[1])
    save(tmp_path, 5)
    # Four files and their folder, then the name, then the folder that holds the name.
    assert order == ["flush"] * 5 + ["rename", "flush"]


def test_nothing_but_tensors_and_plain_values_is_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    path = save(tmp_path, 3)
    torch.save({"optimizers": Evil()}, path / "state.pt")
    reseal(path)
    with pytest.raises(UserError, match=r"state\.pt is broken"):
        load_checkpoint(path)
    assert not (tmp_path / "executed").exists()


def test_what_is_none(tmp_path):
    with pytest.raises(UserError, match="there is no checkpoint at"):
        load_checkpoint(tmp_path / "checkpoint-9")
    with pytest.raises(UserError, match="has no checkpoint to resume from"):
        open_checkpoint("latest", tmp_path)
