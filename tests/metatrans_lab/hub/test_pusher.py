import json
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
import yaml
from huggingface_hub import HfApi, ModelCard, parse_eval_result_entries
from transformers import AutoModelForCausalLM

from metatrans_lab.errors import UserError
from metatrans_lab.hub.pusher import retry
from modeling_metalstm import InContextTranslationPipeline

TOKEN = "hf_ada_writes"
REPOSITORY = "ada/tiny"
PUSH = ("--push_to_hub", "--hub_model_id", REPOSITORY, "--eval_every", "0")
pytestmark = pytest.mark.usefixtures("our_waits")


def paths(hub, revision: str = "main") -> set[str]:
    return set(hub.files(REPOSITORY, revision, "model"))


def test_the_final_folder_is_pushed_and_tagged(train, hub_here, capsys):
    assert train(*PUSH) == 0
    assert HfApi().repo_info(REPOSITORY).private is False
    found = paths(hub_here)
    assert found >= {"model.safetensors", "config.json", "README.md", "results.json", "tokenizer.json", "shots.png"}
    assert not [
        path for path in found if path.startswith("checkpoint-") or (path[0] == "." and path != ".gitattributes")
    ]
    assert paths(hub_here, "step-40") == found
    text = "".join(path.read_text(errors="ignore") for path in Path("outputs").rglob("*") if path.is_file())
    captured = capsys.readouterr()
    assert TOKEN not in text + captured.out + captured.err


def test_every_save_is_a_commit(train, hub_here):
    assert train(*PUSH, "--hub_strategy", "every_save", "--hub_private") == 0
    assert HfApi().repo_info(REPOSITORY).private is True
    titles = [commit.title for commit in HfApi().list_repo_commits(REPOSITORY)]
    assert titles[0] == "Step 40, the end of training" and "Step 10" in titles
    assert not list(Path("outputs/tiny").glob(".push-*"))


def test_the_hub_takes_the_card_with_its_data_set(train, hub_here):
    assert train(*PUSH, "--hub_dataset_id", "ada/metatrans") == 0
    data = ModelCard.load(REPOSITORY).data
    assert (data.license, data.library_name, data.pipeline_tag) == ("apache-2.0", "transformers", "translation")
    assert data.datasets == ["ada/metatrans"] and data.eval_results
    figures = yaml.safe_load(hub_here.files(REPOSITORY, "main", "model")[".eval_results/metatrans.yaml"])
    measured = {entry.task_id: entry.value for entry in parse_eval_result_entries(figures)}
    assert measured == {result.metric_type: result.metric_value for result in data.eval_results}
    assert train("--hub_dataset_id", "ada/other", "--resume_from_checkpoint", "latest") == 0
    assert ModelCard.load("outputs/tiny/README.md").data.datasets == ["ada/other"]
    assert "ada/other" in Path("outputs/tiny/.eval_results/metatrans.yaml").read_text()
    assert train("--resume_from_checkpoint", "latest") == 0
    assert not Path("outputs/tiny/.eval_results").exists()


def test_a_second_run_moves_the_tag(train, hub_here):
    assert train(*PUSH) == 0
    before = hub_here.files(REPOSITORY, "step-40", "model")["model.safetensors"]
    assert train(*PUSH, "--overwrite", "--seed", "1") == 0
    assert hub_here.files(REPOSITORY, "step-40", "model")["model.safetensors"] != before


@pytest.mark.parametrize(
    "token, repository, message",
    [
        (None, REPOSITORY, "a push needs a token: run `hf auth login`, or set HF_TOKEN"),
        ("hf_nobody", REPOSITORY, "the Hub doesn't know this token"),
        ("hf_ada_reads", REPOSITORY, "this token may not write to ada/tiny"),
        (TOKEN, "charles/tiny", "this token may not write to charles/tiny"),
        (TOKEN, "a/b/c", "a repository's name must be like user/name, got 'a/b/c'"),
    ],
)
def test_who_may_not_push_is_told_before_the_first_step(train, hub_here, monkeypatch, token, repository, message):
    monkeypatch.delenv("HF_TOKEN") if token is None else monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(UserError) as error:
        train("--push_to_hub", "--hub_model_id", repository)
    assert str(error.value).startswith(message) and not Path("outputs").exists()


def faults():
    from ...hub.hub_faults import Drop, LoseReply, Status, rate_limited

    return {
        "500": Status(500),
        "503": Status(503),
        "conflict": Status(409),
        "rate limit": rate_limited(7),
        "dropped": Drop(bytes_read=100),
        "lost answer": LoseReply(),
    }


