"""Translating in the shell: rules from arguments, files or the keyboard; questions; and how answers are printed."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TextIO, TypeVar

from metatrans_lab.errors import UserError
from metatrans_lab.models.load import PRETRAINED, load_translator
from modeling_metalstm import InContextTranslationPipeline, TranslationError, TranslatorSession
from modeling_metalstm.errors_metalstm import TooManyWordsError
from modeling_metalstm.pipeline_metalstm import UNKNOWN_WORD

T = TypeVar("T")

MAX_FILE_BYTES = 10_000_000

HELP = """\
  red = dax     a rule: a sentence, =, and its translation
  blue red      a question: what is it in your words? (or: blue red = ?)
  :list         the rules so far
  :undo         takes the last rule back
  :quit         ends, as Ctrl-D does"""


def parse_rule(text: str) -> tuple[str, str]:
    """'blue red = wif dax' → ('blue red', 'wif dax').

    Raises:
        UserError: there is no "=", or several, or it is a question.
    """
    sides = text.split("=")
    if len(sides) != 2:
        raise UserError(f'an example is written "SOURCE = TARGET", with one =, got {text!r}')
    if sides[1].strip() == UNKNOWN_WORD:
        raise UserError(f"{text.strip()!r} is a question; an example has its translation in place of the ?")
    return sides[0].strip(), sides[1].strip()


def parse_question(text: str) -> str:
    """'blue red = ?' → 'blue red'; any other text stays as it is."""
    source, equals, target = text.partition("=")
    return source.strip() if equals and target.strip() == UNKNOWN_WORD else text


def read_rules(name: str) -> list[tuple[str, str]]:
    """The rules in a file, one a line: SOURCE = TARGET, or both with a tab between, or JSON: a pair, or an object with
    `source` and `target`.

    Args:
        name: the file's; - is standard input.

    Raises:
        UserError: it can't be read, or a line is no rule; the message has the line's number.
    """
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise UserError(f"the rules in {name} are more than {MAX_FILE_BYTES // 1_000_000} MB")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"can't read the rules {name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"the rules {name} are not UTF-8 text") from error
    rules = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rules.append(_parse_line(line))
            except UserError as error:
                raise UserError(f"line {number} of {name}: {error}") from error
    return rules


def _parse_line(line: str) -> tuple[str, str]:
    if line.lstrip().startswith(("{", "[")):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError("not JSON, though it begins like it") from error
        pair = [value.get("source"), value.get("target")] if isinstance(value, dict) else value
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(side, str) for side in pair):
            raise UserError('a rule in JSON is ["SOURCE", "TARGET"] or {"source": …, "target": …}, one a line')
        return pair[0], pair[1]
    if "\t" in line and line.count("=") != 1:
        sides = line.split("\t")
        if len(sides) != 2:
            raise UserError(f"a rule has one tab, between its sides, but this has {len(sides) - 1}")
        return sides[0].strip(), sides[1].strip()
    return parse_rule(line)


def _prints(text: str) -> bool:
    """Whether stdout's encoding has all of a text's characters."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _in_colour(stream: TextIO) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if _in_colour(sys.stdout) else text


