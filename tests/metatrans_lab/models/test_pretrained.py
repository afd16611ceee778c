"""The models that come with the package are what their folders say."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

import modeling_metalstm  # noqa: F401
from dataset_script import make_language
from metatrans_lab.apps.shell import main
from metatrans_lab.config.command_line import read_config
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation import evaluate, ragged_exact_match
from metatrans_lab.model_names import PRETRAINED, pretrained
from metatrans_lab.models.load import load_model

CONFIGS = Path(__file__).parents[3] / "configs"
NAMES = sorted(path.name for path in PRETRAINED.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", NAMES)
def test_results_are_what_comes_out_again(name):
    results = json.loads((PRETRAINED / name / "results.json").read_text())
    knobs = dict(results["config"]["language"])
    family = knobs.pop("family", "lexicon")
    language = make_language(family, **knobs, seed=results["config"]["seed"] + 1)  # other episodes
    model = load_model(name)
    num_episodes = 192 if family == "mixed" else 2048 if language.num_source_words == 6 else 512  # 98,304 target words
    again = evaluate(model, language, "test", num_episodes)
    for key in ("target_regret", "target_nll", "determined_accuracy", "exact_match"):
        (low, high), (from_, to) = results["intervals"][key], again["intervals"][key]
        assert low <= to and from_ <= high, key
    if family == "lexicon":
        assert again["target_regret"] <= 0.005 and again["determined_accuracy"] >= 0.999
        assert ragged_exact_match(model, language, 200)["ragged_exact_match"] >= 0.98


@pytest.mark.parametrize(
    ("name", "recipe"), [("six-words", "optimum"), ("translator", "translator"), ("grammarian", "grammarian")]
)
def test_it_was_made_by_a_committed_config(name, recipe):
    made_by = yaml.safe_load((PRETRAINED / name / "training_config.yaml").read_text())
    config = asdict(read_config(str(CONFIGS / f"{recipe}.yaml"), {}))
    assert made_by["name"] == config["name"]
    for key in (
        "language",
        "loss_on",
        "soft_labels",
        "model",
        "num_steps",
        "batch_size",
        "optimizer",
        "learning_rate",
    ):
        assert made_by.get(key, False) == config[key]
    assert [stage["languages"] for stage in made_by["curriculum"]] == [s["languages"] for s in config["curriculum"]]


def test_their_configs_and_cards_say_what_they_were_trained_on():
    for folder in PRETRAINED.iterdir():
        trained = yaml.safe_load((folder / "training_config.yaml").read_text())["loss_on"]
        assert trained == "targets" == json.loads((folder / "config.json").read_text())["loss_on"]
        assert "trained without source words (`loss_on: targets`)" in " ".join(
            (folder / "README.md").read_text().split()
        )


def test_they_are_small_and_say_nothing_of_a_machine():
    files = [path for path in PRETRAINED.rglob("*") if path.is_file()]
    assert 1e6 < sum(path.stat().st_size for path in files) <= 1.2e7
    for path in files:
        assert path.suffix in (".safetensors", ".png") or "outputs/" not in path.read_text()


TRUSTING = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline
folder = sys.argv[1]
model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
translator = pipeline("in-context-translation", model=folder, trust_remote_code=True)
print(json.dumps([type(model).__name__, translator("red", examples=[("red", "dax")])["translation_text"]]))
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_process_that_never_imports_the_package_trusts_the_folder(name, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(CONFIGS.parent), "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", TRUSTING, str(PRETRAINED / name)]
    said = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout) == ["MetaLSTMForCausalLM", "dax"]


WITHOUT_CODE = """
import sys
sys.modules["modeling_metalstm"] = None
from transformers import AutoTokenizer
print(AutoTokenizer.from_pretrained(sys.argv[1]).tokenize("s0 t0"))
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_process_without_our_code_has_the_tokenizer(name, tmp_path):
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", WITHOUT_CODE, str(PRETRAINED / name)]
    said = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert said.stdout.endswith("['s0', 't0']\n"), said.stderr


@pytest.mark.parametrize("together", [1, 2, 12])
def test_sixty_four_words(together):
    """Each shown once, so many at a time; then all of them asked for, twelve at a time."""
    words, invented = [f"word{i}" for i in range(64)], [f"wort{i}" for i in range(64)]
    pairs = [(" ".join(words[i : i + together]), " ".join(invented[i : i + together])) for i in range(0, 64, together)]
    session = pipeline("in-context-translation", model=pretrained()).session(pairs)
    for i in range(0, 64, 12):
        result = session(" ".join(words[i : i + 12][::-1]))
        assert result["translation_text"] == " ".join(invented[i : i + 12][::-1])


def test_translation_works_at_once(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["translate", "translator", "--example", "red = dax", "--example", "blue red = wif dax", "blue red blue"])
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("wif dax wif   9") and last == "  translator says the same"
    folder = pretrained()
    translator = pipeline("in-context-translation", model=folder)
    assert translator("blue", examples=[("red", "dax"), ("blue red", "wif dax")])["translation_text"] == "wif"
    prompt = AutoTokenizer.from_pretrained(folder)("␁ s0 s1 ␂ t4 t2 ␁ s1 s1 s0 ␂", return_tensors="pt")
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert (
        AutoTokenizer.from_pretrained(folder).decode(model.generate(**prompt, max_new_tokens=3)[0, -3:]) == "t2 t2 t4"
    )
    with pytest.raises(
        UserError, match="no model called 'cpu' comes with metatrans, only grammarian, six-words, translator"
    ):
        pretrained("cpu")
