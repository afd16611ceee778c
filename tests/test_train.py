import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from metatrans_lab.errors import UserError

ROOT = Path(__file__).parents[1]

RESULT_KEYS = {
    *("target_regret", "target_nll", "target_bayes_nll", "token_regret", "determined_accuracy", "eliminated_accuracy"),
    *("exact_match", "accuracy_by_shot", "bayes_accuracy_by_shot", "nll_by_shot", "bayes_nll_by_shot", "intervals"),
    *("num_eval_episodes", "steps", "episodes_seen", "config", "versions", "device", "timing"),
}


def read(path) -> dict:
    return json.loads(Path(path).read_text())


def same_weights(one: Path, other: Path) -> bool:
    a, b = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_leaves_all_that_it_should(train, capsys):
    assert train() == 0
    folder = Path("outputs/tiny")
    results = read(folder / "results.json")
    assert results.keys() >= RESULT_KEYS
    assert results["steps"] == 40 and results["episodes_seen"] == 640
    assert results["token_regret"] is None and set(results["timing"]) == {"train_seconds", "steps_per_second"}
    names = "loss.png shots.png README.md training_config.yaml tokenizer.json modeling_metalstm.py"
    for name in names.split():
        assert (folder / name).stat().st_size > 0
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == list(range(5, 41, 5))
    assert [line["step"] for line in lines if "eval_loss" in line] == [20, 40]
    assert [line["stage"] for line in lines if "loss" in line] == [0, 0, 0, 1, 1, 1, 1, 1]
    assert sorted(path.name for path in folder.glob("checkpoint-*")) == ["checkpoint-20", "checkpoint-30"]
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    assert "determined accuracy" in capsys.readouterr().out
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.config.vocab_size == 11


def test_training_learns_something(train):
    train("--num_steps", "300", "--eval_every", "0", "--save_every", "0", "--batch_size", "32")
    results = read("outputs/tiny/results.json")
    # Format and alphabet: from ln 11 = 2.40 to near the ln 4 = 1.39 of a guess among the target words.
    assert results["target_nll"] < 1.6


def test_two_runs_agree_in_all_but_timing(train):
    train("--name", "one")
    train("--name", "two")
    one, two = (read(f"outputs/{name}/results.json") for name in ("one", "two"))
    assert one.pop("timing") and two.pop("timing")
    assert one == two
    assert same_weights(Path("outputs/one"), Path("outputs/two"))


def test_seeds_differ(train):
    train("--name", "one", "--num_steps", "20", "--decay_steps", "0")
    train("--name", "two", "--num_steps", "20", "--decay_steps", "0", "--seed", "1")
    assert not same_weights(Path("outputs/one"), Path("outputs/two"))


def test_resuming_gives_the_same_bits_and_the_same_log(train):
    train("--name", "whole")
    train("--name", "parts", "--keep_checkpoints", "9")
    for path in Path("outputs/parts").glob("checkpoint-*"):
        if path.name != "checkpoint-20":
            (path / "progress.json").unlink()
            os.rename(path, path.with_name(f"other-{path.name}"))
    (Path("outputs/parts") / "model.safetensors").unlink()
    train("--name", "parts", "--resume_from_checkpoint", "outputs/parts/checkpoint-20")
    assert same_weights(Path("outputs/whole"), Path("outputs/parts"))

    def figures(name):
        lines = map(json.loads, Path(f"outputs/{name}/log.jsonl").read_text().splitlines())
        return [{key: value for key, value in line.items() if "second" not in key} for line in lines]

    assert figures("parts") == figures("whole")


@pytest.mark.parametrize("settings", ["--optimizer adam", "--optimizer adamw --gradient_accumulation_steps 2"])
def test_resuming_with_other_optimisers(train, settings):
    train("--name", "whole", *settings.split())
    train("--name", "parts", *settings.split())
    (Path("outputs/parts") / "model.safetensors").unlink()
    train("--name", "parts", *settings.split(), "--resume_from_checkpoint", "latest")
    assert same_weights(Path("outputs/whole"), Path("outputs/parts"))


