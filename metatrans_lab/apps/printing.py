"""How answers, and what was learned, are printed in a shell."""

import itertools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from metatrans_lab.exact.answers import CERTAIN
from metatrans_lab.exact.learned import Fact
from modeling_metalstm.rules_metalstm import UNKNOWN_WORD
from modeling_metalstm.spelling_metalstm import Spelling

MAX_OTHERS = 5
"""Other translations that are printed; the rest is counted."""

LEAST = 0.01
"""Translations less probable than this aren't printed one by one."""

NEARLY = 0.95
"""At this probability it isn't worth a line what else could be asked."""


def prints(text: str) -> bool:
    """Whether stdout's encoding has all of a text's characters."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def visible(text: str) -> str:
    """The text with its control characters escaped, so that a terminal doesn't obey them."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def percent(probability: float) -> str:
    """A probability as text: "certain" for 1, and never "100%" for less."""
    if probability >= CERTAIN:
        return "certain"
    probability = round(probability, 9)  # a half, to rounding, is one
    return f"{min(probability, 0.9999):.2%}" if probability > 0.99 else f"{probability:.0%}"


def in_words(numbers: Sequence[int]) -> str:
    """'1', '1 and 2', '1, 2 and 5 to 9'."""
    parts: list[str] = []
    for _, run in itertools.groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0]):
        of_run = [number for _, number in run]
        parts += [f"{of_run[0]} to {of_run[-1]}"] if len(of_run) > 2 else map(str, of_run)
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def words_of(text: str) -> list[str]:
    """A text's words, without capitals and the marks around them: texts that differ in these alone say the same."""
    spelling = Spelling()
    return [spelling.key(word) for word in spelling.split(text)]


OTHER_WAY = "its words stand on the other side: ask the other way"


def how_sure(
    probability: float, is_settled: bool, is_complete: bool, is_exact: bool, by_others: str, is_other_way: bool = False
) -> str:
    """How sure an answer is, in words: certain if nothing else is possible by all examples.

    Args:
        probability, is_settled, is_complete, is_exact, is_other_way: as of `Translation`.
        by_others: what to say of an answer that is certain but for examples that were left out; "" if none were.
    """
    if is_other_way:
        return OTHER_WAY
    if not probability:
        return "no sentence of these rules"
    if probability < CERTAIN or is_settled:
        return percent(probability)
    if not is_complete:
        return "not all of it is known"
    return by_others if is_exact and by_others else "nearly certain"


def by_others(left_out: Sequence[str], changed_at: str | None, examples: str = "examples") -> str:
    """What is said of an answer that is certain but for examples that were left out; "" if none were.

    Args:
        left_out: each of them, such as "example 3". changed_at: the first since a change of rules, or None.
        examples: what they are called.
    """
    if changed_at is not None:
        return f"certain, if the rules changed at {changed_at}"
    if len(left_out) == 1:
        return f"certain, if {left_out[0]} is wrong"
    return f"as the other {examples} have it, without {len(left_out)} of yours" if left_out else ""


def sure_of(answer: dict) -> str:
    """How sure an answer is, as of `Conversation.ask`, in words."""
    changed_at = None if answer["changed_at"] is None else f"example {answer['changed_at']}"
    others = by_others([f"example {number}" for number in answer["left_out"]], changed_at)
    kinds = {name: answer[name] for name in ("probability", "is_settled", "is_complete", "is_exact", "is_other_way")}
    return how_sure(**kinds, by_others=others)


def _in_colour(stream: TextIO) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def paint(text: str, code: str) -> str:
    """The text in a colour, where colours are shown."""
    return f"\x1b[{code}m{text}\x1b[0m" if _in_colour(sys.stdout) else text


def print_json(result: Any) -> None:
    """One line of JSON, in ASCII where stdout hasn't all characters."""
    text = json.dumps(result, ensure_ascii=False)
    print(text if prints(text) else json.dumps(result), flush=True)


