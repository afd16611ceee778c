"""Puzzles as one HTML file: to be solved on paper, or on a screen of any width; the keys are on pages of their own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from metatrans_lab.puzzles.levels import LEVELS
from metatrans_lab.puzzles.making import Puzzle
from metatrans_lab.puzzles.reasoning import all_steps, hints, last_settled, reasoning
from metatrans_lab.puzzles.writing import into, introduction, made_by

STYLE = """
@page { size: A4; margin: 18mm 20mm; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 1.5rem 1.25rem 3rem; background: #fff; color: #1a1a1a;
  font: 1.05rem/1.5 Georgia, "Noto Serif", "DejaVu Serif", serif; }
header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem;
  border-bottom: 2px solid #1a1a1a; }
h1, h2 { font-weight: 600; line-height: 1.2; margin: 0; }
h1 { font-size: 1.9rem; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; }
header p { margin: 0; font-style: italic; text-align: right; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
td { padding: .3rem .7rem .3rem 0; vertical-align: baseline; border-bottom: 1px solid #ddd; }
td:first-child { width: 2rem; color: #666; }
td:nth-child(2) { width: 46%; }
.foreign, td:nth-child(3) { font-weight: 600; }
ol { padding-left: 1.8rem; margin: .2rem 0; }
.asked li { margin-bottom: .7rem; break-inside: avoid; }
.line { display: block; height: 1.7rem; border-bottom: 1px solid #888; }
.key > li { margin-bottom: .7rem; break-inside: avoid; }
.key small { display: block; color: #555; font-style: italic; }
.why { columns: 2; column-gap: 2rem; padding-left: 1.1rem; font-size: .88rem; line-height: 1.4; }
.why li { break-inside: avoid; margin-bottom: .25rem; }
.hints { font-size: .9rem; margin-top: 1.8rem; }
.hints ul { margin: .3rem 0; padding-left: 1.1rem; }
.turned { display: none; }
footer { margin-top: 1.2rem; font-size: .75rem; color: #666; overflow-wrap: anywhere; }
section + section { break-before: page; border-top: 1px dashed #aaa; margin-top: 3rem; padding-top: 2rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 11.5pt; }
  .asked li { margin-bottom: .35rem; }
  .line { height: 1.45rem; }
  h2 { margin-top: 1.1rem; }
  .key > li { margin-bottom: .4rem; }
  .why { font-size: 8.5pt; line-height: 1.3; }
  section + section { border: 0; margin: 0; padding: 0; }
  .hints { display: none; }
  .turned { display: block; transform: rotate(180deg); font-size: 8.5pt; line-height: 1.35; color: #444;
    margin-top: 1rem; break-inside: avoid; }
}
@media (max-width: 480px) {
  body { padding: 1rem .9rem 2rem; font-size: 1rem; }
  header { display: block; }
  header p { text-align: left; }
  .why { columns: 1; }
  td { display: block; border: 0; padding: 0; width: auto; }
  td:nth-child(2) { width: auto; }
  tr { display: grid; grid-template-columns: 1.8rem 1fr; padding: .35rem 0; border-bottom: 1px solid #ddd; }
  td:nth-child(3) { grid-column: 2; }
}
"""


def html(puzzles: Sequence[Puzzle]) -> str:
    """One file: the puzzles, then their keys, each on a page of its own."""
    names = ", ".join(puzzle.name for puzzle in puzzles[:3]) + (" …" if len(puzzles) > 3 else "")
    sections = [*map(_puzzle, puzzles), *map(_key, puzzles)]
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(names)}: linguistic puzzles</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            *sections,
            "</body>\n</html>\n",
        ]
    )


def _text(sentence: str) -> str:
    """A sentence, whose hyphens end no line."""
    return escape(sentence).replace("-", "&#8288;-&#8288;")


def _head(puzzle: Puzzle, text: str) -> str:
    level = f"level {puzzle.wanted.level}: {LEVELS[puzzle.wanted.level].says}"
    return f"<header><h1>{escape(text)}</h1><p>{escape(level)}</p></header>"


def _puzzle(puzzle: Puzzle) -> str:
    examples = "\n".join(
        f"<tr><td>{number}</td><td>{_text(source)}</td><td>{_text(target)}</td></tr>"
        for number, (source, target) in enumerate(puzzle.examples, 1)
    )
    count = len(into(puzzle))
    hinted = "".join(f"<li>{escape(hint)}</li>" for hint in hints(puzzle))
    parts = [
        "<section>",
        _head(puzzle, puzzle.name),
        f"<p>{escape(introduction(puzzle))}</p>",
        f"<table>\n{examples}\n</table>",
        *_asked(puzzle, 0, count, f"Translate into {puzzle.name}"),
        *_asked(puzzle, count, len(puzzle.questions), "Translate into English"),
        f'<details class="hints"><summary>Hints</summary><ul>{hinted}</ul></details>',
        f'<div class="turned">Hints<ul>{hinted}</ul></div>',
        "</section>",
    ]
    return "\n".join(parts)


def _asked(puzzle: Puzzle, first: int, last: int, head: str) -> list[str]:
    """Questions by their numbers, from `first` to before `last`, with room for the answers."""
    questions = puzzle.questions[first:last]
    if not questions:
        return []
    foreign = ' class="foreign"' if first else ""
    items = "\n".join(
        f'<li><span{foreign}>{_text(question.text)}</span><span class="line"></span></li>' for question in questions
    )
    return [f"<h2>{escape(head)}</h2>", f'<ol class="asked" start="{first + 1}">\n{items}\n</ol>']


def _key(puzzle: Puzzle) -> str:
    items, why = [], reasoning(puzzle)
    for question, steps in zip(puzzle.questions, why, strict=True):
        answer = f'<span class="foreign">{_text(question.answer or "")}</span>'
        items.append(f"<li>{_text(question.text)} = {answer}<small>{escape(last_settled(steps))}</small></li>")
    parts = [
        "<section>",
        _head(puzzle, f"{puzzle.name}: key"),
        '<ol class="key">',
        *items,
        "</ol>",
        "<h2>Words and rules, and the examples that settle them</h2>",
        '<ul class="why">',
        *(f"<li>{escape(step.text)}</li>" for step in all_steps(why)),
        "</ul>",
        f"<footer>Made again by <code>{escape(made_by(puzzle))}</code></footer>",
        "</section>",
    ]
    return "\n".join(parts)
