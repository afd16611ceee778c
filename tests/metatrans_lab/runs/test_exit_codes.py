import errno
import os

import pytest

from metatrans_lab.errors import TrainingError, UserError
from metatrans_lab.runs.exit_codes import guarded


def raising(error: Exception):
    def main(arguments: list[str]) -> int:
        raise error

    return main


def test_the_code_is_main_s():
    assert guarded(len, []) == 0 and guarded(len, ["--a", "--b", "--c"]) == 3


@pytest.mark.parametrize(
    "error, sentence",
    [
        (TrainingError("it can't go on"), "it can't go on"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device; what was saved before is still"),
        (
            RuntimeError("[gloo] Connection closed by peer"),
            "process 0 ends, as another one has: the same command goes",
        ),
    ],
)
def test_what_ends_a_run_from_outside_is_a_sentence(capsys, monkeypatch, error, sentence):
    monkeypatch.delenv("RANK", raising=False)
    assert guarded(raising(error), []) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"train.py: {sentence}") and said.count("\n") == 1


def test_bad_input_is_a_sentence_and_code_2(capsys):
    with pytest.raises(SystemExit) as end:
        guarded(raising(UserError("unknown key 'num_step'")), [])
    assert end.value.code == 2 and capsys.readouterr().err == "train.py: unknown key 'num_step'\n"


def test_a_fault_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        guarded(raising(ZeroDivisionError()), [])
