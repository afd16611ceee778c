import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from dataset_script import LanguageConfig, sample_episodes
from metatrans_lab.config.command_line import read_config
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation.figures import evaluate
from metatrans_lab.runs.checkpoints import list_checkpoints, load_checkpoint

from .complaints import COMPLAINTS

ROOT = Path(__file__).parents[1]
TINY = str(ROOT / "configs" / "tiny.yaml")

RESULT_KEYS = {
    *("target_regret", "target_nll", "target_bayes_nll", "token_regret", "determined_accuracy", "eliminated_accuracy"),
    *("exact_match", "accuracy_by_shot", "bayes_accuracy_by_shot", "nll_by_shot", "bayes_nll_by_shot", "intervals"),
    *("num_eval_episodes", "steps", "episodes_seen", "config", "versions", "device", "timing"),
}


def read(path) -> dict:
    return json.loads(Path(path).read_text())


def without_network() -> dict[str, str]:
    """The environment of someone who knows no settings, where whoever asks for the network is refused at once."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    nowhere = dict.fromkeys(("HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    return kept | nowhere | {"HF_HOME": os.environ["HF_HOME"]}


def same_weights(one: Path, other: Path) -> bool:
    a, b = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_leaves_all_that_it_should(train, capsys):
    assert train() == 0
    folder = Path("outputs/tiny")
    results = read(folder / "results.json")
    assert results.keys() >= RESULT_KEYS
    assert results["steps"] == 40 and results["episodes_seen"] == 640
    assert results["intervals"].keys() >= {"target_regret", "determined_accuracy", "exact_match", "ragged_exact_match"}
    assert results["token_regret"] is None and set(results["timing"]) == {"train_seconds", "steps_per_second"}
    names = "loss.png shots.png README.md training_config.yaml tokenizer.json modeling_metalstm.py"
    for name in names.split():
        assert (folder / name).stat().st_size > 0
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == list(range(5, 41, 5))
    assert [line["step"] for line in lines if "eval_loss" in line] == [20, 40]
    assert [line["stage"] for line in lines if "loss" in line] == [0, 0, 0, 1, 1, 1, 1, 1]
    assert sorted(path.name for path in folder.glob("checkpoint-*")) == ["checkpoint-30", "checkpoint-40"]
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    assert "determined accuracy" in capsys.readouterr().out
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.config.vocab_size == 11


def test_tensorboard_gets_the_log(train):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert train("--log_with", "tensorboard", "--save_every", "0") == 0
    folders = {path.parent for path in Path("outputs/tiny").rglob("events.out.tfevents.*")}
    tracked = min(
        (EventAccumulator(str(folder)).Reload() for folder in folders), key=lambda t: "loss" not in t.scalars.Keys()
    )
    assert [event.step for event in tracked.Scalars("loss")] == list(range(5, 41, 5))
    assert [event.step for event in tracked.Scalars("determined_accuracy")] == list(range(5, 41, 5))
    assert [event.step for event in tracked.Scalars("eval/target_regret")] == [20, 40]


@pytest.mark.skipif(find_spec("trackio") is None, reason="trackio isn't here (make test-demo has it)")
def test_trackio_gets_the_log_and_asks_for_nothing(tmp_path):
    environment = without_network() | {"TRACKIO_DIR": str(tmp_path / "store")}
    process = start(tmp_path, "--log_with", "trackio", "--name", "tracked", environment=environment)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert not re.search(r"traceback|error|warn|token|log ?in|account", output, re.IGNORECASE), output
    with contextlib.closing(sqlite3.connect(tmp_path / "store" / "tracked.db")) as store:
        rows = [(step, json.loads(figures)) for step, figures in store.execute("SELECT step, metrics FROM metrics")]
        ((config,),) = store.execute("SELECT config FROM configs")
    lines = [json.loads(line) for line in (tmp_path / "outputs/tracked/log.jsonl").read_text().splitlines()]
    names = {"loss": "loss", "determined_accuracy": "determined_accuracy"}
    names |= {"eval_loss": "eval/loss", "target_regret": "eval/target_regret"}
    for logged, tracked in names.items():
        arrived = [(step, figures[tracked]) for step, figures in rows if tracked in figures]
        kind = "eval_loss" if "/" in tracked else "loss"
        assert arrived == [(line["step"], pytest.approx(line[logged], abs=1e-6)) for line in lines if kind in line]
    assert json.loads(config).items() >= {"name": "tracked", "language.num_pairs": 4}.items()


def test_a_tracker_that_is_not_installed_is_a_sentence(train, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="log_with wandb needs its package: pip install wandb"):
        train("--log_with", "wandb")


def test_a_folder_of_a_tracker_s_files_is_no_package(train, tmp_path, monkeypatch):
    (tmp_path / "trackio").mkdir()
    for name in [name for name in sys.modules if name.split(".")[0] == "trackio"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(UserError, match="log_with trackio needs its package: pip install trackio"):
        train("--log_with", "trackio")


WANDB = """
import os, pathlib
class Config:
    def update(self, values, **others): print("config", values["name"])
