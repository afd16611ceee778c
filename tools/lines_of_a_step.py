"""What there is to read to follow one training step, from the YAML to updated weights: lines by file.

    python tools/lines_of_a_step.py [--config configs/cpu.yaml]

A step of train.py is taken under a profiler: the plain one, which the fast ones stand beside, and the second, when
tables that are made once are there. Counted are the functions of the project that it runs, whole, with their
docstrings; of their classes the head and the fields; the keys of a run and of its languages; train.py and the YAML
from end to end.
"""

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType

from metatrans_lab.config import read_config
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.training.prepare import prepare

sys.path.append(str(ROOT))  # train.py is a script: no package has it
import train

CLASSES = {
    "metatrans_lab/config/keys.py": ("Stage", "TrainingConfig"),
    "dataset_script/families/contract.py": ("Language",),
}
"""Their fields are what the YAML sets."""


def functions_of(step: Callable[[], object]) -> set[CodeType]:
    """The project's functions that a call runs."""
    found = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT) and ".venv" not in path.parts:
            found.add(frame.f_code)

    sys.setprofile(note)
    try:
        step()
    finally:
        sys.setprofile(None)
    return found


def lines_of(node: ast.ClassDef | ast.FunctionDef) -> set[int]:
    """Of a definition, its decorators included."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return set(range(first, (node.end_lineno or node.lineno) + 1))


def lines_to_read(text: str, starts: set[int], classes: tuple[str, ...]) -> set[int]:
    """Lines of a file: its functions that hold one of the `starts`, the bodies of their classes, and of `classes`."""
    lines: set[int] = set()
    written = text.splitlines()

    def visit(node: ast.AST, inside: ast.ClassDef | None) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                if child.name in classes:
                    add_body(child)
                visit(child, child)
            elif isinstance(child, ast.FunctionDef) and starts & lines_of(child):
                lines.update(lines_of(child))
                if inside is not None:
                    add_body(inside)

    def add_body(of: ast.ClassDef) -> None:
        methods = [child for child in of.body if isinstance(child, ast.FunctionDef)]
        body = lines_of(of).difference(*map(lines_of, methods))
        lines.update(n for n in body if written[n - 1].strip())

    visit(ast.parse(text), None)
    return lines


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default=str(ROOT / "configs" / "cpu.yaml"))
    config = parser.parse_args(arguments).config
    training = prepare(read_config(config, {"num_parts": "1", "mixed_precision": "no"}), num_threads=1, cpu=True)
    training.step(train.plain_step)  # tables that are made once are there after the first
    starts = defaultdict(set)
    for code in functions_of(lambda: training.step(train.plain_step)):
        starts[str(Path(code.co_filename).relative_to(ROOT))].add(code.co_firstlineno)
    del starts[str(Path(__file__).resolve().relative_to(ROOT))]
    rows = {str(Path(path).resolve().relative_to(ROOT)): Path(path).read_text() for path in (config, train.__file__)}
    lines = {path: len(text.splitlines()) for path, text in rows.items()}
    for path in sorted((starts | CLASSES).keys() - rows.keys()):
        rows[path] = (ROOT / path).read_text()
        lines[path] = len(lines_to_read(rows[path], starts[path], CLASSES.get(path, ())))
    for path, text in rows.items():
        print(f"{lines[path]:>5} of {len(text.splitlines()):>4}  {path}")
    print(f"{sum(lines.values()):>5} lines, in {len(rows)} files")


if __name__ == "__main__":
    main(sys.argv[1:])
