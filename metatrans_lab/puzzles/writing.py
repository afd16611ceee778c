"""Puzzles as Markdown, as JSON, and as rows of a data set: a question each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from metatrans_lab import __version__
from metatrans_lab.puzzles.levels import LEVELS
from metatrans_lab.puzzles.making import Puzzle
from metatrans_lab.puzzles.reasoning import all_steps, hints, last_settled, reasoning
from metatrans_lab.puzzles.settled import INTO

PROMPT = """Here are sentences of {name}, a made-up language, with their translations into English. \
{premises}They settle the question: it has exactly one answer.

{examples}

Translate into {to}. Answer with the translation alone, written as in the examples.

{question} ="""
"""What a language model is asked."""


def title(puzzle: Puzzle) -> str:
    return f"{puzzle.name}: a puzzle of level {puzzle.wanted.level}, {LEVELS[puzzle.wanted.level].says}"


def introduction(puzzle: Puzzle) -> str:
    """What a reader has to know."""
    text = (
        f"{puzzle.name} is a made-up language. Below are sentences in English with their translations. They settle "
        "every question: each has exactly one answer, and no example is superfluous."
    )
    return " ".join([text, *premises(puzzle)])


def premises(puzzle: Puzzle) -> list[str]:
    """What is taken for granted, in sentences."""
    if not puzzle.language.is_grammar:
        return []
    found = ["All its sentences go by the same rules: one without an object is as one with it, less the object."]
    if "affixes" in puzzle.language.phenomena and not puzzle.language.is_joined:
        found.append("A hyphen divides a word from what is put to it.")
    return found


def into(puzzle: Puzzle) -> list[int]:
    """The numbers, from 0, of the questions into the language; the others are out of it, and follow."""
    return [number for number, question in enumerate(puzzle.questions) if question.direction == INTO]


def made_by(puzzle: Puzzle) -> str:
    """The command that makes the puzzle again."""
    wanted = puzzle.wanted
    options = {
        "--phenomena": None if wanted.phenomena is None else ",".join(wanted.phenomena),
        "--words": wanted.words,
        "--examples": wanted.examples,
        "--sounds": wanted.sounds,
    }
    changed = "".join(f" {name} {value}" for name, value in options.items() if value is not None)
    seed = wanted.seed if wanted.seed.replace("-", "").isalnum() else json.dumps(wanted.seed, ensure_ascii=False)
    return f"metatrans puzzle --level {wanted.level} --seed {seed}{changed}"


def markdown(puzzle: Puzzle) -> str:
    """A page of Markdown, with hints and the key folded."""
    count = len(into(puzzle))
    asked = [f"{number}. {question.text}" for number, question in enumerate(puzzle.questions, 1)]
    lines = [f"# {title(puzzle)}", "", introduction(puzzle), ""]
    lines += ["| | English | " + puzzle.name + " |", "|--:|---|---|"]
    lines += [f"| {n} | {source} | {target} |" for n, (source, target) in enumerate(puzzle.examples, 1)]
    lines += ["", f"**Translate into {puzzle.name}.**", "", *asked[:count], ""]
    if asked[count:]:
        lines += ["**Translate into English.**", "", *asked[count:], ""]
    lines += ["<details><summary>Hints</summary>", "", *(f"- {hint}" for hint in hints(puzzle)), "", "</details>", ""]
    lines += ["<details><summary>Key</summary>", ""]
    why = reasoning(puzzle)
    for number, (question, steps) in enumerate(zip(puzzle.questions, why, strict=True), 1):
        settled = last_settled(steps)
        lines.append(f"{number}. {question.text} = **{question.answer}**{f' ({settled})' if settled else ''}")
    lines += ["", "Words and rules, and the examples that settle them, read one after the other:", ""]
    lines += [f"- {step.text}" for step in all_steps(why)]
    lines += ["", "</details>", "", f"*Made again by* `{made_by(puzzle)}` *(metatrans {__version__}).*", ""]
    return "\n".join(lines)


def as_json(puzzle: Puzzle) -> dict[str, Any]:
    """Everything of a puzzle as plain values, with examples counted from 1."""
    return {
        "version": __version__,
        "level": puzzle.wanted.level,
        "seed": puzzle.wanted.seed,
        "made_by": made_by(puzzle),
        "language": puzzle.name,
        "introduction": introduction(puzzle),
        "phenomena": list(puzzle.language.phenomena),
        "sounds": puzzle.sounds,
        "hyphens": not puzzle.language.is_joined,
        "examples": [{"source": source, "target": target} for source, target in puzzle.examples],
        "questions": [
            {
                "question": question.text,
                "direction": question.direction,
                "answer": question.answer,
                "probability": 1.0,
            }
            for question in puzzle.questions
        ],
        "hints": hints(puzzle),
        "reasoning": [
            [
                {
                    "text": step.text,
                    "says": step.says,
                    "examples": [number + 1 for number in step.examples],
                    "settled_by": None if step.settled_by is None else step.settled_by + 1,
                }
                for step in steps
            ]
            for steps in reasoning(puzzle)
        ],
    }


def rows(puzzle: Puzzle) -> Iterator[dict[str, Any]]:
    """Rows of a data set, a question each."""
    examples = "\n".join(f"{source} = {target}" for source, target in puzzle.examples)
    turned = "\n".join(f"{target} = {source}" for source, target in puzzle.examples)
    for number, question in enumerate(puzzle.questions, 1):
        is_into = question.direction == INTO
        yield {
            "id": f"{puzzle.wanted.level}/{puzzle.wanted.seed}/{number}",
            "level": puzzle.wanted.level,
            "seed": puzzle.wanted.seed,
            "phenomena": list(puzzle.language.phenomena),
            "examples": [list(example) for example in puzzle.examples],
            "direction": question.direction,
            "question": question.text,
            "answer": question.answer,
            "probability": 1.0,
            "prompt": PROMPT.format(
                name=puzzle.name,
                premises="".join(f"{premise} " for premise in premises(puzzle)),
                examples=examples if is_into else turned,
                to=puzzle.name if is_into else "English",
                question=question.text,
            ),
            "version": __version__,
        }


def text_of(puzzles: Sequence[Puzzle], form: str) -> str:
    """Puzzles as one text: `markdown`, `json` (a list of several) or `jsonl`."""
    if form == "markdown":
        return "\n---\n\n".join(map(markdown, puzzles))
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for puzzle in puzzles for row in rows(puzzle))
    values = [as_json(puzzle) for puzzle in puzzles]
    return json.dumps(values[0] if len(values) == 1 else values, ensure_ascii=False, indent=1) + "\n"
