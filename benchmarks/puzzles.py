"""How long `metatrans puzzle` takes to make a puzzle, by level; each is then checked again, from its text alone, and
by going through all languages where these aren't too many.

    python benchmarks/puzzles.py [--puzzles 1000] [--levels 1 2 3 4 5] [--first_seed 0] [--lines FILE] [--quick]
        [--output DIR]

Of each level: seconds of one core a puzzle; the number of its examples; how many puzzles had a question without one
answer, or a superfluous example, which are to be none; how many were gone through all languages for, and how many of
these gave another answer to a question into the language; and how many had an example that is superfluous for whoever
is told which words are nouns, verbs and adjectives, as all who know English are.

With --lines every puzzle's measurements are a line of that file as soon as they are there, and those that are in it
already, of the same version, aren't made again: a long run can be broken off, and done in pieces.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

from metatrans_lab import __version__
from metatrans_lab.errors import UserError
from metatrans_lab.exact.readings import CLASS_NAMES
from metatrans_lab.experiments.benchmarks import argument_parser, complete, report
from metatrans_lab.experiments.goals import figure
from metatrans_lab.puzzles.checking import Given, check, read_puzzles
from metatrans_lab.puzzles.enumerating import agrees
from metatrans_lab.puzzles.levels import LEVELS, Wanted
from metatrans_lab.puzzles.making import Puzzle, make
from metatrans_lab.puzzles.settled import INTO, Asked
from metatrans_lab.puzzles.writing import text_of


def measured(level: int, seeds: Iterable[int], lines: Path | None) -> list[dict]:
    """What came of a level's puzzles, one of each seed; those that a file has are read.

    Args:
        lines: the file, to which the others are added; None: there is none.
    """
    known = {}
    if lines is not None and lines.exists():
        rows = [json.loads(line) for line in lines.read_text().splitlines()]
        known = {row["seed"]: row for row in rows if (row["level"], row["version"]) == (level, __version__)}
    found = []
    for seed in seeds:
        row = known.get(seed)
        if row is None:
            row = {"version": __version__, "level": level, "seed": seed, **measure(level, seed)}
            if lines is not None:
                with lines.open("a") as file:
                    file.write(json.dumps(row) + "\n")
        found.append(row)
    return found


def measure(level: int, seed: int) -> dict:
    """What came of one puzzle: no seconds, if none was found; None where something couldn't be asked."""
    start = time.process_time()
    try:
        puzzle = make(Wanted(level, f"benchmark {seed}"))
    except UserError:
        return {"seconds": None}
    seconds = time.process_time() - start
    (given,) = read_puzzles(text_of([puzzle], "json"), "the puzzle")
    found = check(given)
    says_classes = puzzle.language.is_grammar and not puzzle.language.is_joined
    return {
        "seconds": seconds,
        "examples": len(puzzle.examples),
        "is_settled": found.is_solvable,
        "superfluous": len(found.superfluous),
        "all_languages_agree": agrees(puzzle),
        "superfluous_with_classes": len(check(classed(puzzle)).superfluous) if says_classes else None,
    }


def told(level: int, rows: list[dict]) -> str:
    """A level's puzzles in a sentence."""
    made = [row for row in rows if row["seconds"] is not None]
    sizes = [row["examples"] for row in made]
    with_classes = [row["superfluous_with_classes"] for row in made if row["superfluous_with_classes"] is not None]
    confirmed = [row["all_languages_agree"] for row in made if row["all_languages_agree"] is not None]
    parts = (
        f"level {level}: {len(made):,} puzzles of {min(sizes)} to {max(sizes)} examples",
        f"{len(rows) - len(made)} not found",
        f"{sum(not row['is_settled'] for row in made)} with an open question",
        f"{sum(row['superfluous'] > 0 for row in made)} with a superfluous example",
        f"{sum(one > 0 for one in with_classes)} of {len(with_classes)} if classes are known",
        f"all languages gone through for {len(confirmed):,}, {confirmed.count(False)} with another answer",
    )
    return "; ".join(parts)


def faults(row: dict) -> int:
    """What a check finds wrong with a puzzle."""
    return (not row["is_settled"]) + (row["superfluous"] > 0) + (row["all_languages_agree"] is False)


def classed(puzzle: Puzzle) -> Given:
    """A puzzle whose English words say their classes."""
    classes = puzzle.language.invented.classes

    def write(text: str) -> str:
        return " ".join(f"{word}:{CLASS_NAMES[classes[word]]}" for word in text.replace("-s", " s").split())

    examples = tuple((write(source), target) for source, target in puzzle.examples)
    asked = (
        Asked(write(question.text) if question.direction == INTO else question.text, question.direction, None)
        for question in puzzle.questions
    )
    return Given("", examples, tuple(asked))


def main(arguments: list[str]) -> None:
    parser = argument_parser(__doc__ or "", rounds=1)
    parser.add_argument("--puzzles", type=int, default=1000, help="of each level, 1000 if not given")
    parser.add_argument("--levels", type=int, nargs="+", choices=LEVELS, default=[*LEVELS], help="all if not given")
    parser.add_argument("--first_seed", type=int, default=0, help="of them the first one's, 0 if not given")
    parser.add_argument("--lines", type=Path, help="file of JSON lines, one a puzzle, to go on with")
    options = complete(parser.parse_args(arguments))
    if options.puzzles < 1:
        parser.error(f"puzzles must be at least 1, got {options.puzzles}")
    number, levels = (2, [1]) if options.quick else (options.puzzles, options.levels)
    results, figures, wrong = {}, [], []
    for level in levels:
        rows = measured(level, range(options.first_seed, options.first_seed + number), options.lines)
        made = [row for row in rows if row["seconds"] is not None]
        results[f"level {level}"] = rows
        if not made:
            print(f"level {level}: none of {len(rows)} puzzles was found")
            continue
        print(told(level, rows), flush=True)
        seconds = [row["seconds"] for row in made]
        late = statistics.quantiles(seconds, n=20, method="inclusive")[-1] if len(made) > 1 else seconds[0]
        figures.append(figure(f"seconds of one core a puzzle, level {level}", seconds, unit="s", lower=True))
        figures.append(
            figure(f"the same, of the slowest twentieth the fastest, level {level}", [late], unit="s", lower=True)
        )
        wrong.append(float(sum(map(faults, made))))
    if wrong:
        # The most, as a median would hide one.
        figures.append(
            figure("puzzles that a check finds fault with, of the worst level", [max(wrong)], 0, lower=True)
        )
    del options.lines  # where the file was is of that machine alone
    report("puzzles", options, figures, results)


if __name__ == "__main__":
    main(sys.argv[1:])
