"""A run goes on from a checkpoint that was saved before the config had all its keys of today."""

import json
from pathlib import Path

import pytest

from metatrans_lab.errors import UserError

from ...checksums import reseal

RUN = Path("outputs/tiny")
RESUME = ("--resume_from_checkpoint", "latest")


@pytest.fixture
def edited(train):
    """`edited(edit)` makes a run, and edits the config that its last checkpoint has."""

    def make(edit, *arguments: str) -> None:
        train("--save_every", "30", "--eval_every", "0", *arguments)
        checkpoint = RUN / "checkpoint-30"
        (RUN / "checkpoint-40").rename("later")
        progress = json.loads((checkpoint / "progress.json").read_text())
        edit(progress["config"])
        (checkpoint / "progress.json").write_text(json.dumps(progress))
        reseal(checkpoint)

    return make


def without_some_keys(config: dict) -> None:
    """As saved before these existed; the tiny config has all of them at their defaults."""
    for key in ("read_every", "gradient_accumulation_steps", "weight_decay"):
        del config[key]
    for stage in config["curriculum"]:
        stage.pop("until_accuracy")


def test_a_run_that_was_begun_before_a_key_existed_goes_on_to_the_same_end(train, edited):
    edited(without_some_keys)
    before = (RUN / "model.safetensors").read_bytes()
    (RUN / "model.safetensors").unlink()
    assert train("--save_every", "30", "--eval_every", "0", *RESUME) == 0
    assert (RUN / "model.safetensors").read_bytes() == before
    config = json.loads((RUN / "results.json").read_text())["config"]
    assert (config["read_every"], config["weight_decay"]) == (1, 0.0)


@pytest.mark.parametrize(
    "key, sentence",
    [
        ("max_grad_norm", "its max_grad_norm is None, not 1.0"),
        ("loss_on", "its loss_on is 'all', not 'targets'"),
        ("language", "its language is {}, not {'num_pairs': 4, "),
    ],
)
def test_a_key_that_did_not_exist_yet_is_not_set_on_the_way(train, edited, key, sentence):
    edited(lambda config: config.pop(key))
    files = {path: path.stat().st_mtime_ns for path in RUN.rglob("*")}
    with pytest.raises(UserError) as error:
        train(*RESUME)
    assert str(error.value).startswith(f"the checkpoint is of another run: {sentence}")
    assert {path: path.stat().st_mtime_ns for path in RUN.rglob("*")} == files


def test_knobs_of_the_language_that_did_not_exist_yet(train, edited):
    edited(lambda config: config["language"].update(num_active_words=None))
    assert train(*RESUME) == 0


def test_a_key_that_is_no_longer_known_is_refused(train, edited):
    edited(lambda config: config.update(momentum=0.5))
    with pytest.raises(UserError, match="it has a key 'momentum', which this version of metatrans doesn't know"):
        train(*RESUME)