@pytest.mark.parametrize("kind", faults())
def test_passing_faults_are_waited_out(train, hub_here, our_waits, kind):
    fault = hub_here.fail("POST /api/models/.*/commit/.*", faults()[kind], times=2)
    assert train(*PUSH) == 0
    assert fault.hits in ((1, 2) if kind == "lost answer" else (2,))
    assert "model.safetensors" in paths(hub_here)
    assert our_waits and our_waits == sorted(our_waits)
    assert kind != "rate limit" or our_waits[0] == 7


# After a lost answer the second try finds the commit there, and needs none.
@pytest.mark.parametrize("kind", sorted(faults().keys() - {"lost answer"}))
def test_lasting_faults_leave_a_complete_folder_and_code_3(train, hub_here, capsys, our_waits, kind):
    hub_here.fail("POST /api/models/.*/commit/.*", faults()[kind], times=None)
    assert train(*PUSH, "--hub_patience", "20") == 3
    assert json.loads(Path("outputs/tiny/results.json").read_text())["steps"] == 40
    error = capsys.readouterr().err
    assert error.count("; trying again, for 20 s at most") == 1
    assert "train.py: trained, but not pushed (" in error
    assert "push it later with hf upload ada/tiny outputs/tiny --exclude 'checkpoint-*'" in error
    assert sum(our_waits) <= 20 and TOKEN not in error


def test_a_hub_that_never_answers_is_given_up(train, hub_here, monkeypatch, capsys):
    from ...hub.hub_faults import Delay

    monkeypatch.setattr("metatrans_lab.hub.pusher.TIMEOUT", 0.5)
    hub_here.fail("POST /api/models/.*/commit/.*", Delay(30), times=None)
    assert train(*PUSH, "--hub_patience", "3") == 3
    assert "trained, but not pushed (" in capsys.readouterr().err
    assert json.loads(Path("outputs/tiny/results.json").read_text())["steps"] == 40


def test_a_hub_that_is_down_at_first_costs_nothing(train, hub_here, capsys):
    from ...hub.hub_faults import Status

    hub_here.fail("GET /api/whoami-v2", Status(503), times=1)
    assert train(*PUSH) == 0
    assert "hub: the Hub can't be reached yet, training goes on" in capsys.readouterr().err
    assert "model.safetensors" in paths(hub_here)


def test_a_token_that_expires_midway_is_not_tried_again(train, hub_here, our_waits, capsys):
    from ...hub.hub_faults import Status

    hub_here.fail("POST /api/models/.*/commit/.*", Status(401), times=None)
    assert train(*PUSH) == 3
    assert our_waits == [] and "trained, but not pushed" in capsys.readouterr().err


def test_a_stopped_run_stops_trying():
    stopped = Event()
    stopped.wait = lambda seconds: True

    def fail():
        raise OSError("down")

    with pytest.raises(OSError, match="down"):
        retry(fail, 1000, stopped)


STRANGER = """
import json, sys
for name in ("modeling_metalstm", "metatrans_lab", "dataset_script"):
    sys.modules[name] = None  # as where they aren't installed: importing one fails
from transformers import pipeline

translator = pipeline("in-context-translation", model="ada/tiny", revision="step-40", trust_remote_code=True)
results = translator(["a b", "b c a"], examples=[("a", "x"), ("b a", "y x")], num_bindings=3)
module = type(translator.model).__module__
print(json.dumps([results, module]))
"""


def test_a_stranger_s_process_translates_as_ours_does(train, hub_here, tmp_path):
    assert train(*PUSH) == 0
    (tmp_path / "elsewhere").mkdir()
    environment = hub_here.environment(token=None, HF_HOME=str(tmp_path / "fresh-home"))
    run = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER],
        cwd=tmp_path / "elsewhere",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    results, module = json.loads(run.stdout.splitlines()[-1])
    assert module.startswith("transformers_modules.")
    model = AutoModelForCausalLM.from_pretrained("outputs/tiny")
    ours = InContextTranslationPipeline(model=model)(
        ["a b", "b c a"], examples=[("a", "x"), ("b a", "y x")], num_bindings=3
    )
    for theirs, own in zip(results, ours, strict=True):
        assert theirs["translation_text"] == own["translation_text"]
        assert [word["probability"] for word in theirs["words"]] == pytest.approx(
            [word["probability"] for word in own["words"]], abs=1e-6
        )
