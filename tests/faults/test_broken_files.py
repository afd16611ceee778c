"""Every file of a checkpoint broken in every way: it is named in a sentence, and the newest whole one serves."""

import json
import os
import shutil
import subprocess

import pytest
import torch
from safetensors.torch import save_file

from metatrans_lab.errors import UserError
from metatrans_lab.runs.checkpoints import ASIDE, FORMAT, list_checkpoints, load_checkpoint, open_checkpoint

from ..checksums import reseal

FILES = ("model.safetensors", "state.pt", "progress.json", "SHA256SUMS")
WAYS = ("truncated", "emptied", "a bit flipped", "removed", "of another run", "a folder")


def harm(path, way: str, place: int, other) -> None:
    """Breaks a file; `place` says where."""
    data = path.read_bytes()
    path.unlink()
    if way == "truncated":
        path.write_bytes(data[: place % len(data)])
    elif way == "emptied":
        path.write_bytes(b"")
    elif way == "a bit flipped":
        at = place % len(data)
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << place % 8]) + data[at + 1 :])
    elif way == "of another run":
        shutil.copy(other / path.name, path)
    elif way == "a folder":
        path.mkdir()


@pytest.fixture
def two_runs(train, tmp_path):
    for name, seed in (("run", 0), ("other", 1)):
        train("--name", name, "--seed", str(seed), "--num_steps", "20", "--decay_steps", "0", "--eval_every", "0")
    return tmp_path / "outputs" / "run", tmp_path / "outputs" / "other"


def test_every_file_broken_in_every_way(two_runs, tmp_path, capfd, survives):
    run, other = two_runs
    newest = list_checkpoints(run)[-1]
    shutil.copytree(newest, tmp_path / "kept")
    capfd.readouterr()
    for way in WAYS:
        places = (0, 1, 77, 1000, 4321, 99991) if way in ("truncated", "a bit flipped") else (0,)
        survived = 0
        for name in FILES:
            for place in places:
                shutil.rmtree(newest)
                shutil.copytree(tmp_path / "kept", newest)
                harm(newest / name, way, place, list_checkpoints(other)[-1])
                with pytest.raises(UserError) as error:
                    load_checkpoint(newest)
                named = name in str(error.value) and "\n" not in str(error.value)
                path, loaded = open_checkpoint("latest", run)
                told = capfd.readouterr().err
                went_back = path.name == "checkpoint-10" and loaded[2]["step"] == 10 and name in told
                survived += named and went_back and told.count("\n") == 1
        survives(f"a file of a checkpoint {way}", len(FILES) * len(places), survived)


def test_a_run_goes_on_from_the_newest_whole_one(train, two_runs, capfd):
    """To the same end; the broken one stays, under another name."""
    run, _ = two_runs
    expected = (run / "model.safetensors").read_bytes()
    os.truncate(run / "checkpoint-20" / "state.pt", 100)
    again = ("--num_steps", "20", "--decay_steps", "0", "--eval_every", "0", "--name", "run")
    assert train(*again, "--resume_from_checkpoint", "latest") == 0
    said = capfd.readouterr().err
    assert "state.pt is broken: it isn't what SHA256SUMS says was saved; going on from checkpoint-10" in said
    assert (run / "model.safetensors").read_bytes() == expected
    assert (run / f"checkpoint-20{ASIDE}" / "state.pt").stat().st_size == 100
    load_checkpoint(run / "checkpoint-20")


def test_none_is_whole(train, two_runs):
    run, _ = two_runs
    for checkpoint in list_checkpoints(run):
        (checkpoint / "state.pt").unlink()
    before = sorted(run.rglob("*"))
    with pytest.raises(UserError, match=r"run has no checkpoint that can be read: .*checkpoint-20.*checkpoint-10"):
        train("--name", "run", "--resume_from_checkpoint", "latest")
    assert sorted(run.rglob("*")) == before


def test_a_newer_version_s_is_left_alone(two_runs):
    checkpoint = list_checkpoints(two_runs[0])[-1]
    progress = json.loads((checkpoint / "progress.json").read_text())
    (checkpoint / "progress.json").write_text(json.dumps(progress | {"format": FORMAT + 1}))
    reseal(checkpoint)
    with pytest.raises(UserError, match=rf"by a newer version of metatrans \(format {FORMAT + 1}; this one reads"):
        load_checkpoint(checkpoint)
    assert open_checkpoint("latest", two_runs[0])[0].name == "checkpoint-10"


def test_another_run_s_checkpoint_in_the_folder_is_refused(train, two_runs):
    run, other = two_runs
    shutil.rmtree(run / "checkpoint-20")
    shutil.copytree(other / "checkpoint-20", run / "checkpoint-20")
    again = ("--num_steps", "20", "--decay_steps", "0", "--eval_every", "0", "--name", "run")
    with pytest.raises(UserError, match="the checkpoint is of another run: its seed is 1, not 0"):
        train(*again, "--resume_from_checkpoint", "latest")


@pytest.mark.parametrize("name", ["model.safetensors", "state.pt"])
def test_a_forged_one_that_does_not_fit_is_a_sentence(train, two_runs, name):
    checkpoint = list_checkpoints(two_runs[0])[-1]
    if name == "state.pt":
        torch.save({"optimizers": [], "random": 3}, checkpoint / name)
    else:
        save_file({"a": torch.ones(2)}, checkpoint / name)
    reseal(checkpoint)
    again = ("--num_steps", "20", "--decay_steps", "0", "--eval_every", "0", "--name", "run")
    with pytest.raises(UserError, match=r"checkpoint-20 doesn't fit this run"):
        train(*again, "--resume_from_checkpoint", "latest")


def test_sha256sum_reads_the_checksums(two_runs):
    checkpoint = list_checkpoints(two_runs[0])[-1]
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=checkpoint, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("OK") == 3