def _visible(text: str) -> str:
    """The text with its control characters escaped, so that a terminal doesn't obey them."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def show(result: dict, as_json: bool) -> None:
    """Prints a translation and the probability of each word; or all of it as one line of JSON.

    Args:
        result: as of `TranslatorSession`.
    """
    if as_json:
        text = json.dumps(result, ensure_ascii=False)
        print(text if _prints(text) else json.dumps(result), flush=True)
        return
    print(_paint(_visible(result["translation_text"]), "1"))
    words = result["words"]
    sources, targets = ([_visible(word[side]) for word in words] for side in ("source", "target"))
    width, target_width = (max(map(len, column)) for column in (sources, targets))
    arrow, dash = ("→", "–") if _prints("→–") else ("->", "-")
    named = {word["taught"] for word in words}
    for word, source, target in zip(words, sources, targets, strict=True):
        notes = ["a guess: no example translates it"] * word["guess"]
        unnamed = word["target"] == UNKNOWN_WORD and UNKNOWN_WORD not in named
        notes += ["no word of yours fits"] * unnamed
        wrong = word["taught"] not in (None, word["target"])
        notes += [f"but example {word['example']} says {_visible(word['taught'] or '')}"] * wrong
        # A word without a name is known to be none of the user's words; the probability of that says nothing of it.
        probability = f"{dash:>7}" if unnamed else f"{word['probability']:7.2%}"
        note = _paint("; ".join(notes), "31" if wrong else "33") if notes else ""
        print(f"  {source:<{width}} {arrow} {target:<{target_width}}  {probability}   {note}".rstrip())
    sys.stdout.flush()


@dataclass
class Conversation:
    """A sequence of rules and questions, typed or from a pipe.

    Args:
        model: a model's name, as of `load_model`.
        settings: the pipeline's `num_bindings`, `separator` and `exact`.
    """

    model: str
    trust_remote_code: bool = False
    settings: dict = field(default_factory=dict)
    rules: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.translator = InContextTranslationPipeline(model=load_translator(self.model, self.trust_remote_code))
        self.session = self._teach(self.rules) if self.rules else None

    def _teach(self, rules: list[tuple[str, str]]) -> TranslatorSession:
        return _in_a_sentence(lambda: self.translator.session(rules, **self.settings))

    def add(self, rule: tuple[str, str]) -> None:
        """Adds a rule; if it can't be added, the rules stay as they are."""
        session = self.session
        if session is None:
            self.session = self._teach([rule])
        else:
            _in_a_sentence(lambda: session.add(*rule))
        self.rules.append(rule)

    def undo(self) -> None:
        """Takes the last rule back."""
        if not self.rules:
            raise UserError("there is no rule to take back")
        self.rules.pop()
        self.session = self._teach(self.rules) if self.rules else None

    def ask(self, sentence: str) -> dict:
        """A translation, as of `TranslatorSession`."""
        session = self.session
        if session is None:
            raise UserError("there are no rules yet; write one, such as: red = dax")
        return _in_a_sentence(lambda: session(sentence))

    def known(self) -> str:
        """The numbers of rules and words so far, in words."""
        if self.session is None:
            return "no rules"
        words, room = len(self.session.lesson.lexicon), self.session.lesson.num_source_words
        return f"{len(self.rules)} rule{'s' * (len(self.rules) != 1)}, {words} of at most {room} words"

    def run(self, lines: Iterator[str], as_json: bool) -> int:
        """Takes rules, questions and commands, a line each, until they end; returns how many of them failed. At a
        keyboard, Ctrl-C abandons the line or its answer, and nothing else.

        Raises:
            UserError: lines from a pipe asked for nothing.
        """
        failed, num_asked = 0, 0
        while True:
            try:
                line = next(lines, None)
                if line is None or line.strip() in (":quit", ":q"):
                    break
                num_asked += self._take(line.strip(), as_json)
            except UserError as error:
                print(f"metatrans: {error}", file=sys.stderr, flush=True)
                failed += 1
            except KeyboardInterrupt:
                if not typed():
                    raise
                print()
        if not num_asked and not failed and not typed():
            raise UserError("there is nothing to translate; give a sentence, or lines of rules and questions")
        return failed

    def _take(self, text: str, as_json: bool) -> bool:
        """Does what a line says; returns whether it asked for something, as a rule or an empty line doesn't."""
        said: Callable[[str], None] = print if typed() else lambda _: None  # a pipe gets answers alone
        if not text:
            return False
        text = parse_question(text)
        if text in (":help", ":h", "?"):
            print(HELP)
        elif text == ":list":
            for number, (source, target) in enumerate(self.rules, 1):
                print(f"{number:>3}  {_visible(source)} = {_visible(target)}")
            said(self.known())
        elif text == ":undo":
            self.undo()
            said(self.known())
        elif text.startswith(":") and text[1:].isalpha():
            raise UserError(f"there is no command {text}; :help lists them")
        elif "=" in text:
            self.add(parse_rule(text))
            said(self.known())
            return False
        else:
            show(self.ask(text), as_json)
        return True


def _in_a_sentence(work: Callable[[], T]) -> T:
    """The result of the work; errors about the translation become UserErrors."""
    try:
        return work()
    except TooManyWordsError as error:
        raise UserError(f"{error}{who_has_room(error.number)}") from error
    except TranslationError as error:
        raise UserError(str(error)) from error


def who_has_room(number: int) -> str:
    """A sentence that names the models of ours that take so many words; "" if there is none."""
    rooms = {
        path.parent.name: json.loads(path.read_text())["num_source_words"]
        for path in sorted(PRETRAINED.glob("*/config.json"))
    }
    there = [f"{name} (of {room})" for name, room in rooms.items() if room >= number]
    return f" A model that comes with metatrans has room: {', '.join(there)}." if there else ""


def typed() -> bool:
    """Whether standard input is a terminal, where somebody types."""
    return sys.stdin is not None and sys.stdin.isatty()


def keyboard() -> Iterator[str]:
    """The lines that somebody types after a prompt, or those of the pipe."""
    if not typed():
        return iter(sys.stdin or ())
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (lines can be edited, and called back)
    return iter(_prompt, None)


def _prompt() -> str | None:
    """A typed line; None at the end of input."""
    try:
        return input("> ")
    except EOFError:
        print()
        return None
