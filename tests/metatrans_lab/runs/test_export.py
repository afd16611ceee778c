import errno
import os

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.errors import TrainingError
from metatrans_lab.runs.export import complete_results, write_model, write_snapshot
from metatrans_lab.runs.identity import run_identity
from metatrans_lab.runs.storage import Storage
from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM

CONFIG = TrainingConfig(
    name="one",
    language={"num_source_words": 4, "num_target_words": 4},
    num_steps=40,
    batch_size=16,
    gradient_accumulation_steps=2,
)


@pytest.fixture(scope="module")
def small() -> MetaLSTMForCausalLM:
    return MetaLSTMForCausalLM(
        MetaLSTMConfig(embedding_size=8, hidden_size=16, num_source_words=4, num_target_words=4)
    )


def test_a_model_comes_with_its_tokenizer(small, tmp_path):
    write_model(small, CONFIG.language_config(), tmp_path / "new", "targets")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "new")
    loaded = model.state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in small.state_dict().items())
    assert model.config.loss_on == "targets"
    assert small.config.loss_on is None  # no step of its training looks at labels
    assert AutoTokenizer.from_pretrained(tmp_path / "new").vocab_size == CONFIG.language_config().vocab_size


def test_a_snapshot_has_what_there_is_so_far(small, tmp_path):
    for name in ("training_config.yaml", "log.jsonl", "results.json"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".push-20").mkdir()
    (tmp_path / ".push-20" / "leftover").write_text("")
    folder = write_snapshot(small, CONFIG, 20, Storage(tmp_path, "stop"))
    assert folder == tmp_path / ".push-20"
    names = {path.name for path in folder.iterdir()}
    assert names >= {"model.safetensors", "tokenizer.json", "training_config.yaml", "log.jsonl"}
    assert names.isdisjoint({"results.json", "loss.png", "leftover"})


def test_a_snapshot_that_can_not_be_written_leaves_nothing(small, tmp_path, monkeypatch, capsys):
    (tmp_path / "log.jsonl").write_text("")

    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copy", refuse)
    assert write_snapshot(small, CONFIG, 20, Storage(tmp_path, "go_on")) is None
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]
    assert ".push-20: No space left on device" in capsys.readouterr().err
    with pytest.raises(TrainingError):
        write_snapshot(small, CONFIG, 20, Storage(tmp_path, "stop"))


def test_results_say_what_they_were_measured_on(small):
    identity = run_identity(CONFIG, 2, "bf16")
    evaluation = {"target_nll": 1.0, "intervals": {"target_nll": [0.5, 1.5]}}
    ragged = {"ragged_exact_match": 0.5, "num_ragged_prompts": 9, "interval": [0.25, 0.75]}
    results = complete_results(CONFIG, identity, small, torch.device("cpu"), evaluation, ragged, 8.0)
    assert list(results) == [
        *("target_nll", "intervals", "ragged_exact_match", "num_ragged_prompts", "steps", "episodes_seen"),
        *("num_parameters", "versions", "device", "timing", "config", "num_processes", "mixed_precision"),
    ]
    assert results["intervals"] == {"target_nll": [0.5, 1.5], "ragged_exact_match": [0.25, 0.75]}
    assert results["episodes_seen"] == 40 * 16 * 2 * 2
    assert results["timing"] == {"train_seconds": 8.0, "steps_per_second": 5.0}
    assert (results["config"], results["num_processes"], results["mixed_precision"]) == (identity["config"], 2, "bf16")
    assert evaluation == {"target_nll": 1.0, "intervals": {"target_nll": [0.5, 1.5]}}
