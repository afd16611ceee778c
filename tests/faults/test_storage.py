"""Full disks, read-only folders, missing rights: told in a sentence, and nothing is lost."""

import contextlib
import json
import shutil
import subprocess

import pytest

from .conftest import outcome, whole_ones

ARGUMENTS = ("--save_every", "4", "--eval_every", "10", "--log_every", "2", "--name", "run")
ERRORS = {"ENOSPC": "No space left on device", "EROFS": "Read-only file system", "EACCES": "Permission denied"}


def clean(text: str) -> bool:
    return "Traceback" not in text and text.count("train.py: ") == 1


LONG = [pytest.param(kind, 5, marks=pytest.mark.faults) for kind in ERRORS]


@pytest.mark.parametrize("kind, every", [("ENOSPC", 35), *LONG])
def test_writes_that_fail_from_some_moment_on(runs, tmp_path, survives, kind, every):
    """At every such file operation, and all after it: what was saved before is whole, the run goes on from there."""
    whole = tmp_path / "whole"
    whole.mkdir()
    assert runs.start(whole, *ARGUMENTS).wait() == 0
    expected = outcome(whole / "outputs" / "run")
    survived, places = 0, range(12, 130, every)
    for at in places:
        folder = tmp_path / str(at)
        folder.mkdir()
        fault = {"kind": kind, "at_event": at, "folder": "outputs/run", "again": True}
        run = runs.start(folder, *ARGUMENTS, fault=fault)
        assert run.wait() == 1 and clean(run.said) and ERRORS[kind] in run.said, run.said
        assert not (folder / "outputs" / "run" / "results.json").exists()
        whole_ones(folder)
        again = runs.start(folder, *ARGUMENTS, "--resume_from_checkpoint", "latest")
        assert again.wait() == 0, again.said
        survived += outcome(folder / "outputs" / "run") == expected
    survives(f"{kind} from a file operation on: it stops, and goes on later to the same end", len(places), survived)


@pytest.mark.parametrize("every", [19, pytest.param(3, marks=pytest.mark.faults)])
def test_going_on_as_configured(runs, tmp_path, survives, every):
    """One write that fails costs a sentence, and with --save_errors go_on not the run."""
    whole = tmp_path / "whole"
    whole.mkdir()
    assert runs.start(whole, *ARGUMENTS).wait() == 0
    expected = outcome(whole / "outputs" / "run")
    survived, told, places = 0, 0, range(10, 90, every)
    for at in places:
        folder = tmp_path / str(at)
        folder.mkdir()
        fault = {"kind": "ENOSPC", "at_event": at, "folder": "outputs/run"}
        run = runs.start(folder, *ARGUMENTS, "--save_errors", "go_on", fault=fault)
        assert run.wait() == 0, run.said
        told += "No space left on device" in run.said and "training goes on" in run.said and clean(run.said)
        whole_ones(folder)
        survived += outcome(folder / "outputs" / "run") == expected
    survives("ENOSPC at one file operation, --save_errors go_on: told, and the same end", len(places), survived)
    assert told >= 0.8 * len(places)  # a file that is removed in vain isn't always worth a sentence


@contextlib.contextmanager
def small_disk(folder, size: str):
    """A file system of its own with so much room."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"can't mount a file system here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.faults
def test_a_disk_that_fills_up_and_has_room_again(runs, tmp_path, survives):
    """A real one, too small for a third checkpoint; its first bytes are written, then there is no more room."""
    sizes = ("300k", "340k", "380k", "420k")
    survived = 0
    for size in sizes:
        with small_disk(tmp_path / f"disk-{size}", size) as folder:
            run = runs.start(folder, *ARGUMENTS, "--keep_checkpoints", "9")
            assert run.wait() == 1 and clean(run.said) and "No space left on device" in run.said, run.said
            saved = whole_ones(folder)
            assert saved and f"{saved[-1]} is still there" in run.said, run.said
            assert not list((folder / "outputs" / "run").glob(".checkpoint-*"))  # the half one has given its room back
            for name in saved[:-1]:
                shutil.rmtree(folder / "outputs" / "run" / name)
            more = ("--keep_checkpoints", "1", "--resume_from_checkpoint", "latest")
            run = runs.start(folder, *ARGUMENTS, *more, "--eval_every", "0")
            survived += run.wait() in (0, 1) and "Traceback" not in run.said and bool(whole_ones(folder))
    survives("a disk that is full in the middle of a save", len(sizes), survived)


def test_no_rights_to_the_folder(runs, tmp_path, survives):
    """Found before the first step: exit code 2, nothing written."""
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0o555)
    run = runs.start(tmp_path, *ARGUMENTS, "--output_dir", "closed/run", fault={"no_privileges": True})
    assert run.wait() == 2, run.said
    assert run.said == "train.py: can't write to the folder closed/run: Permission denied\n"
    survives("a folder without the right to write", 1, int(not list((tmp_path / "closed").iterdir())))


def test_a_folder_that_is_removed_under_a_run(runs, tmp_path):
    """Not even then a traceback, nor a success; nor a folder made anew, to which the run has no claim."""
    run = runs.start(tmp_path, *ARGUMENTS, "--num_steps", "100000", "--name", "gone", "--eval_every", "0")
    log = tmp_path / "outputs" / "gone" / "log.jsonl"
    while not (log.is_file() and log.stat().st_size) and run.ended(0.02) is None:
        pass
    # At one stroke: a removal file by file may meet a file that the run has just made, and leave the folder.
    (tmp_path / "outputs" / "gone").rename(tmp_path / "elsewhere")
    if run.wait(60) != 1:
        raise AssertionError(run.said)
    assert "No such file or directory" in run.said and "Traceback" not in run.said
    assert not (tmp_path / "outputs" / "gone").exists()


def test_two_runs_in_one_folder(runs, tmp_path):
    """The second is refused while the first lives, whatever it is told, and the first one doesn't notice."""
    first = runs.start(tmp_path, *ARGUMENTS, "--num_steps", "400")
    while not (tmp_path / "outputs/run/checkpoint-4").exists() and first.ended(0.02) is None:
        pass
    for more in (("--overwrite",), ("--resume_from_checkpoint", "latest")):
        second = runs.start(tmp_path, *ARGUMENTS, "--num_steps", "400", *more)
        assert second.wait() == 2, second.said
        assert second.said == "train.py: another process is training in outputs/run; wait for it, or end it\n"
    assert first.wait() == 0, first.said
    lines = [json.loads(line) for line in (tmp_path / "outputs/run/log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == list(range(2, 401, 2))
