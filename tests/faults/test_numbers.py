"""Numbers gone wrong: left out, or the run goes back; a NaN is never saved."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from metatrans_lab.errors import TrainingError
from metatrans_lab.runs.checkpoints import ASIDE, list_checkpoints, load_checkpoint
from metatrans_lab.runs.signals import StopSignal
from metatrans_lab.training.training import MAX_BAD_STEPS, Training

SETTINGS = ("--save_every", "5", "--eval_every", "0", "--log_every", "1", "--name", "run")


def lines() -> list[dict]:
    return [json.loads(line) for line in Path("outputs/run/log.jsonl").read_text().splitlines()]


def all_finite() -> bool:
    """Of every checkpoint, and of the model if there is one."""
    folder = Path("outputs/run")
    found = [load_checkpoint(path)[0] for path in list_checkpoints(folder)]
    if (folder / "model.safetensors").is_file():
        found.append(load_file(folder / "model.safetensors"))
    return all(tensor.isfinite().all() for weights in found for tensor in weights.values())


def spoil(monkeypatch, steps, value: float, times: int = 1):
    """Has the gradients of these steps contain a value, in the first `times` runs through each."""
    real, seen = Training.step, {}

    def step(self, take):
        number = self.num_done
        seen[number] = seen.get(number, 0) + 1
        if number not in steps or seen[number] > times:
            return real(self, take)
        parameter = max(self.model.parameters(), key=torch.numel)

        def spoil_one(parameter):
            parameter.grad.view(-1)[7].fill_(value)

        handle = parameter.register_post_accumulate_grad_hook(spoil_one)
        try:
            return real(self, take)
        finally:
            handle.remove()

    monkeypatch.setattr(Training, "step", step)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_spoilt_gradients_are_left_out(train, monkeypatch, survives, value, optimizer):
    spoil(monkeypatch, {3, 11, 12, 30}, value)
    assert train(*SETTINGS, "--optimizer", optimizer) == 0
    left_out = [line.get("spoilt_steps", 0) for line in lines() if "loss" in line][-1]
    assert all_finite() and math.isfinite(json.loads(Path("outputs/run/results.json").read_text())["target_nll"])
    survives("gradients that are NaN or infinite: left out", 4, left_out, "these steps' gradients")


def test_looking_for_them_changes_no_bit(train):
    """Without clipping, a step's gradients are as they were."""
    settings = (*SETTINGS, "--max_grad_norm", "null")
    train(*settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accelerate.Accelerator.clip_grad_norm_", lambda *_: torch.ones(()))
        train(*settings, "--name", "other")
    one, other = (Path(f"outputs/{name}/model.safetensors").read_bytes() for name in ("run", "other"))
    assert one == other


def test_many_in_a_row_go_back_to_the_last_checkpoint(train, monkeypatch, capfd, survives):
    step = 12 + MAX_BAD_STEPS
    spoil(monkeypatch, range(12, step), math.nan)
    assert train(*SETTINGS) == 0
    # In the midst of bad steps nothing is saved.
    event = {"step": 10, "rolled_back_from": step, "learning_rate_factor": 0.5}
    assert event in lines() and all_finite()
    said = capfd.readouterr().err
    assert f"in a row up to step {step}, the last with gradients that are not finite" in said
    assert "going on from checkpoint-10 with the learning rates times 0.5" in said
    steps = [line["step"] for line in lines() if "loss" in line]
    went_on = steps == list(range(1, 41))
    survives("bad steps without end: back to the last checkpoint, with half the rates", 1, int(went_on))


def explode(monkeypatch, at: int, times: int, factor: float = math.nan):
    """Has the weights be multiplied after a step, as by an update that went too far, so many times."""
    real, left = Training.step, [times]

    def step(self, take):
        def exploding(training):
            sums = take(training)
            if training.num_done == at and left[0]:
                left[0] -= 1
                with torch.no_grad():
                    for parameter in training.model.parameters():
                        parameter.mul_(factor)
            return sums

        return real(self, exploding)

    monkeypatch.setattr(Training, "step", step)


@pytest.mark.parametrize("at", [7, 14, 38, 39])
def test_weights_that_are_nan_are_never_saved(train, monkeypatch, survives, at):
    explode(monkeypatch, at, times=1)
    assert train(*SETTINGS) == 0
    events = [line for line in lines() if "rolled_back_from" in line]
    assert len(events) == 1
    survives("weights that are NaN: never saved, back to the last checkpoint", 1, int(all_finite()))


@pytest.mark.parametrize("at, goes_back_to", [(17, [15]), (14, [15, 10])])
def test_losses_beyond_hope(train, monkeypatch, survives, at, goes_back_to):
    """A checkpoint that was saved just before anybody could know is passed over the second time."""
    explode(monkeypatch, at, times=1, factor=1e4)
    assert train(*SETTINGS) == 0
    assert [line["step"] for line in lines() if "rolled_back_from" in line] == goes_back_to[-1:]
    learnt = [line["loss"] for line in lines() if "loss" in line][-1] < 3
    assert bool(list(Path("outputs/run").glob(f"checkpoint-*{ASIDE}"))) == (len(goes_back_to) == 2)
    survives("weights that explode: back to a checkpoint that is sound", 1, int(learnt))


@pytest.mark.parametrize("rate, ends_well", [("30", True), ("3000", False)])
def test_rates_that_are_too_high(train, rate, ends_well):
    """A real divergence, of Adam: what was never sound can't be gone back to, and that is said."""
    arguments = (*SETTINGS, "--optimizer", "adam", "--learning_rate", rate, "--max_rollbacks", "20")
    if ends_well:
        assert train(*arguments) == 0
    else:
        with pytest.raises(TrainingError, match="lower the learning rates"):
            train(*arguments)
    assert all_finite() and Path("outputs/run/results.json").exists() == ends_well


@pytest.mark.parametrize(
    "save_every, words", [("5", r"after 2 times back to a checkpoint"), ("0", "no checkpoint to")]
)
def test_a_run_that_can_not_be_saved_says_so(train, monkeypatch, survives, save_every, words):
    explode(monkeypatch, 12, times=99)
    with pytest.raises(TrainingError, match=words) as error:
        train(*SETTINGS, "--save_every", save_every, "--max_rollbacks", "2")
    assert not Path("outputs/run/results.json").exists() and all_finite()
    in_a_line = "\n" not in str(error.value)
    survives("numbers gone wrong again and again: it ends, with a sentence and exit code 1", 1, int(in_a_line))


def test_what_a_rollback_changed_survives_a_resumption(train):
    """The lower rates and the log, to the bit."""

    def run(name: str, *more: str, stops_at: int = -1) -> int:
        with pytest.MonkeyPatch.context() as patch:
            explode(patch, 7, times=1)
            signals = iter([15 if done == stops_at else 0 for done in range(100)])
            patch.setattr(StopSignal, "came_anywhere", lambda self, accelerator: next(signals))
            return train(*SETTINGS, "--name", name, *more)

    assert run("whole") == 0 and run("run", stops_at=25) == 143
    assert run("run", "--resume_from_checkpoint", "latest") == 0
    whole, resumed = (Path(f"outputs/{name}/model.safetensors").read_bytes() for name in ("whole", "run"))
    assert whole == resumed and [line for line in lines() if "rolled_back_from" in line]