config = Config()
class Run:
    def log(self, values, **others): pass
    def finish(self): print("finished")
def init(project, dir):
    (pathlib.Path(dir) / "wandb" / "run").mkdir(parents=True)
    if "KEY" not in os.environ:
        raise RuntimeError("No API key configured.\\nA second line")
    return Run()
"""


def test_a_tracker_that_fails_is_a_sentence_and_leaves_nothing(tmp_path):
    packages, work = tmp_path / "packages", tmp_path / "work"
    for path, text in (("wandb/__init__.py", WANDB), ("wandb-1.dist-info/METADATA", "Name: wandb\nVersion: 1\n")):
        (packages / path).parent.mkdir(parents=True)
        (packages / path).write_text(text)
    work.mkdir()
    before = {name: value for name, value in os.environ.items() if name != "WANDB_DIR"}
    environment = before | {"PYTHONPATH": os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")])}
    short = ("--log_with", "wandb", "--num_steps", "4")
    process = start(work, *short, environment=environment)
    output, _ = process.communicate(timeout=120)
    advice = "set it up, or leave out log_with"
    assert process.returncode == 2, output
    assert output == f"train.py: log_with wandb can't be started: No API key configured; {advice}\n"
    assert not list(work.iterdir())
    process = start(work, *short, environment=environment | {"KEY": "k"})
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "config tiny" in output and "finished" in output, output
    assert (work / "outputs/wandb/run").is_dir() and (work / "outputs/tiny/results.json").is_file()
    whole = (work / "outputs/tiny/model.safetensors").read_bytes()
    shutil.rmtree(work / "outputs/wandb")
    process = start(work, *short, "--overwrite", environment=environment)
    assert process.wait(timeout=120) == 2
    assert [path.name for path in (work / "outputs").iterdir()] == ["tiny"]
    assert (work / "outputs/tiny/model.safetensors").read_bytes() == whole  # the run that would have been removed


SUMMARY = ["determined accuracy", "target regret", "exact match", "training", "all of it"]


@pytest.mark.parametrize("push", [False, True], ids=["alone", "pushed"])
def test_the_main_job_says_what_it_should_and_no_more(hub, tmp_path, push):
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    flags = re.search(r"\$\(BIN\)/accelerate (launch .*)\btrain\.py --config \S+ \$\(ARGS\)", makefile)[1]
    command = [Path(sys.executable).parent / "accelerate", *flags.split(), ROOT / "train.py", "--config", TINY]
    command += ["--push_to_hub", "--hub_strategy", "every_save"] if push else []
    environment = hub.environment() if push else without_network()
    environment.pop("OMP_NUM_THREADS", None)  # as in a shell
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert not re.search(r"warn|deprecat", result.stdout + result.stderr, re.IGNORECASE), result.stderr
    assert [re.split(r"\s{2,}", line)[0] for line in result.stdout.splitlines()] == SUMMARY
    bars = [bar.strip() for bar in re.split(r"[\r\n]", result.stderr) if bar.strip()]
    assert bars and all(re.fullmatch(r"\d+%\|.*\| \d+/40 \[.*\]", bar) for bar in bars), result.stderr
    assert not push or "results.json" in hub.files("ada/tiny")


LOADS = """
import dataset_script, modeling_metalstm
from datasets import load_dataset
from transformers import AutoModelForCausalLM, pipeline

