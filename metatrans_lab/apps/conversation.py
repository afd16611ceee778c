"""Translating in the shell: rules and questions, line by line, and the two answers to a question: the exact one, and
that of a model beside it.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from metatrans_lab.apps.asked import Asked
from metatrans_lab.apps.files import write_rules
from metatrans_lab.apps.printing import (
    basis,
    in_words,
    print_answer,
    print_facts,
    print_json,
    print_model,
    sure_of,
    visible,
    words_of,
)
from metatrans_lab.errors import UserError
from metatrans_lab.exact.learned import learned, with_examples
from metatrans_lab.exact.translator import ExactTranslator
from modeling_metalstm.errors_metalstm import TranslationError
from modeling_metalstm.rules_metalstm import COMMENT, Rule, read_lines, read_question

T = TypeVar("T")

HELP = """\
  red = dax     a rule: a sentence, =, and its translation (or →, ->, a tab)
  blue red      a question: what is it in your words? (or: blue red = ?)
  :rules        what your rules have taught, and how surely
  :list         the rules so far
  :undo         takes the last rule back; :remove 2 the second, :clear all
  :reverse      asks the other way: from your words; once more, back again; :reverse dax asks that alone
  :save FILE    writes the rules
  :quit         ends, as Ctrl-D does"""

RULE_MARKS = ("=", "→", "->", "\t", "⇒", "↦", "↔", " – ", " — ")
"""A line with one of them is a rule; with a comma or a colon alone it is a question."""

WORDS_FOR = {"quit": ":quit", "exit": ":quit", "help": ":help"}
"""Commands that people write without the colon; unless they are words of the rules."""


def parse_rule(text: str) -> Rule:
    """'blue red = wif dax' → ('blue red', 'wif dax').

    Raises:
        UserError: it isn't one rule.
    """
    rules = _in_a_sentence(lambda: read_lines(text))
    if len(rules) != 1:
        raise UserError(f'an example is written "SOURCE = TARGET", got {text!r}')
    return rules[0]


@dataclass
class Conversation:
    """Rules, and questions about them.

    Args:
        model: a model's name, as of `Asked`; None: none is asked.
        settings: `num_bindings`, `separator` and `exact`, as of `TranslatorSession`.
        rules: sentences with their translations.
        reverse: ask for the sentence, given its translation.
    """

    model: str | None
    trust_remote_code: bool = False
    settings: dict = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    reverse: bool = False

    def __post_init__(self) -> None:
        self._asked = None if self.model is None else Asked(self.model, self.trust_remote_code, **self.settings)
        self.exact = self._learn(self.rules) if self.rules else None

    def _learn(self, rules: Sequence[Rule]) -> ExactTranslator:
        """The exact translator of rules that can all be right.

        Raises:
            UserError: some can't be read, or can't all be right.
        """

        def learn() -> ExactTranslator:
            translator = ExactTranslator(
                [rule[:2] for rule in rules], self.settings.get("separator"), self.settings.get("exact", False)
            )
            _ = translator.understanding
            return translator

        return _in_a_sentence(learn)

    def _take_rules(self, rules: list[Rule]) -> None:
        """Goes on with these rules; if they can't all be right, those before stay."""
        self.exact = self._learn(rules) if rules else None
        self.rules = rules

    def clear(self) -> None:
        """Takes all rules back."""
        self._take_rules([])

    def add(self, rule: Rule) -> None:
        """Adds a rule; if it can't be added, the rules stay as they are."""
        self._take_rules([*self.rules, rule])

    def remove(self, number: int) -> None:
        """Takes a rule back, by its number, from 1; −1 is the last."""
        if not self.rules:
            raise UserError("there is no rule to take back")
        if not 1 <= number <= len(self.rules) and number != -1:
            raise UserError(f"there is no rule {number}; there are {len(self.rules)}")
        index = len(self.rules) - 1 if number == -1 else number - 1
        self._take_rules(self.rules[:index] + self.rules[index + 1 :])

    def ask(self, sentence: str) -> dict:
        """The exact answer to a question.

        Returns:
            source, translation_text, probability, is_settled, others (each a translation_text and a probability),
            words (each as of `Word`, but its example counted from 1), ask, left_out (the numbers,
            from 1, of examples that don't fit) and changed_at (an example's number or None), is_complete, is_exact,
            told (None, or of an example that doesn't fit and has this sentence its number and translation_text),
            is_other_way (its words stand on the other side alone), read_as;
            and model and model_note, which `ask_model` sets.

        Raises:
            UserError: there are no rules, or it can't be translated.
        """
        exact = self.exact
        if exact is None:
            raise UserError("there are no rules yet; write one, such as: red = dax")
        translation = _in_a_sentence(lambda: exact.back(sentence) if self.reverse else exact(sentence))
        understanding, told = exact.understanding, None
        if translation.told is not None:
            told = {"example": translation.told + 1, "translation_text": exact.rules[translation.told][1]}
        return {
            "source": sentence,
            "translation_text": translation.text,
            "probability": translation.probability,
            "is_settled": translation.is_settled,
            "others": [{"translation_text": text, "probability": p} for text, p in translation.others],
            "words": [
                word._asdict() | {"example": None if word.example is None else word.example + 1}
                for word in translation.words
            ],
            "ask": translation.ask,
            "left_out": [number + 1 for number in understanding.left_out],
            "changed_at": understanding.changed + 1 if understanding.changed else None,
            "is_complete": translation.is_complete,
            "is_exact": translation.is_exact,
            "told": told,
            "is_other_way": translation.is_other_way,
            "read_as": exact.read_as,
            "model": None,
            "model_note": None,
        }

    def ask_model(self, answer: dict) -> None:
        """Sets in an answer what the model says to the same question, or a note why it can't."""
        if self._asked is None or self.exact is None:
            return
        try:
            pairs = [rule[:2] for rule in self.rules]
            answer["model"] = self._asked.say(self.exact, pairs, answer["source"], self.reverse)
        except TranslationError as error:
            name = self._asked.who(self.exact)
            answer["model_note"] = f"{name} can't say: {str(error)[:1].lower()}{str(error)[1:]}".rstrip(".")
            answer["model_note"] += _who_has_room(error) if self.exact.is_in_place else ""

    def known(self) -> str:
        """The number of rules and words so far, in words, and what doesn't fit."""
        if self.exact is None:
            return "no rules"
        words = len(set(self.exact.sides.words(int(self.exact.is_turned))))
        known = f"{len(self.rules)} rule{'s' * (len(self.rules) != 1)}, {words} word{'s' * (words != 1)}"
        understanding = self.exact.understanding
        if understanding.left_out:
            known += (
                f"; left out, as no language known here has all: {in_words([n + 1 for n in understanding.left_out])}"
            )
        if understanding.changed:
            known += f"; the rules changed at rule {understanding.changed + 1}"
        return known

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
                command = None if line is None else self._command(line.strip())
                if line is None or command in (":quit", ":q"):
                    break
                num_asked += self._take(line.strip("\r\n ") if command is None else command, as_json)
            except UserError as error:
                for sentence in str(error).split("\n"):
                    print(f"metatrans: {sentence}", file=sys.stderr, flush=True)
                failed += 1
            except KeyboardInterrupt:
                if not typed():
                    raise
                print()
        if not num_asked and not failed and not typed():
            raise UserError("there is nothing to translate; give a sentence, or lines of rules and questions")
        return failed

    def _command(self, text: str) -> str | None:
        """The command that a line is; None, if it is none."""
        if text in WORDS_FOR:
            known = self.exact is not None and text in self.exact.sides.source.written
            return None if known else WORDS_FOR[text]
        is_command = text.startswith(":") and text[1:].split(" ")[0].isalpha() and "=" not in text
        return text if is_command or text == "?" else None

    def _take(self, text: str, as_json: bool) -> bool:
        """Does what a line says; returns whether it asked for something, as a rule or an empty line doesn't."""
        said: Callable[[str], None] = print if typed() else lambda _: None  # a pipe gets answers alone
        if not text.strip() or COMMENT.match(text.strip()):
            return False
        command = self._command(text.strip())
        if command is not None:
            self._obey(command, said, as_json)
            return True
        question = read_question(text)
        if any(mark in question for mark in RULE_MARKS):
            try:
                self.add(parse_rule(text))
            except UserError as error:
                raise UserError(f"{error}\nthe rule was not taken" if typed() else str(error)) from error
            said(self.known())
            return False
        self.show(question, as_json)
        return True

    def _obey(self, command: str, said: Callable[[str], None], as_json: bool) -> None:
        name, _, argument = command.partition(" ")
        if name in (":help", ":h", "?"):
            print(HELP)
        elif name == ":list":
            for number, rule in enumerate(self.rules, 1):
                print(f"{number:>3}  {visible(rule.source)} = {visible(rule.target)}")
            said(self.known())
        elif name in (":undo", ":remove"):
            if argument and not argument.strip().isdecimal():
                raise UserError(f"{name} takes a rule's number, got {argument!r}; :list shows them")
            self.remove(int(argument) if argument else -1)
            said(self.known())
        elif name == ":clear":
            self.clear()
            said(self.known())
        elif name == ":reverse" and argument.strip():
            self.reverse = not self.reverse
            try:
                self.show(argument.strip(), as_json)
            finally:
                self.reverse = not self.reverse
        elif name == ":reverse":
            self.reverse = not self.reverse
            said("from your words" if self.reverse else "into your words")
        elif name == ":save":
            if not argument.strip():
                raise UserError(":save takes a file's name")
            write_rules(argument.strip(), self.rules)
            said(f"{len(self.rules)} rules in {argument.strip()}")
        elif name == ":rules":
            self.show_facts(as_json)
        else:
            raise UserError(f"there is no command {name}; :help lists them")

    def show(self, question: str, as_json: bool) -> dict:
        """Answers a question, and prints the answer; gives it."""
        answer = self.ask(question)
        if as_json:
            self.ask_model(answer)
            print_json(answer)
        else:
            print_answer(answer)
            self.ask_model(answer)
            print_model(answer)
        return answer

    def show_facts(self, as_json: bool) -> None:
        """Prints what was learned."""
        if self.exact is None:
            raise UserError("there are no rules yet; write one, such as: red = dax")
        belief = self.exact.understanding.belief
        facts = with_examples(learned(belief), belief, self.exact.sides.examples)
        names = self.exact.sides.source.written
        if not as_json:
            understanding = self.exact.understanding
            changed_at = understanding.changed + 1 if understanding.changed else None
            by = basis([number + 1 for number in understanding.left_out], changed_at, belief.is_exact)
            print_facts(facts, names, self.exact.read_as, by)
            return
        print_json(
            [
                {
                    "kind": fact.kind,
                    "of": names.get(fact.of, fact.of),
                    "values": [{"value": value, "probability": p} for value, p in fact.values],
                    "settled_by": None if fact.settled_by is None else fact.settled_by + 1,
                }
                for fact in facts
            ]
        )


