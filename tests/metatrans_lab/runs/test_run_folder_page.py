"""docs/run-folder.md describes every key that a run writes, and no other."""

import json
import re
from pathlib import Path

from metatrans_lab.runs.storage import read_log

from .test_log import at, make_log

PAGE = (Path(__file__).parents[3] / "docs" / "run-folder.md").read_text()
FEW = ("--num_steps", "10", "--decay_steps", "2", "--eval_every", "5", "--save_every", "0")


def described(title: str) -> dict[str, str]:
    """The keys in the tables below a title, and what stands beside each."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.M)
    assert len(rows) == len(dict(rows))
    return dict(rows)


def kinds(line: dict) -> str:
    """What a line of the log is about, in the page's words."""
    return "training" if "loss" in line else "evaluations" if "eval_loss" in line else "going back"


def test_every_key_of_the_log_is_described_and_no_other(train, tmp_path):
    train(*FEW)
    lines = read_log(Path("outputs/tiny"))
    log = make_log(tmp_path / "outputs/tiny")  # what a sound run doesn't write
    log.training(at(20, spoilt_steps=1), {"loss": 1.0})
    log.rollback(20, 25, 0.5)
    lines += log.lines
    written: dict[str, set[str]] = {}
    for line in lines:
        for key in line:
            written.setdefault(key, set()).add(kinds(line))
    assert sorted(described("log.jsonl")) == sorted(written)
    for key, about in written.items():
        said = described("log.jsonl")[key]
        assert about == ({"training", "evaluations", "going back"} if said == "all" else set(said.split(", "))), key


def test_every_key_of_the_results_is_described_and_no_other(train):
    grammar = {"family": "grammar", "num_nouns": 2, "num_verbs": 2, "num_adjectives": 1, "num_pairs": 3}
    grammar |= {"num_source_words": 7, "num_target_words": 9, "held_out_structures": 0.1}
    train(*FEW, "--language", json.dumps(grammar), "--curriculum", "[{}]")
    results = json.loads(Path("outputs/tiny/results.json").read_text())
    assert sorted(described("results.json")) == sorted(results)
    inner = {*results["reliability"], *results["timing"], *next(iter(results["groups"].values()))}
    assert not {key for key in inner if f"`{key}`" not in PAGE}
    assert results["seen_structures"].keys() <= results.keys()


def test_every_file_of_a_run_is_in_the_table(train):
    train(*FEW[:-1], "5", "--hub_dataset_id", "ada/metatrans")
    table = PAGE.split("\n## ")[0]
    for path in Path("outputs/tiny").iterdir():
        name = re.sub(r"checkpoint-\d+", "checkpoint-STEP/", path.name)
        told = name in table or path.suffix == ".py" or name.startswith("tokenizer")
        assert told or name in ("generation_config.json", "chat_template.jinja"), name