AutoModelForCausalLM.from_pretrained("outputs/tiny")
pipeline("in-context-translation", model="outputs/tiny")("a b", examples=[("a", "x"), ("b a", "y x")])
pipeline("text-generation", model="outputs/tiny")("␁ s0 s1 ␂ t2", max_new_tokens=3)
load_dataset("metatrans")
"""


def test_loading_says_nothing(train, tmp_path):
    assert train() == 0
    bars_off = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    environment = without_network() | bars_off | {"HF_HOME": str(tmp_path / "home")}
    result = subprocess.run(
        [sys.executable, "-c", LOADS], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    said = [line for line in result.stderr.splitlines() if not line.startswith(COMPLAINTS)]
    assert (result.returncode, result.stdout, said) == (0, "", [])


def test_it_trains_where_datasets_is_not_installed(tmp_path):
    """As on a GPU machine with little more than torch; only the data set's builder needs it."""
    script = """
import runpy, sys
sys.modules["datasets"] = None
sys.argv = ["train.py", *sys.argv[2:]]
runpy.run_path("train.py", run_name="__main__")
"""
    few = ("--num_steps", "4", "--decay_steps", "0", "--warmup_steps", "0", "--eval_every", "0")
    few += ("--final_eval_episodes", "8", "--output_dir", str(tmp_path / "run"))
    command = [sys.executable, "-c", script, "train.py", "--config", "configs/tiny.yaml", *few]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "datasets" not in json.loads((tmp_path / "run" / "results.json").read_text())["versions"]


def test_training_learns_something(train):
    train("--num_steps", "300", "--eval_every", "0", "--save_every", "0", "--batch_size", "32")
    results = read("outputs/tiny/results.json")
    # Format and alphabet: from ln 11 = 2.40 to near the ln 4 = 1.39 of a guess among the target words.
    assert results["target_nll"] < 1.6


@pytest.mark.parametrize("num_parts", ["1", "2"])
def test_soft_labels_are_learned_from(train, num_parts):
    """By the whole step, and in parts: what is above the optimum is less, as no chance of the words is learned."""
    regrets = []
    for name, soft in (("hard", "false"), ("soft", "true")):
        run = ("--name", name, "--soft_labels", soft, "--num_parts", num_parts, "--num_steps", "300")
        train(*run, "--eval_every", "0", "--save_every", "0", "--batch_size", "32")
        results = read(f"outputs/{name}/results.json")
        assert results["config"]["soft_labels"] is (soft == "true") and results["target_nll"] < 1.6
        regrets.append(results["target_regret"])
    assert regrets[1] < regrets[0]


@pytest.mark.parametrize("num_parts", ["1", "2"])
def test_a_layer_learns_which_words_say_the_same(train, num_parts):
    """By the whole step, and in parts: its vectors then tell the head, in languages that training never had."""
    right = []
    for weight in ("0", "1"):
        shape = ("--model.num_hidden_layers", "2", "--model.hidden_size", "32", "--name", f"weight{weight}")
        steps = ("--num_steps", "400", "--eval_every", "0", "--save_every", "0", "--num_parts", num_parts)
        train(*shape, *steps, "--batch_size", "32", "--alignment_layer", "1", "--alignment_weight", weight)
        model = AutoModelForCausalLM.from_pretrained(f"outputs/weight{weight}").eval()
        language = LanguageConfig(num_pairs=4, num_source_words=4, num_target_words=4, sentence_length=2)
        episodes = sample_episodes(language, range(200), "test", "cpu")
        with torch.no_grad():
            vectors = model(episodes.input_ids.long(), output_hidden_states=True).hidden_states[1]
            said = model.lm_head(torch.nn.functional.layer_norm(vectors, vectors.shape[-1:])).argmax(-1)
        told = episodes.counterparts >= 0
        right.append((said == episodes.counterparts)[told].float().mean().item())
    assert right[1] > right[0] + 0.1, right


def test_a_layer_that_the_head_can_t_read_is_refused(train):
    message = r"alignment_layer must be a layer that the model's head can read, one of \[1\], not 2"
    with pytest.raises(UserError, match=message):
        train("--alignment_layer", "2", "--alignment_weight", "1")
    with pytest.raises(UserError, match="alignment_weight must be at least 0"):
        train("--alignment_weight", "-1")