def check(conversation: Conversation, expected: Sequence[Rule], as_json: bool) -> int:
    """Compares answers with those expected, prints each that differs, and how many do; returns that number.

    Raises:
        UserError: a sentence can't be translated.
    """
    differ = 0
    for rule in expected:
        source, target = (rule.target, rule.source) if conversation.reverse else (rule.source, rule.target)
        answer = conversation.ask(source)
        if answer["is_other_way"]:  # in a puzzle's file sentences may stand on the other side than in its rules
            source, target = target, source
            answer = conversation.ask(source)
        if words_of(answer["translation_text"]) == words_of(target) and answer["is_settled"]:
            continue
        differ += 1
        if as_json:
            print_json({**answer, "expected": target, "where": rule.where})
        else:
            said = visible(answer["translation_text"])
            open_ = "" if answer["is_settled"] else f", {sure_of(answer)}"
            print(f"{rule.where}: {visible(source)} = {said}{open_}, expected {visible(target)}")
    if not as_json:
        print(f"{len(expected) - differ} of {len(expected)} as expected")
    return differ


def _in_a_sentence(work: Callable[[], T]) -> T:
    """The result of the work; errors about the translation become UserErrors."""
    try:
        return work()
    except TranslationError as error:
        raise UserError(str(error)) from error


def _who_has_room(error: Exception) -> str:
    """The models of ours that take as many words as a `TooManyWordsError` says there are, as a sentence; "" else."""
    number = getattr(error, "number", None)
    if number is None:
        return ""
    from metatrans_lab.model_names import who_has_room

    return who_has_room(number)


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
