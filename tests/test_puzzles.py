"""examples/puzzles: rows that are what `metatrans puzzle` makes, and a task that reads them."""

import json
from pathlib import Path

import pytest
import yaml

from metatrans_lab.puzzles.checking import check, read_puzzles
from metatrans_lab.puzzles.levels import LEVELS, Wanted
from metatrans_lab.puzzles.making import make
from metatrans_lab.puzzles.writing import text_of

NUM_PUZZLES = 100
FOLDER = Path(__file__).parents[1] / "examples" / "puzzles"


def rows(level: int) -> list[dict]:
    return [json.loads(line) for line in (FOLDER / f"level-{level}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("level", LEVELS)
def test_puzzles_of_a_level(level):
    found = rows(level)
    assert len({row["seed"] for row in found}) == NUM_PUZZLES
    assert len({row["id"] for row in found}) == len(found)
    assert {row["level"] for row in found} == {level}
    assert all(row["prompt"].endswith(f"{row['question']} =") for row in found)


@pytest.mark.parametrize("level", [1, 2])
def test_a_seed_makes_its_rows_again(level):
    seed = rows(level)[0]["seed"]
    own = [row for row in rows(level) if row["seed"] == seed]
    made = [json.loads(line) for line in text_of([make(Wanted(level, seed))], "jsonl").splitlines()]
    assert [row | {"version": ""} for row in made] == [row | {"version": ""} for row in own]


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_every_question_is_settled_and_no_example_is_superfluous(level):
    path = FOLDER / f"level-{level}.jsonl"
    reports = [check(given) for given in read_puzzles(path.read_text(), path.name)]
    assert len(reports) == NUM_PUZZLES
    assert all(report.is_solvable and not report.superfluous for report in reports)


def test_the_task_names_the_files_and_their_columns():
    task = yaml.safe_load((FOLDER / "puzzles.yaml").read_text())
    assert all((FOLDER / name).is_file() for name in task["dataset_kwargs"]["data_files"])
    assert (
        {task["doc_to_text"], task["doc_to_target"]}
        == {"{{prompt}}", "{{answer}}"}
        <= {f"{{{{{column}}}}}" for column in rows(1)[0]}
    )