def test_a_model_that_can_not_generate_is_found_before_the_first_step(train, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise KeyError("past")

    monkeypatch.setattr("transformers.LlamaForCausalLM.generate", fail)
    model = (
        '{"model_type":"llama","hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":1}'
    )
    with pytest.raises(UserError, match=r"the model can't generate\(\), by which it is evaluated: 'past'"):
        train("--model", model)
    assert not list(tmp_path.iterdir())


def test_training_goes_on_from_another_model_s_weights(train):
    train("--name", "one", "--num_steps", "20", "--decay_steps", "0")
    start = ("--initial_weights", "outputs/one", "--seed", "1")
    train("--name", "still", *start, "--learning_rate", "0", "--muon_learning_rate", "0")
    assert same_weights(Path("outputs/one"), Path("outputs/still"))
    train("--name", "on", *start, "--num_steps", "30", "--save_every", "10")
    assert not same_weights(Path("outputs/one"), Path("outputs/on"))
    shutil.rmtree("outputs/one")  # a run that is resumed doesn't need it
    shutil.rmtree("outputs/on/checkpoint-30")
    before = Path("outputs/on/model.safetensors").read_bytes()
    train("--name", "on", *start, "--num_steps", "30", "--save_every", "10", "--resume_from_checkpoint", "latest")
    assert Path("outputs/on/model.safetensors").read_bytes() == before


def test_initial_weights_of_another_shape_are_refused(train):
    train("--name", "one", "--num_steps", "20", "--decay_steps", "0")
    with pytest.raises(UserError, match="initial_weights: outputs/one is another model than the run's"):
        train("--name", "two", "--initial_weights", "outputs/one", "--model.hidden_size", "8")
    for name, message in (
        ("outputs/none", "there is no folder outputs/none"),
        ("outputs/one/checkpoint-20", "is no model folder: it has no config.json; a checkpoint is to resume from"),
        ("outputs/one/config.json", "is a file, and a model is a folder; give outputs/one"),
        ("translater", "there is no model 'translater'.*did you mean 'translator'"),
    ):
        with pytest.raises(UserError, match=message):
            train("--name", "two", "--initial_weights", name)
    assert not Path("outputs/two").exists()


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


def test_a_resumed_run_may_have_more_steps_and_is_that_run(train):
    train("--name", "whole", "--num_steps", "60")
    train("--name", "longer", "--keep_checkpoints", "9")
    with pytest.raises(
        UserError, match="num_steps is 40, not 60; they are the same up to step 31, and it is of step 40"
    ):
        train("--name", "longer", "--num_steps", "60", "--resume_from_checkpoint", "latest")
    train("--name", "longer", "--num_steps", "60", "--resume_from_checkpoint", "outputs/longer/checkpoint-30")
    assert same_weights(Path("outputs/whole"), Path("outputs/longer"))
    one, two = (read(f"outputs/{name}/results.json") for name in ("whole", "longer"))
    assert one.pop("timing") and two.pop("timing") and one == two


def test_a_run_without_decay_goes_on_from_its_end(train):
    train("--name", "whole", "--num_steps", "60", "--decay_steps", "0")
    train("--name", "longer", "--decay_steps", "0")
    train("--name", "longer", "--num_steps", "60", "--decay_steps", "0", "--resume_from_checkpoint", "latest")
    assert same_weights(Path("outputs/whole"), Path("outputs/longer"))
    lines = map(json.loads, Path("outputs/longer/log.jsonl").read_text().splitlines())
    assert [line["step"] for line in lines if "eval_loss" in line] == [20, 60]


def test_the_model_is_the_average_of_late_weights(train):
    """Also where the run was interrupted among the steps that are averaged."""
    run = ("--num_steps", "6", "--average_steps", "3", "--decay_steps", "0", "--save_every", "1")
    train(*run, "--name", "whole", "--keep_checkpoints", "6")
    steps = [load_file(f"outputs/whole/checkpoint-{step}/model.safetensors") for step in (4, 5, 6)]
    average = load_file("outputs/whole/model.safetensors")
    for name, weight in average.items():
        torch.testing.assert_close(weight, sum(step[name] for step in steps) / 3, rtol=1e-5, atol=1e-6)
    assert not same_weights(Path("outputs/whole"), Path("outputs/whole/checkpoint-6"))
    train(*run, "--name", "resumed", "--resume_from_checkpoint", "outputs/whole/checkpoint-5")
    assert same_weights(Path("outputs/whole"), Path("outputs/resumed"))


@pytest.mark.parametrize(
    "settings",
    [
        "--optimizer adam",
        "--optimizer adamw --gradient_accumulation_steps 2",
        "--num_parts 2 --num_threads 2 --mixed_precision bf16",
        "--model.num_hidden_layers 2 --model.dropout 0.5",
        "--read_every 7 --log_every 40 --save_every 16",
        # With two names for one tensor.
        '--model {"model_type":"gpt2","n_embd":8,"n_layer":1,"n_head":1,"n_positions":256}',
    ],
)
def test_resuming_with_other_settings(train, settings):
    train("--name", "whole", *settings.split())
    train("--name", "parts", *settings.split())
    (Path("outputs/parts") / "model.safetensors").unlink()
    train("--name", "parts", *settings.split(), "--resume_from_checkpoint", "latest")
    assert same_weights(Path("outputs/whole"), Path("outputs/parts"))


def test_measures_that_are_read_late_train_the_same_model(train):
    """Where stages end by step; the loss is of the same steps too."""
    train("--name", "each")
    train("--name", "late", "--read_every", "7")
    assert same_weights(Path("outputs/each"), Path("outputs/late"))
    each, late = (Path(f"outputs/{name}/log.jsonl").read_text().splitlines() for name in ("each", "late"))
    assert [json.loads(line).get("loss") for line in each] == [json.loads(line).get("loss") for line in late]


def test_gradient_accumulation_is_a_larger_batch(train):
    steps = ["--num_steps", "6", "--warmup_steps", "0", "--decay_steps", "0"]
    settings = ["--optimizer", "adam", "--max_grad_norm", "null", *steps]
    train("--name", "large", "--batch_size", "32", *settings)
    train("--name", "small", "--batch_size", "16", "--gradient_accumulation_steps", "2", *settings)
    # Rows of one length: the mean of the halves' means is the mean of the whole.
    a, b = (load_file(f"outputs/{name}/model.safetensors") for name in ("large", "small"))
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=2e-4, rtol=1e-3)


