import pytest

from metatrans_lab.errors import UserError, exit_with, nearest


def test_nearest():
    assert nearest("num_pair", ["num_pairs", "seed"]) == "; did you mean 'num_pairs'?"
    assert nearest("zzz", ["num_pairs", "seed"]) == ""


def test_a_name_may_be_anything_that_yaml_reads():
    for name in (1, False, None, 1.5):
        assert nearest(name, ["num_pairs"]) == ""


def test_an_error_is_one_line_and_code_2(capsys):
    with pytest.raises(SystemExit) as stop:
        exit_with(UserError("one\n  two"), "program")
    captured = capsys.readouterr()
    assert stop.value.code == 2 and captured.out == "" and captured.err == "program: one two\n"
