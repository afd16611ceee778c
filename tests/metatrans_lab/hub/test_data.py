import subprocess
import sys

import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard, HfApi

import dataset_script
from dataset_script.metatrans import NUM_EPISODES
from metatrans_lab.apps.shell import main

from ...hub.hub_faults import Status

REPOSITORY = "ada/metatrans"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few rows a split."""
    for split in NUM_EPISODES:
        monkeypatch.setitem(NUM_EPISODES, split, 40)
    for config in dataset_script.metatrans.Metatrans.BUILDER_CONFIGS:
        monkeypatch.setattr(config, "num_episodes", dict(NUM_EPISODES))


LOAD = """
import json, sys
from datasets import load_dataset
assert "dataset_script" not in sys.modules
for name in ("kyrylov2023", "ragged"):
    for split in ("train", "validation", "test"):
        print(json.dumps(load_dataset("ada/metatrans", name, split=split).to_dict()))
print(json.dumps(load_dataset("ada/metatrans", split="test", streaming=True).features.to_dict()))
"""


def test_what_is_pushed_loads_without_our_code_and_is_the_same(hub_here, tmp_path, capsys):
    import json

    main(["push-dataset", REPOSITORY])
    assert 'load_dataset("ada/metatrans") needs nothing of metatrans' in capsys.readouterr().out
    run = subprocess.run(
        [sys.executable, "-I", "-c", LOAD], cwd=tmp_path, env=hub_here.environment(), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    *rows, features = map(json.loads, run.stdout.splitlines())
    expected = [
        load_dataset("metatrans", name, split=split, cache_dir=str(tmp_path / "cache")).to_dict()
        for name in ("kyrylov2023", "ragged")
        for split in ("train", "validation", "test")
    ]
    assert rows == expected and len(rows[0]["input_ids"]) == 40
    assert features.keys() == {"input_ids", "labels", "bayes_nll"}
    card = DatasetCard.load(REPOSITORY)
    assert {config["config_name"] for config in card.data.configs} == {"kyrylov2023", "ragged"}
    assert card.data.license == "apache-2.0" and "6.5792 nats an episode" in card.text


def test_one_private_config(hub_here):
    main(["push-dataset", REPOSITORY, "--config", "ragged", "--private"])
    assert HfApi().repo_info(REPOSITORY, repo_type="dataset").private is True
    assert DatasetCard.load(REPOSITORY).data.configs[0]["config_name"] == "ragged"


@pytest.mark.parametrize(
    "arguments, token, message",
    [
        ([REPOSITORY, "--config", "kyrilov"], "hf_ada_writes", "metatrans has no config 'kyrilov'; did you mean"),
        ([REPOSITORY], None, "a push needs a token"),
        (["charles/metatrans"], "hf_ada_writes", "this token may not write to charles/metatrans"),
    ],
)
def test_what_can_t_be_pushed(hub_here, monkeypatch, capsys, arguments, token, message):
    monkeypatch.setenv("HF_TOKEN", token) if token else monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(SystemExit) as stop:
        main(["push-dataset", *arguments])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.startswith(f"metatrans: {message}") and error.count("\n") == 1


def test_a_conflict_is_waited_out(hub_here, monkeypatch):
    monkeypatch.setattr(
        "metatrans_lab.hub.data.Event", lambda: type("Now", (), {"wait": lambda self, seconds: False})()
    )
    fault = hub_here.fail("POST /api/datasets/.*/commit/.*", Status(409), times=1)
    main(["push-dataset", REPOSITORY, "--config", "ragged"])
    assert fault.hits == 1 and DatasetCard.load(REPOSITORY).data.configs
