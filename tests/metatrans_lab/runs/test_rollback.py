import json
from types import SimpleNamespace

import pytest
import torch

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.errors import TrainingError
from metatrans_lab.runs.checkpoints import PROGRESS_KEYS, save_checkpoint
from metatrans_lab.runs.log import RunLog
from metatrans_lab.runs.rollback import roll_back
from metatrans_lab.runs.storage import Storage

WHY = ArithmeticError("a loss of nan")


class Lost:
    """A training at step 35 whose numbers have gone wrong."""

    def __init__(self, max_rollbacks: int = 3, rollbacks: int = 0, is_main: bool = True):
        self.config = TrainingConfig(max_rollbacks=max_rollbacks)
        self.accelerator = SimpleNamespace(is_main_process=is_main)
        self.num_done, self.train_seconds, self.rollbacks, self.rolled_back_to = 35, 9.0, rollbacks, None

    def roll_back(self, weights: dict, state: dict, progress: dict) -> None:
        self.num_done = self.rolled_back_to = progress["step"]
        self.rollbacks += 1


@pytest.fixture
def storage(tmp_path) -> Storage:
    for step in (10, 20, 30):
        progress = dict.fromkeys(PROGRESS_KEYS, 1) | {"step": step}
        save_checkpoint(tmp_path, step, {"a": torch.ones(1)}, {}, progress, keep=9)
    return Storage(tmp_path, "stop")


def new_log(storage: Storage) -> RunLog:
    log = RunLog(storage, TrainingConfig(), 1)
    log.lines = [{"step": step} for step in (10, 20, 30, 35)]
    return log


def names(storage: Storage) -> list[str]:
    return sorted(path.name for path in storage.path.glob("checkpoint-*"))


def test_it_goes_back_to_the_last_one(storage, capsys):
    training, log = Lost(), new_log(storage)
    roll_back(training, WHY, storage, log)
    assert (training.num_done, training.rollbacks) == (30, 1)
    assert capsys.readouterr().err == (
        "train.py: the numbers have gone wrong (a loss of nan); going on from checkpoint-30 with the learning rates "
        "times 0.5\n"
    )
    lines = list(map(json.loads, (storage.path / "log.jsonl").read_text().splitlines()))
    assert lines == log.lines
    assert lines[3:] == [{"step": 30, "rolled_back_from": 35, "learning_rate_factor": 0.5}]


def test_if_that_was_spoilt_it_goes_back_further_and_sets_it_aside(storage):
    training, log = Lost(), new_log(storage)
    roll_back(training, WHY, storage, log)
    roll_back(training, WHY, storage, log)
    assert training.num_done == 20 and names(storage) == ["checkpoint-10", "checkpoint-20", "checkpoint-30.aside"]
    assert log.lines[-1] == {"step": 20, "rolled_back_from": 30, "learning_rate_factor": 0.25}


def test_other_processes_leave_the_folder_alone(storage):
    training, log = Lost(is_main=False), new_log(storage)
    training.rolled_back_to = 30
    roll_back(training, WHY, storage, log)
    assert training.num_done == 20 and names(storage) == ["checkpoint-10", "checkpoint-20", "checkpoint-30"]
    assert not (storage.path / "log.jsonl").exists()


@pytest.mark.parametrize(
    "training, sentence",
    [
        (Lost(0), "the numbers have gone wrong (a loss of nan), and going back is not allowed (max_rollbacks)"),
        (Lost(2, rollbacks=2), "after 2 times back to a checkpoint is not allowed (max_rollbacks)"),
    ],
)
def test_it_goes_back_no_more_often_than_it_may(storage, training, sentence):
    with pytest.raises(TrainingError) as error:
        roll_back(training, WHY, storage, new_log(storage))
    assert sentence in str(error.value) and training.num_done == 35


def test_without_a_checkpoint_there_is_no_way_back(tmp_path):
    storage = Storage(tmp_path, "stop")
    with pytest.raises(TrainingError, match="has no checkpoint to resume from; lower the learning rates, or set save"):
        roll_back(Lost(), WHY, storage, new_log(storage))