def test_gradient_accumulation_is_a_larger_batch(train):
    steps = ["--num_steps", "6", "--warmup_steps", "0", "--decay_steps", "0"]
    settings = ["--optimizer", "adam", "--max_grad_norm", "null", *steps]
    train("--name", "large", "--batch_size", "32", *settings)
    train("--name", "small", "--batch_size", "16", "--gradient_accumulation_steps", "2", *settings)
    # Rows of one length: the mean of the halves' means is the mean of the whole.
    a, b = (load_file(f"outputs/{name}/model.safetensors") for name in ("large", "small"))
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=2e-4, rtol=1e-3)


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "train.py"), "--config", str(ROOT / "configs" / "tiny.yaml"), *arguments]
    return subprocess.Popen(
        [*command, "--num_threads", "1"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


LONG = ("--num_steps", "400", "--save_every", "7", "--eval_every", "50")


def test_sigkill_then_resume_gives_the_same_bits(train, tmp_path):
    train("--name", "whole", *LONG)
    process = start(tmp_path, "--name", "killed", *LONG)
    folder = tmp_path / "outputs" / "killed"
    deadline = time.monotonic() + 120
    while not list(folder.glob("checkpoint-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(random.uniform(0, 1.5))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL and not (folder / "results.json").exists()
    assert train("--name", "killed", *LONG, "--resume_from_checkpoint", "latest") == 0
    assert same_weights(tmp_path / "outputs" / "whole", folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops(train, tmp_path, number):
    process = start(tmp_path, "--name", "stopped", *LONG[:2], "--save_every", "0", "--eval_every", "0")
    log = tmp_path / "outputs" / "stopped" / "log.jsonl"
    deadline = time.monotonic() + 120
    while not (log.is_file() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    step = int(re.search(r"stopped by a signal after step (\d+); saved", output)[1])
    assert (tmp_path / "outputs" / "stopped" / f"checkpoint-{step}").is_dir()
    assert "Traceback" not in output


def test_mistakes_leave_with_code_2_and_a_sentence(tmp_path):
    process = start(tmp_path, "--num_step", "3")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == "train.py: unknown key 'num_step'; did you mean 'num_steps'?\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--language.num_target_words 3", "num_target_words must be at least num_source_words (4)"),
        ("--language.sentence_length 0", "sentence_length must be at least 1"),
        ("--model.hiden_size 3", "unknown key 'hiden_size' in model; did you mean 'hidden_size'?"),
        ("--model.hidden_size many", "model: Field 'hidden_size' expected int, got str"),
        ("--model.model_type elstm", "transformers knows no model_type 'elstm'"),
        ("--model.dropout 2", "model: `dropout` must be at least 0 and below 1, not 2."),
        ("--resume_from_checkpoint latest", "outputs/tiny has no checkpoint to resume from"),
        ("--resume_from_checkpoint nowhere", "there is no checkpoint at nowhere"),
    ],
)
def test_mistakes_write_nothing(train, tmp_path, arguments, message):
    with pytest.raises(UserError) as error:
        train(*arguments.split())
    assert str(error.value).startswith(message) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_another_run_s_folder_is_left_alone(train):
    train("--num_steps", "20", "--decay_steps", "0")
    before = {path: path.stat().st_mtime_ns for path in Path("outputs").rglob("*")}
    with pytest.raises(UserError, match="outputs/tiny holds another run: --resume_from_checkpoint latest goes on"):
        train()
    with pytest.raises(UserError, match="the checkpoint is of another run: its num_steps is 20, not 40"):
        train("--resume_from_checkpoint", "latest")
    assert {path: path.stat().st_mtime_ns for path in Path("outputs").rglob("*")} == before
    assert train("--overwrite") == 0


def test_a_folder_of_something_else_is_never_removed(train, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    for more in ((), ("--overwrite",)):
        with pytest.raises(UserError, match="thesis holds"):
            train("--output_dir", "thesis", *more)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


def test_a_checkpoint_that_is_none_is_refused(train, tmp_path):
    (tmp_path / "checkpoint-5").mkdir()
    with pytest.raises(UserError, match=r"checkpoint-5 is no checkpoint: it has no model\.safetensors"):
        train("--resume_from_checkpoint", "checkpoint-5")