def test_gradients_are_clipped(train):
    settings = ["--optimizer", "adam", "--num_steps", "1", "--warmup_steps", "0", "--decay_steps", "0"]
    # Adam's first update is as long whatever the gradient's length, but for its epsilon.
    train("--name", "free", *settings, "--max_grad_norm", "null")
    train("--name", "clipped", *settings, "--max_grad_norm", "1e-12")
    assert not same_weights(Path("outputs/free"), Path("outputs/clipped"))


def test_the_results_are_those_of_the_saved_model(train):
    train("--mixed_precision", "bf16", "--eval_every", "0", "--save_every", "0")
    results = read("outputs/tiny/results.json")
    model = AutoModelForCausalLM.from_pretrained("outputs/tiny")
    language = read_config(str(ROOT / "configs" / "tiny.yaml"), {}).language_config()
    again = evaluate(model, language, "test", 64, "targets")
    for key in ("target_regret", "determined_accuracy", "nll_by_shot", "exact_match"):
        assert again[key] == results[key], key


def test_one_pair_has_no_determined_words_of_others(train, capsys):
    assert train("--language.num_pairs", "1", "--language.sentence_length", "1", "--curriculum", "[{}]") == 0
    results = read("outputs/tiny/results.json")
    assert results["determined_accuracy"] is None and results["exact_match"] is None
    assert "determined accuracy  –" in capsys.readouterr().out


def test_two_processes_train_as_one_of_twice_the_batch(train, tmp_path):
    """Equal up to rounding where all rows have one length; Adam, as Muon's bfloat16 iterations magnify rounding."""
    settings = ["--optimizer", "adam", "--num_steps", "12", "--decay_steps", "0", "--save_every", "6"]
    settings += ["--curriculum", "[{}]", "--eval_every", "0", "--learning_rate", "1e-3"]
    train("--name", "one", "--batch_size", "32", *settings)
    environment = os.environ | {"ACCELERATE_USE_CPU": "true"}
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    launcher += [
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        "--main_process_port",
        "0",
    ]
    script = [str(ROOT / "train.py"), "--config", str(ROOT / "configs" / "tiny.yaml"), "--num_threads", "1"]
    command = [*launcher, *script, "--name", "two", "--batch_size", "16", *settings]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    one, two = (load_file(f"outputs/{name}/model.safetensors") for name in ("one", "two"))
    for name in one:
        torch.testing.assert_close(one[name], two[name], atol=1e-4, rtol=1e-3)
    assert read("outputs/two/results.json")["episodes_seen"] == 12 * 32


