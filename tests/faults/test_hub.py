"""A Hub that fails under a long run, and two runs that push to one repository: training never notices."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from ..hub.hub_faults import Drop, LoseReply, Status, rate_limited
from .conftest import TINY

ROOT = Path(__file__).parents[2]
PUSH = ("--push_to_hub", "--hub_model_id", "ada/run", "--hub_strategy", "every_save", "--name", "run")
pytestmark = pytest.mark.usefixtures("our_waits")


@pytest.mark.parametrize("num_faults", [10, pytest.param(100, marks=pytest.mark.faults)])
def test_random_faults_under_a_long_run(train, hub_here, waits, survives, num_faults):
    """Of every kind, at every request; the weights are those of a run that pushed nothing."""
    length = ("--num_steps", "120", "--save_every", "5", "--eval_every", "0")
    assert train(*length, "--name", "alone") == 0
    rng, struck = random.Random(num_faults), []
    requests = (
        "POST /api/models/.*/commit/.*",
        "POST /api/models/.*/preupload/.*",
        "PUT .*",
        "POST .*batch",
        "GET .*",
    )
    for number in range(num_faults):
        kind = rng.choice([Status(500), Status(503), Status(409), rate_limited(1), Drop(bytes_read=50), LoseReply()])
        after = rng.randrange(1 + number // 2)
        struck.append(hub_here.fail(rng.choice(requests), kind, times=1, after=2 + after))
    code = train(*length, *PUSH)
    assert code in (0, 3)  # a last push may meet more faults than it has tries
    hits = sum(fault.hits for fault in struck)
    same = Path("outputs/run/model.safetensors").read_bytes() == Path("outputs/alone/model.safetensors").read_bytes()
    # One verdict on them all: had training noticed any, the weights would differ.
    survives("a request to the Hub that fails", hits, hits if same else 0)
    hub_here.heal()
    resumed = train(*length, *PUSH, "--resume_from_checkpoint", "latest")
    assert resumed == 0
    pushed = hub_here.files("ada/run", "main", "model")
    assert pushed["model.safetensors"] == Path("outputs/run/model.safetensors").read_bytes()


def test_a_token_that_expires_midway(train, hub_here, survives, capfd):
    """The run ends as it would, says so, and has exit code 3; with a new token the push is one command."""
    hub_here.fail("POST /api/models/.*/commit/.*", Status(401), times=None, after=1)
    assert train(*PUSH, "--eval_every", "0") == 3
    said = capfd.readouterr().err
    assert "was not pushed, training goes on" in said and "trained, but not pushed" in said
    assert json.loads(Path("outputs/run/results.json").read_text())["steps"] == 40
    hub_here.heal()
    HfApi().upload_folder(repo_id="ada/run", folder_path="outputs/run", ignore_patterns="checkpoint-*")
    pushed = "results.json" in hub_here.files("ada/run", "main", "model")
    survives("a token that expires midway", 1, int(pushed), "nothing; pushed later")


@pytest.mark.faults
def test_two_runs_that_push_to_one_repository(hub, tmp_path, survives):
    """Each commit is one run's as a whole, the last one's at the end; neither run fails."""
    command = [sys.executable, str(ROOT / "train.py"), "--config", str(TINY), "--num_threads", "1", *PUSH]
    command += ["--num_steps", "200", "--save_every", "5", "--eval_every", "0"]
    processes = []
    for seed in ("0", "1"):
        folder = tmp_path / seed
        folder.mkdir()
        processes.append(
            subprocess.Popen([*command, "--seed", seed], cwd=folder, env=hub.environment(), stderr=subprocess.PIPE)
        )
    said = [process.communicate(timeout=200)[1].decode() for process in processes]
    survived = sum(
        process.returncode == 0 and "Traceback" not in text for process, text in zip(processes, said, strict=True)
    )
    assert survived == 2, said
    pushed = hub.files("ada/run", "main", "model")
    own = [(tmp_path / seed / "outputs/run/model.safetensors").read_bytes() for seed in ("0", "1")]
    results = [json.loads((tmp_path / seed / "outputs/run/results.json").read_text()) for seed in ("0", "1")]
    last = own.index(pushed["model.safetensors"])
    assert json.loads(pushed["results.json"]) == results[last]
    survives("two runs that push to one repository", 2, survived)
