import contextlib
import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

from metatrans_lab.apps.conversation import MAX_FILE_BYTES, Conversation, parse_rule, read_rules
from metatrans_lab.apps.shell import main
from metatrans_lab.errors import UserError


def test_a_rule_is_split_at_its_one_equals_sign():
    assert parse_rule(" red blue =dax  wif ") == ("red blue", "dax  wif")
    for text in ("red", "a = b = c"):
        with pytest.raises(UserError):
            parse_rule(text)


RULES = [("red", "dax"), ("blue red", "wif dax")]


@pytest.mark.parametrize(
    "text",
    [
        "red\tdax\n\nblue red\twif dax\n",
        "\ufeffred = dax\r\nblue red = wif dax",
        "red =\tdax\nblue red = wif dax\t\n",
        '["red", "dax"]\n{"target": "wif dax", "source": "blue red"}\n',
    ],
    ids=["TSV", "as on the command line", "aligned", "JSONL"],
)
def test_rules_in_a_file(tmp_path, monkeypatch, text):
    (tmp_path / "rules").write_bytes(text.encode())
    assert read_rules(str(tmp_path / "rules")) == RULES
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert read_rules("-") == RULES


@pytest.mark.parametrize(
    "data, message",
    [
        (b"red dax", "line 1 of FILE: an example is written"),
        (b"red = dax\na\tb\tc", "line 2 of FILE: a rule has one tab, between its sides, but this has 2"),
        (b'{"source": "red"}', "line 1 of FILE: a rule in JSON is"),
        (b"[1, 2]", "line 1 of FILE: a rule in JSON is"),
        (b"[[", "line 1 of FILE: not JSON, though it begins like it"),
        (b"[" * 100_000, "line 1 of FILE: not JSON, though it begins like it"),
        (b"\xff\xfe", "the rules FILE are not UTF-8 text"),
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


def pipe(monkeypatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))


def test_a_pipe_of_rules_and_questions(model, monkeypatch, capsys):
    pipe(monkeypatch, "red = dax\n\nblue red = wif dax\nBlue, red!\n:undo\n:list\nred\n:quit\nred = what\n")
    main(["translate", model, "--json"])
    first, listed, second = capsys.readouterr().out.splitlines()
    assert [word["taught"] for word in json.loads(first)["words"]] == ["wif", "dax"]
    assert listed == "  1  red = dax" and json.loads(second)["words"][0]["example"] == 1


def test_a_pipe_with_mistakes_goes_on_and_says_so(model, monkeypatch, capsys):
    pipe(monkeypatch, "red\nred = dax\nred = wif\n:nonsense\n:undo\n:undo\nred = lug\nred\na b c d\n")
    with pytest.raises(SystemExit) as stop:
        main(["translate", model])
    captured = capsys.readouterr()
    assert stop.value.code == 2 and "red →" in captured.out and captured.out.count("→") == 1
    errors = captured.err.splitlines()
    assert errors[0] == "metatrans: there are no rules yet; write one, such as: red = dax"
    assert errors[1].startswith("metatrans: Examples 1 and 2 disagree: 'red' is translated as 'dax' and as 'wif'")
    assert errors[2] == "metatrans: there is no command :nonsense; :help lists them"
    assert errors[3] == "metatrans: there is no rule to take back"
    assert errors[4].startswith("metatrans: This model takes at most 4 distinct source words, but the examples and")
    assert errors[4].endswith("A model that comes with metatrans has room: six-words (of 6), translator (of 64).")
    assert len(errors) == 5


@pytest.mark.parametrize("text", ["", "\n\n", "red = dax\n"])
def test_a_pipe_that_asks_nothing_is_told_what_is_missing(model, monkeypatch, capsys, text):
    pipe(monkeypatch, text)
    with pytest.raises(SystemExit) as stop:
        main(["translate", model])
    assert stop.value.code == 2 and capsys.readouterr().err.startswith("metatrans: there is nothing to translate")


def test_options_of_words(model, tmp_path, capsys):
    (tmp_path / "rules.tsv").write_text("dark red,blue\tdax,wif\n")
    rules = ["--rules", str(tmp_path / "rules.tsv"), "--separator", ",", "--json"]
    main(["translate", model, *rules, "Blue,dark  red"])
    assert [word["taught"] for word in json.loads(capsys.readouterr().out)["words"]] == ["wif", "dax"]
    main(["translate", model, *rules, "--exact", "Blue"])
    assert json.loads(capsys.readouterr().out)["words"][0]["guess"] is True


def test_control_characters_never_reach_the_terminal(model, capsys):
    main(["translate", model, "--example", "red = \x1b[31mdax", "red \x07"])
    output = capsys.readouterr().out
    assert "\x1b" not in output and "\x07" not in output and "\\x07" in output


def test_pipes_that_end_early(model):
    command = [sys.executable, "-m", "metatrans_lab.apps.shell", "translate", model]
    read, write = os.pipe()
    os.close(read)  # whoever would read has left
    done = subprocess.run(command, input=b"red = dax\nred\n", stdout=write, stderr=subprocess.PIPE, timeout=120)
    os.close(write)
    assert done.returncode == 141 and b"Traceback" not in done.stderr
    closed = subprocess.run(" ".join([*command, "<&-"]), shell=True, capture_output=True, timeout=120)
    assert closed.returncode == 2 and closed.stderr.startswith(b"metatrans: there is nothing to translate")


class Terminal:
    """A program in a terminal: what it shows, and what is typed."""

    def __init__(self, command: list[str]):
        self.master, inner = pty.openpty()
        environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"}
        self.process = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=environment,
            start_new_session=True,
            preexec_fn=self.take_the_terminal,
        )
        os.close(inner)
        self.shown = ""

    @staticmethod
    def take_the_terminal() -> None:
        """In the program, before it starts: Ctrl-C is a signal to it, whatever the tests were started by."""
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, text: str, seconds: float = 60) -> str:
        """What was shown since the last call, up to a text."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            if time.monotonic() > end or not select.select([self.master], [], [], seconds)[0]:
                raise TimeoutError(self.shown)
            self.shown += os.read(self.master, 4096).decode()
        before, _, self.shown = self.shown.partition(text)
        return before + text

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def test_in_a_terminal(model):
    terminal = Terminal([sys.executable, "-m", "metatrans_lab.apps.shell", "translate", model])
    try:
        greeting = terminal.until("\n> ")
        assert "Write rules and questions. no rules." in greeting and ":undo" in greeting
        for typed, answer in (
            ("red = dax", "1 rule, 1 of at most 4 words"),
            ("red = wif", "metatrans: Examples 1 and 2 disagree"),
            ("blue = wif", "2 rules, 2 of at most 4 words"),
            ("blue red", "→"),
            (":undo", "1 rule, 1 of at most 4 words"),
            (":list", "  1  red = dax"),
            (":help", "a question"),
        ):
            terminal.type(f"{typed}\n")
            assert answer in terminal.until("\n> ").replace("\x1b[?2004l", "")
        terminal.type("zup\n")
        assert re.search("\x1b\\[33m.*a guess", terminal.until("\n> "))  # in colour
        # Ctrl-C leaves the line, not the program. Python's readline misses one that comes just before it waits.
        for _ in range(20):
            terminal.type("zup\x03")
            with contextlib.suppress(TimeoutError):
                terminal.until("\n> ", seconds=3)
                break
        terminal.type("\x15\x04")  # clears the line, if one was missed; ends
        assert terminal.process.wait(60) == 0
    finally:
        terminal.close()


def test_interrupted_answers(model, monkeypatch):
    """Ctrl-C while it thinks leaves the answer at a keyboard, and ends it in a pipe."""
    conversation = Conversation(model)

    def interrupted(sentence):
        raise KeyboardInterrupt

    monkeypatch.setattr(conversation, "ask", interrupted)
    monkeypatch.setattr("metatrans_lab.apps.conversation.typed", lambda: True)
    assert conversation.run(iter(["red", "red = dax", "red"]), as_json=False) == 0
    assert conversation.rules == [("red", "dax")]
    monkeypatch.setattr("metatrans_lab.apps.conversation.typed", lambda: False)
    with pytest.raises(KeyboardInterrupt):
        conversation.run(iter(["red", "blue = wif"]), as_json=False)
    assert conversation.rules == [("red", "dax")]
