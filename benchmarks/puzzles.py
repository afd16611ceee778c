"""How long `metatrans puzzle` takes to make a puzzle, by level; each is then checked again, from its text alone.

    python benchmarks/puzzles.py [--puzzles 1000] [--levels 1 2 3 4 5] [--quick] [--output DIR]

Of each level: seconds a puzzle, the number of its examples, how many puzzles had a question without exactly one answer
or an example that was superfluous, which are to be none, and how many had one that is superfluous for whoever is told
which words are nouns, verbs and adjectives, as all who know English are.
"""

import os
import statistics
import sys
import time

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

from metatrans_lab.errors import UserError
from metatrans_lab.exact.readings import CLASS_NAMES
from metatrans_lab.experiments.benchmarks import argument_parser, complete, report
from metatrans_lab.experiments.goals import figure
from metatrans_lab.puzzles.checking import Given, check, read_puzzles
from metatrans_lab.puzzles.levels import LEVELS, Wanted
from metatrans_lab.puzzles.making import Puzzle, make
from metatrans_lab.puzzles.settled import INTO, Asked
from metatrans_lab.puzzles.writing import text_of


def measure(level: int, number: int) -> dict:
    """What came of so many puzzles of a level."""
    seconds, sizes, failed, open_ones, superfluous, with_classes = [], [], 0, 0, 0, []
    for seed in range(number):
        start = time.perf_counter()
        try:
            puzzle = make(Wanted(level, f"benchmark {seed}"))
        except UserError:
            failed += 1
            continue
        seconds.append(time.perf_counter() - start)
        sizes.append(len(puzzle.examples))
        (given,) = read_puzzles(text_of([puzzle], "json"), "the puzzle")
        found = check(given)
        open_ones += not found.is_solvable
        superfluous += bool(found.superfluous)
        if puzzle.language.is_grammar and not puzzle.language.is_joined:
            with_classes.append(bool(check(classed(puzzle)).superfluous))
    return {
        "seconds": seconds,
        "examples": sizes,
        "failed": failed,
        "not settled": open_ones,
        "superfluous": superfluous,
        "superfluous, classes being known": sum(with_classes),
        "of": len(with_classes),
    }


def classed(puzzle: Puzzle) -> Given:
    """A puzzle whose English words say their classes; of its questions those into the language."""
    classes = puzzle.language.invented.classes

    def write(text: str) -> str:
        return " ".join(f"{word}:{CLASS_NAMES[classes[word]]}" for word in text.replace("-s", " s").split())

    examples = tuple((write(source), target) for source, target in puzzle.examples)
    into = [question for question in puzzle.questions if question.direction == INTO]
    return Given("", examples, tuple(Asked(write(question.text), INTO, None) for question in into))


def main(arguments: list[str]) -> None:
    parser = argument_parser(__doc__ or "", rounds=1)
    parser.add_argument("--puzzles", type=int, default=1000, help="of each level, 1000 if not given")
    parser.add_argument("--levels", type=int, nargs="+", choices=LEVELS, default=[*LEVELS], help="all if not given")
    options = complete(parser.parse_args(arguments))
    number, levels = (2, [1]) if options.quick else (options.puzzles, options.levels)
    results, figures = {}, []
    for level in levels:
        result = results[f"level {level}"] = measure(level, number)
        late = statistics.quantiles(result["seconds"], n=20, method="inclusive")[-1]
        fewest, most = min(result["examples"]), max(result["examples"])
        known = f"{result['superfluous, classes being known']} of {result['of']} if classes are known"
        print(
            f"level {level}: {len(result['seconds']):,} puzzles of {fewest} to {most} examples; {result['failed']} not "
            f"found; {result['not settled']} with an open question; {result['superfluous']} with a superfluous example, "
            f"{known}",
            flush=True,
        )
        figures.append(figure(f"seconds a puzzle of level {level}", result["seconds"], unit="s", lower=True))
        figures.append(
            figure(f"the same, of the slowest twentieth the fastest, level {level}", [late], unit="s", lower=True)
        )
    wrong = [float(one["not settled"] + one["superfluous"]) for one in results.values()]
    figures.append(figure("puzzles that a check finds fault with, by level", wrong, 0, lower=True))
    report("puzzles", options, figures, results)


if __name__ == "__main__":
    main(sys.argv[1:])
