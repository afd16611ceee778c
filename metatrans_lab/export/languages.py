"""What a page brings along: languages to start from, and puzzles, as a script."""

import json

from metatrans_lab.apps.demo.ready_made import READY_MADE
from metatrans_lab.puzzles.levels import LEVELS, Wanted
from metatrans_lab.puzzles.making import make
from metatrans_lab.puzzles.writing import as_json

SHOWN_LEVELS, PUZZLES = (1, 2, 3), 6
"""Of the puzzles, and how many of each: they are made anew for each page, the same ones."""

SHOWN = ("level", "language", "introduction", "examples", "questions", "hints", "reasoning")
"""What the page shows of a puzzle."""


def languages_script() -> str:
    """A classic script that sets `metatrans.starts`, `metatrans.levels` and `metatrans.puzzles`."""
    starts = [
        {
            "name": name,
            "rules": "\n".join(f"{source} = {target}" for source, target in start.rules),
            "question": start.question,
        }
        for name, start in READY_MADE.items()
    ]
    made = [as_json(make(Wanted(level, f"page-{n}"))) for level in SHOWN_LEVELS for n in range(PUZZLES)]
    puzzles = [{name: puzzle[name] for name in SHOWN} for puzzle in made]
    levels = {level: LEVELS[level].says for level in SHOWN_LEVELS}
    values = {"starts": starts, "levels": levels, "puzzles": puzzles}
    return script("\n  ".join(f"metatrans.{name} = {json.dumps(value)};" for name, value in values.items()))


def script(statements: str) -> str:
    """A classic script of statements about the page's `metatrans`."""
    return (
        f'(() => {{\n  "use strict";\n  const metatrans = (globalThis.metatrans ??= {{}});\n  {statements}\n}})();\n'
    )
