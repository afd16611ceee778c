import io
import sys

import pytest

from metatrans_lab.apps.files import MAX_FILE_BYTES, read_expected, read_rules, write_rules
from metatrans_lab.errors import UserError
from modeling_metalstm.rules_metalstm import Rule

RULES = [("red", "dax"), ("blue red", "wif dax")]


@pytest.mark.parametrize(
    "data",
    [
        b"red\tdax\n\nblue red\twif dax\n",
        "\ufeffred = dax\r\nblue red = wif dax".encode(),
        "red = dax\nblue red = wif dax".encode("utf-16"),
        b'["red", "dax"]\n{"target": "wif dax", "source": "blue red"}\n',
    ],
    ids=["TSV", "a mark before", "UTF-16", "JSONL"],
)
def test_rules_in_a_file(tmp_path, monkeypatch, data):
    (tmp_path / "rules").write_bytes(data)
    assert [rule[:2] for rule in read_rules(str(tmp_path / "rules"))] == RULES
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert [rule[:2] for rule in read_rules("-")] == RULES


@pytest.mark.parametrize(
    "data, message",
    [
        (b"red dax", "line 1 of FILE: an example is written"),
        (b"red = dax\na\tb\tc", "line 2 of FILE: an example is written"),
        (b'{"source": "red"}', "rule 1 of FILE: an example is a pair"),
        (b"[1, 2]", "rule 1 of FILE: an example is a pair"),
        (b"[[", "line 1 of FILE: not JSON, though the text begins like it"),
        (b"[" * 100_000, "line 1 of FILE: not JSON, though the text begins like it"),
        (b"\xff\xfe\x00", "the rules FILE are not UTF-8 text"),
        (b"a" * (MAX_FILE_BYTES + 1), "the rules in FILE are more than 10 MB"),
    ],
    ids=range(8),
)
def test_files_that_hold_no_rules(tmp_path, data, message):
    path = tmp_path / "rules"
    path.write_bytes(data)
    with pytest.raises(UserError) as error:
        read_rules(str(path))
    assert str(error.value).startswith(message.replace("FILE", str(path)))
    with pytest.raises(UserError, match=r"can't read the rules .*: No such file"):
        read_rules(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("rules", [RULES, [("a = b", "c"), ("#d", "e f")]])
def test_rules_that_are_written_are_read_again(tmp_path, rules):
    path = str(tmp_path / "rules")
    write_rules(path, [Rule(*rule) for rule in rules])
    assert [rule[:2] for rule in read_rules(path)] == rules
    with pytest.raises(UserError, match="can't write"):
        write_rules(str(tmp_path / "no" / "where"), [])


def test_a_file_with_what_is_expected(tmp_path):
    (tmp_path / "rules").write_text("red = dax\n? red red = dax dax\n? = ma\n", encoding="utf-8")
    rules, questions = read_expected(str(tmp_path / "rules"))
    assert [rule[:2] for rule in rules] == [("red", "dax"), ("?", "ma")]
    assert questions == [Rule("red red", "dax dax", f"line 2 of {tmp_path}/rules")]
    (tmp_path / "only").write_text("red red = dax dax\n", encoding="utf-8")
    assert read_expected(str(tmp_path / "only")) == ([], read_rules(str(tmp_path / "only")))
