"""What a page brings along: languages to start from, and puzzles, as a script."""

import json

from metatrans_lab.apps.demo.ready_made import READY_MADE
from metatrans_lab.puzzles.levels import Wanted
from metatrans_lab.puzzles.making import make
from metatrans_lab.puzzles.writing import as_json

LEVELS, PUZZLES = (1, 2, 3), 6
"""Of the puzzles, and how many of each: they are made anew for each page, the same ones."""

SHOWN = ("level", "language", "examples", "questions", "hints", "reasoning")
"""What the page shows of a puzzle."""


def languages_script() -> str:
    """A classic script that sets `metatrans.starts` and `metatrans.puzzles`."""
    starts = [
        {
            "name": name,
            "rules": "\n".join(f"{source} = {target}" for source, target in start.rules),
            "question": start.question,
        }
        for name, start in READY_MADE.items()
    ]
    made = [as_json(make(Wanted(level, f"page-{n}"))) for level in LEVELS for n in range(PUZZLES)]
    puzzles = [{name: puzzle[name] for name in SHOWN} for puzzle in made]
    return script(f"metatrans.starts = {json.dumps(starts)};\n  metatrans.puzzles = {json.dumps(puzzles)};")


def script(statements: str) -> str:
    """A classic script of statements about the page's `metatrans`."""
    return (
        f'(() => {{\n  "use strict";\n  const metatrans = (globalThis.metatrans ??= {{}});\n  {statements}\n}})();\n'
    )