def start(folder: Path, *arguments: str, environment: dict | None = None) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "train.py"), "--config", TINY, *arguments, "--num_threads", "1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes)


LONG = ("--num_steps", "400", "--save_every", "7", "--eval_every", "50")


def test_sigkill_then_resume_gives_the_same_bits(train, tmp_path):
    train("--name", "whole", *LONG)
    process = start(tmp_path, "--name", "killed", *LONG)
    folder = tmp_path / "outputs" / "killed"
    deadline = time.monotonic() + 120
    while not list(folder.glob("checkpoint-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    delay = random.uniform(0, 1.5)
    print(f"killed {delay} s after the first checkpoint")  # shown if the test fails
    time.sleep(delay)
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
    step = int(
        re.search(r"stopped by a signal; saved \S+/checkpoint-(\d+), the same command goes on with --resume", output)[
            1
        ]
    )
    assert (tmp_path / "outputs" / "stopped" / f"checkpoint-{step}").is_dir()
    assert "Traceback" not in output


def test_a_second_signal_leaves_at_once():
    script = (
        "import os, signal; from metatrans_lab.runs.signals import StopSignal; StopSignal()\n"
        "for _ in range(2): os.kill(os.getpid(), signal.SIGTERM)\nprint('still here')"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert process.returncode == 128 + signal.SIGTERM and process.stdout == ""


def test_mistakes_leave_with_code_2_and_a_sentence(tmp_path):
    process = start(tmp_path, "--num_step", "3")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == "train.py: unknown key '--num_step'; did you mean '--num_steps'?\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--language.num_target_words 3", "num_target_words must be at least num_source_words (4)"),
        ("--language.sentence_length 0", "sentence_length must be at least 1"),
        ("--model.hiden_size 3", "unknown key 'hiden_size' in model; did you mean 'hidden_size'?"),
        ("--model.hidden_size many", "model: Field 'hidden_size' expected int, got str"),
        ("--model.loss_on targets", "unknown key 'loss_on' in model"),
        ("--model.model_type elstm", "transformers knows no model_type 'elstm'"),
        ("--model.dropout 2", "model: `dropout` must be at least 0 and below 1, not 2."),
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
    with pytest.raises(
        UserError, match="outputs/tiny holds another run: --resume_from_checkpoint latest goes on with it"
    ):
        train()
    with pytest.raises(UserError, match="the checkpoint is of another run: its seed is 0, not 1"):
        train("--resume_from_checkpoint", "latest", "--seed", "1")
    assert {path: path.stat().st_mtime_ns for path in Path("outputs").rglob("*")} == before
    assert train("--overwrite") == 0


def test_latest_where_there_is_no_checkpoint_is_the_beginning(train, capfd):
    """One command starts a run and goes on with it, whenever it was killed; it never removes what isn't the run's."""
    settings = ("--num_steps", "12", "--decay_steps", "0", "--save_every", "0", "--eval_every", "0")
    latest, folder = (*settings, "--resume_from_checkpoint", "latest"), Path("outputs/tiny")
    assert train(*latest) == 0
    told = "outputs/tiny has no checkpoint to resume from; the run starts from its beginning"
    assert told in capfd.readouterr().err
    made = (folder / "model.safetensors").read_bytes()

    with pytest.raises(UserError, match="holds a complete run, and no checkpoint to resume from: --overwrite removes"):
        train(*latest)
    (folder / "results.json").unlink()
    for other in (("--seed", "1"), ("--language.num_pairs", "3")):
        with pytest.raises(UserError, match="outputs/tiny holds another run: --overwrite removes it"):
            train(*latest, *other)
    (folder / "model.safetensors").write_bytes(b"half of it")
    assert train(*latest, "--name", "tiny", "--log_every", "3") == 0
    assert (folder / "model.safetensors").read_bytes() == made and told in capfd.readouterr().err

    (folder / "results.json").unlink()
    config = (folder / "training_config.yaml").read_bytes()
    for broken in (b"", b"seed: [", b"\xff", b"seed: 1\nno_such_key: 2"):
        (folder / "training_config.yaml").write_bytes(broken)
        with pytest.raises(UserError, match="outputs/tiny holds another run: --overwrite removes it"):
            train(*latest)
    for path in folder.iterdir():
        path.unlink() if path.is_file() else shutil.rmtree(path)
    (folder / ".training_config.yaml").write_bytes(config[:100])
    assert train(*latest) == 0 and (folder / "model.safetensors").read_bytes() == made
    assert not (folder / ".training_config.yaml").exists()


def test_a_checkpoint_never_goes_on_in_another_run_s_folder(train, tmp_path):
    short = ("--num_steps", "20", "--decay_steps", "0")
    train("--name", "one", *short)
    train("--name", "two", *short, "--seed", "1")
    before = (tmp_path / "outputs" / "two" / "results.json").read_text()
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "README.md").write_text("years of work")
    checkpoint = "outputs/one/checkpoint-10"
    for place in (("--name", "two"), ("--output_dir", "thesis"), ("--name", "two", "--overwrite")):
        with pytest.raises(UserError, match="holds"):
            train(*place, *short, "--resume_from_checkpoint", checkpoint)
    assert (tmp_path / "outputs" / "two" / "results.json").read_text() == before
    assert (tmp_path / "thesis" / "README.md").read_text() == "years of work"
    assert train("--name", "three", *short, "--resume_from_checkpoint", checkpoint) == 0
    assert same_weights(tmp_path / "outputs" / "one", tmp_path / "outputs" / "three")


def test_a_resumed_run_forgets_what_came_after(train, tmp_path):
    folder = tmp_path / "outputs" / "tiny"
    train()
    assert read(folder / "results.json") and [p.name for p in list_checkpoints(folder)] == [
        "checkpoint-30",
        "checkpoint-40",
    ]
    seen = []

    def stop(self, accelerator):
        seen.append(((folder / "results.json").exists(), [path.name for path in list_checkpoints(folder)]))
        return signal.SIGTERM

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("metatrans_lab.runs.signals.StopSignal.came_anywhere", stop)
        train("--resume_from_checkpoint", "outputs/tiny/checkpoint-30")
    assert seen == [(False, ["checkpoint-30"])]
    assert [path.name for path in list_checkpoints(folder)] == ["checkpoint-30", "checkpoint-31"]


def test_an_overwritten_link_is_followed(train, tmp_path):
    short = ("--num_steps", "20", "--decay_steps", "0")
    train("--output_dir", "real", *short)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "checkpoint-999").mkdir()
    assert train("--output_dir", "link", *short, "--overwrite") == 0
    assert not (tmp_path / "real" / "checkpoint-999").exists() and (tmp_path / "real" / "results.json").is_file()