def print_answer(answer: dict) -> None:
    """Prints the exact answer: the translation, what it hangs on, what else it may be, what would tell.

    Args:
        answer: as of `Conversation.ask`.
    """
    settled = answer["is_settled"]
    if answer["read_as"]:
        print(paint(f"  read so that {visible(answer['read_as'])}", "2"))
    print(f"{paint(visible(answer['translation_text']), '1')}   {paint(sure_of(answer), '32' if settled else '33')}")
    if answer["is_other_way"]:
        print("  --reverse asks out of your words, and :reverse in a conversation; once more, back again", flush=True)
        return
    width = max((len(visible(word["source"])) for word in answer["words"]), default=0)
    arrow = "→" if prints("→") else "->"
    for word in answer["words"]:
        source, target = visible(word["source"]) or "(a particle)", visible(word["target"] or "")
        note = f"example {word['example']}"
        if word["example"] is None:
            note = "no example translates it" if word["source"] or word["target"] == UNKNOWN_WORD else ""
        says = f"  {source:<{width}}" + (f" {arrow} {target}" if target else "")
        print(f"{says}   {paint(note, '33' if word['example'] is None else '2')}".rstrip())
    others = [other for other in answer["others"] if other["probability"] >= LEAST]
    for other in others[:MAX_OTHERS]:
        print(f"  or {visible(other['translation_text'])}   {percent(other['probability'])}")
    rest = sum(other["probability"] for other in answer["others"]) - sum(o["probability"] for o in others[:MAX_OTHERS])
    if rest >= LEAST:
        print(f"  or something else   {percent(rest)}")
    if answer["ask"] is not None and answer["probability"] < NEARLY:
        print(f"  most would tell: {visible(answer['ask'])} = ?")
    if answer["told"] is not None:
        told = answer["told"]
        print(paint(f"  but example {told['example']}, left out, has it as {visible(told['translation_text'])}", "33"))
    if answer["left_out"]:
        numbers = in_words(answer["left_out"])
        which = f"example {numbers} was" if len(answer["left_out"]) == 1 else f"examples {numbers} were"
        print(paint(f"  {which} left out: no language that is known here has all of them beside the others", "33"))
    if answer["changed_at"] is not None:
        print(paint(f"  the rules changed at example {answer['changed_at']}; those before it were left out", "33"))
    if not answer["is_exact"]:
        print(paint("  too much is possible to weigh it all: these are the odds among the most probable", "33"))
    sys.stdout.flush()


def print_model(answer: dict) -> None:
    """Prints what the model says, beside the exact answer.

    Args:
        answer: as of `Conversation.ask`, with the model's.
    """
    model = answer["model"]
    if model is None:
        if answer["model_note"]:
            print(f"  {visible(answer['model_note'])}", flush=True)
        return
    sure = percent(min(word["probability"] for word in model["words"]))
    if words_of(model["translation_text"]) == words_of(answer["translation_text"]):
        # How sure it is of what the examples leave open would only mislead.
        print(f"  {model['name']} says the same{f': {sure}' if answer['is_settled'] else ''}", flush=True)
        return
    wrong = " which the examples rule out" if answer["is_settled"] else ""
    said = f"  {model['name']} says {visible(model['translation_text'])}: {sure}{',' if wrong else ''}{wrong}"
    print(paint(said, "31" if wrong else "33"), flush=True)


FAMILIES = {
    "lexicon": "a word for a word, in place",
    "order": "a word for a word, in another order",
    "grammar": "a grammar",
    "repetition": "words that repeat others",
}
"""What languages of a family are."""

SWITCHES = {
    "order: order": "order of the words",
    "grammar: order": "order of subject, verb and object",
    "grammar: adjective": "adjectives, of their nouns",
    "grammar: article": "the article",
    "grammar: plural": "the plural",
    "grammar: subject_particle": "a particle of the subject",
    "grammar: object_particle": "a particle of the object",
    "grammar: particle_of": "particles stand beside a",
}
"""What switches say."""


def basis(left_out: Sequence[int], changed_at: int | None, is_exact: bool, name: str = "example") -> str:
    """What it is that facts hold by, in words; "" if that is all that is possible by all examples.

    Args:
        left_out, changed_at, is_exact: as of `Conversation.ask`. name: of an example.
    """
    if changed_at is not None:
        return f"since the rules changed at {name} {changed_at}"
    if left_out:
        one = len(left_out) == 1
        which = f"{name} {in_words(left_out)}, which fits" if one else f"{name}s {in_words(left_out)}, which fit"
        return f"without {which} no language known here"
    return "" if is_exact else "of what is most probable, as too much is possible to weigh it all"


def told(fact: Fact, names: Mapping[str, str], by_all: bool = True) -> tuple[str, list[str]]:
    """A fact in words: what it is of, and its most probable values.

    Args:
        names: of words, by their keys, how they are written.
        by_all: does it hold by all examples? If not, nothing is called certain.
    """
    if fact.kind == "family":
        head, values = "the language", FAMILIES
    elif fact.kind == "switch":
        head, values = SWITCHES.get(fact.of, fact.of.partition(": ")[2].replace("_", " ")), {"dropped": "not said"}
    else:
        head, values = f"{fact.kind} {names.get(fact.of, fact.of)}", {"": "not said"}
    likely = [pair for pair in fact.values[:3] if pair[1] >= LEAST]
    sure = [percent(probability) if by_all or probability < CERTAIN else "" for _, probability in likely]
    return head, [f"{values.get(value, value)} {odds}".rstrip() for (value, _), odds in zip(likely, sure, strict=True)]


def print_facts(facts: Sequence[Fact], names: Mapping[str, str], read_as: str = "", by: str = "") -> None:
    """Prints what was learned: of each fact that is likely the most probable values, and what settled it.

    Args:
        names: of words, by their keys, how they are written.
        read_as: as of `ExactTranslator`. by: as of `basis`.
    """
    if read_as:
        print(paint(f"  read so that {visible(read_as)}", "2"))
    if by:
        print(paint(f"  {by}:", "33"))
    for fact in facts:
        if fact.is_likely:
            head, values = told(fact, names, by_all=not by)
            settled = "" if fact.settled_by is None else f"   (example {fact.settled_by + 1})"
            print(f"  {visible(head)}: {visible(', '.join(values))}{settled}")
    sys.stdout.flush()