@pytest.mark.parametrize("place", ["file/run", "x" * 300])
def test_impossible_folders_are_a_sentence(train, tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"can't (use|write to) the folder"):
        train("--output_dir", place)


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


@pytest.mark.parametrize(
    "size, sentence",
    [
        (5_000, "checkpoint-10: File too large; nothing was saved before"),  # the weights
        (12_000, "checkpoint-10: File too large; nothing was saved before"),  # the optimiser's state
        (60_000, "loss.png: File too large; outputs/tiny/checkpoint-10 is still there"),
    ],
)
def test_a_full_disk_is_one_sentence(tmp_path, size, sentence):
    """A limit on files' sizes fails every write as a full disk does."""
    command = [sys.executable, str(ROOT / "train.py"), "--config", TINY, "--save_every", "10", "--num_threads", "1"]
    limit = f"import resource, os, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({size},) * 2); "
    script = [sys.executable, "-c", limit + "os.execv(sys.argv[1], sys.argv[1:])"]
    result = subprocess.run([*script, *command], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1
    assert f"train.py: can't write outputs/tiny/{sentence}" in result.stderr.splitlines()
    assert "Traceback" not in result.stderr
    for checkpoint in list_checkpoints(tmp_path / "outputs" / "tiny"):
        load_checkpoint(checkpoint)


def test_a_run_goes_on_though_nobody_reads_what_it_says(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    # Help is there to be read: without a reader it ends as others do, without a word.
    for arguments, status in ((["--help"], 141), (["--config", TINY, "--num_threads", "1"], 0)):
        command = [sys.executable, str(ROOT / "train.py"), *arguments]
        said = {"stdout": writer, "stderr": subprocess.PIPE, "text": True}
        done = subprocess.run(command, cwd=tmp_path, **said, timeout=120)
        assert done.returncode == status and "Error" not in done.stderr
    assert (tmp_path / "outputs/tiny/results.json").is_file()
    os.close(writer)
