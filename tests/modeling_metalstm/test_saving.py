"""A saved folder serves a process with our package and, by trust_remote_code, one without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, pipeline

from modeling_metalstm import (
    InContextTranslationPipeline,
    MetaLSTMConfig,
    MetaLSTMForCausalLM,
    MetaLSTMModel,
    build_tokenizer,
)

from ..complaints import COMPLAINTS
from .conftest import STACKS

EXAMPLES = [["red", "dax"], ["blue red", "wif dax"]]
CHAT = [
    {"role": "user", "content": "s0 s1"},
    {"role": "assistant", "content": "t3 t2"},
    {"role": "user", "content": "s1 s1"},
]
TOKENS = [[12, 0, 1, 13, 9, 8, 12, 1, 1, 13]]
PACKAGE = Path(sys.modules[MetaLSTMConfig.__module__].__file__).parents[1]

# What a user does with a folder; `trust` is all that a process without our package adds.
SCRIPT = """
import json, sys
import torch
torch.set_num_threads(1)
{imports}
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer, pipeline

folder, examples, chat, tokens = sys.argv[1], *map(json.loads, sys.argv[2:5])
trust = {trust}
config = AutoConfig.from_pretrained(folder, **trust)
tokenizer = AutoTokenizer.from_pretrained(folder, **trust)
model = AutoModelForCausalLM.from_pretrained(folder, **trust).eval()
base = AutoModel.from_pretrained(folder, **trust).eval()
translator = pipeline("in-context-translation", model=folder, **trust)
writer = pipeline("text-generation", model=folder, **trust)
batch = tokenizer(["␁ s0 ␂", "␁ s0 s1 s2 ␂"], padding=True, return_tensors="pt")
beams = model.generate(**batch, max_new_tokens=4, num_beams=2)
copied = folder + "-copy"
translator.save_pretrained(copied)
with torch.no_grad():
    print(json.dumps({{
        "module": type(model).__module__,
        "config": [type(config).__name__, config.vocab_size],
        "logits": model(torch.tensor(tokens)).logits.tolist(),
        "hidden": base(torch.tensor(tokens)).last_hidden_state.tolist(),
        "translation": translator("blue red zup", examples=examples, num_bindings=3),
        "chat": writer(chat, max_new_tokens=5)[0]["generated_text"][-1],
        "beams": beams.tolist(),
        "copy": pipeline("in-context-translation", model=copied, **trust)("red", examples=examples),
    }}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    return save(tmp_path_factory.mktemp("saved") / "model", num_hidden_layers=2)


def save(path, **layers):
    config = MetaLSTMConfig(embedding_size=12, hidden_size=16, num_heads=2, **layers)
    MetaLSTMForCausalLM(config).save_pretrained(path)
    build_tokenizer().save_pretrained(path)
    return path


def in_a_fresh_process(folder, tmp_path, imports, trust, pythonpath):
    """Runs the script far from the repository, offline, with a home of its own; gives its result and its stderr."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTHON"))}
    environment |= {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment |= {"PYTHONPATH": str(pythonpath), "PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "default"}
    script = SCRIPT.format(imports=imports, trust=trust)
    arguments = [str(folder), json.dumps(EXAMPLES), json.dumps(CHAT), json.dumps(TOKENS)]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


# A module of this name that can't be imported stands for a process without our package, even where it is installed.
WITHOUT_PACKAGE = "sys.modules['modeling_metalstm'] = None"


@pytest.mark.parametrize(
    ("imports", "trust", "module"),
    [
        (WITHOUT_PACKAGE, {"trust_remote_code": True}, "transformers_modules."),
        ("import modeling_metalstm", {}, "modeling_metalstm."),
        ("import modeling_metalstm", {"trust_remote_code": True}, "modeling_metalstm."),
    ],
    ids=["without-package", "with-package", "with-package-and-trust"],
)
def test_a_fresh_process_uses_the_folder(folder, tmp_path, imports, trust, module):
    use_in_a_fresh_process(folder, tmp_path, imports, trust, module)


@pytest.mark.parametrize("name", [name for name, layers in STACKS.items() if "layer_types" in layers])
def test_a_process_without_our_package_uses_a_folder_of_any_stack(tmp_path, name):
    torch.manual_seed(0)
    folder = save(tmp_path / "model", **STACKS[name])
    use_in_a_fresh_process(folder, tmp_path, WITHOUT_PACKAGE, {"trust_remote_code": True}, "transformers_modules.")


def use_in_a_fresh_process(folder, tmp_path, imports, trust, module):
    model = MetaLSTMForCausalLM.from_pretrained(folder).eval()
    translator = pipeline("in-context-translation", model=str(folder))
    pythonpath = "" if imports == WITHOUT_PACKAGE else PACKAGE
    result, stderr = in_a_fresh_process(folder, tmp_path, imports, trust, pythonpath)
    assert result["module"].startswith(module)
    assert result["config"] == ["MetaLSTMConfig", 15]
    with torch.no_grad():
        expected = model(torch.tensor(TOKENS), output_hidden_states=True)
    torch.testing.assert_close(torch.tensor(result["logits"]), expected.logits)
    torch.testing.assert_close(torch.tensor(result["hidden"]), expected.hidden_states[-1])
    assert result["translation"] == translator("blue red zup", examples=EXAMPLES, num_bindings=3)
    assert result["copy"] == translator("red", examples=EXAMPLES)
    generated = model.generate(torch.tensor(TOKENS), max_new_tokens=5)[0, len(TOKENS[0]) :]
    expected_chat = build_tokenizer().decode(generated, skip_special_tokens=True)
    assert result["chat"] == {"role": "assistant", "content": expected_chat}
    # Nothing to worry a user with: progress bars, but no warnings, reports or complaints.
    said = [line for part in stderr.split("\n") for line in part.split("\r") if line.strip()]
    assert [
        line for line in said if not line.startswith(("Loading weights", "Writing model shards", *COMPLAINTS))
    ] == []


def test_the_folder_is_complete_and_its_code_is_ours(folder):
    config = json.loads((folder / "config.json").read_text())
    assert config["auto_map"] == {
        "AutoConfig": "configuration_metalstm.MetaLSTMConfig",
        "AutoModel": "modeling_metalstm.MetaLSTMModel",
        "AutoModelForCausalLM": "modeling_metalstm.MetaLSTMForCausalLM",
    }
    implementation = config["custom_pipelines"]["in-context-translation"]["impl"]
    for reference in (*config["auto_map"].values(), implementation):
        module, name = reference.split(".")
        assert f"class {name}" in (folder / f"{module}.py").read_text()
    for path in folder.glob("*.py"):
        assert path.read_bytes() == (PACKAGE / "modeling_metalstm" / path.name).read_bytes()
    assert (folder / "model.safetensors").exists() and (folder / "tokenizer.json").exists()


def test_every_auto_class_loads_our_classes(folder):
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert type(model) is MetaLSTMForCausalLM and type(AutoModel.from_pretrained(folder)) is MetaLSTMModel
    assert type(AutoModelForCausalLM.from_config(MetaLSTMConfig(hidden_size=4))) is MetaLSTMForCausalLM
    assert AutoTokenizer.from_pretrained(folder).get_vocab() == build_tokenizer().get_vocab()
    assert type(pipeline("in-context-translation", model=str(folder))) is InContextTranslationPipeline
    # nn.LSTM keeps a list of its weights for its kernels; loading must not leave old ones in it.
    lstm = model.model.lstm
    for weight, name in zip(lstm._flat_weights, lstm._flat_weights_names, strict=True):
        assert weight is getattr(lstm, name)


def test_weights_and_state_dict_round_trip(folder, tmp_path):
    model = MetaLSTMForCausalLM.from_pretrained(folder)
    model.to(torch.bfloat16).save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert loaded.dtype == torch.bfloat16
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, loaded.state_dict()[name])
    assert AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_stack_comes_back_as_it_was(tmp_path, stack, dtype):
    torch.manual_seed(0)
    model = MetaLSTMForCausalLM.from_pretrained(save(tmp_path / "first", **stack)).to(dtype)
    model.save_pretrained(tmp_path / "second")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "second")
    assert loaded.dtype == dtype and loaded.config.layer_types == model.config.layer_types
    weights = loaded.state_dict()
    assert weights.keys() == model.state_dict().keys()
    assert all(torch.equal(weight, weights[name]) for name, weight in model.state_dict().items())
    assert torch.equal(loaded(torch.tensor(TOKENS)).logits, model(torch.tensor(TOKENS)).logits)


def test_a_model_from_a_base_model_gets_a_fresh_head(folder, tmp_path):
    """Missing weights are drawn by our initialisation, not left as the memory was."""
    AutoModel.from_pretrained(folder).save_pretrained(tmp_path)
    head = MetaLSTMForCausalLM.from_pretrained(tmp_path).lm_head
    for parameter in (head.weight.detach(), head.bias.detach()):
        assert 0 < float(parameter.abs().max()) <= 16**-0.5


def test_saving_a_loaded_folder_gives_the_same_files(folder, tmp_path):
    """Model, tokenizer and pipeline, once and once more: the files are the same to the byte."""

    def files(path):
        found = {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}
        # Here transformers notes where it loaded a tokenizer from, and nothing where it was built.
        settings = json.loads(found["tokenizer_config.json"])
        found["tokenizer_config.json"] = {
            name: value for name, value in settings.items() if name not in ("is_local", "local_files_only")
        }
        return found

    first, second, whole = tmp_path / "first", tmp_path / "second", tmp_path / "whole"
    for source, target in ((folder, first), (first, second)):
        AutoModelForCausalLM.from_pretrained(source).save_pretrained(target)
        AutoTokenizer.from_pretrained(source).save_pretrained(target)
    pipeline("in-context-translation", model=str(second)).save_pretrained(whole)
    expected = files(folder)
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} < set(expected)
    for path in (first, second, whole):
        assert files(path).keys() == expected.keys()
        assert [name for name, content in files(path).items() if content != expected[name]] == []


RESUMED = """
import sys
{imports}
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
folder, where, steps, resume = sys.argv[1:]
AutoTokenizer.from_pretrained(folder)  # has no code of ours, and needs none
model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
tokens = torch.randint(0, 12, (32, 9), generator=torch.Generator().manual_seed(1)).tolist()
rows = [{{"input_ids": row, "labels": row}} for row in tokens]
arguments = TrainingArguments(
    where, max_steps=int(steps), save_steps=2, per_device_train_batch_size=4, use_cpu=True, report_to=[],
    lr_scheduler_type="constant", learning_rate=1e-2, disable_tqdm=True,
)
trainer = Trainer(model, arguments, train_dataset=rows)
trainer.train(resume_from_checkpoint=resume == "resume")
assert trainer.state.global_step == int(steps) and type(model).__module__.startswith({module!r})
torch.save(model.state_dict(), where + "/weights.pt")
"""


@pytest.mark.parametrize(
    "imports, module", [(WITHOUT_PACKAGE, "transformers_modules."), ("import modeling_metalstm", "modeling_metalstm.")]
)
def test_a_trainer_resumes_in_a_fresh_process(tmp_path, imports, module):
    """To the bit; the library reads its checkpoint's config by a class that knows none of our layers."""
    folder = save(tmp_path / "model", layer_types=["lstm", "mlstm_example", "mlstm"])
    for name, steps, how in (("whole", "4", "anew"), ("cut", "2", "anew"), ("cut", "4", "resume")):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTHON"))}
        environment |= {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        environment |= {"PYTHONPATH": "" if imports == WITHOUT_PACKAGE else str(PACKAGE)}
        script = RESUMED.format(imports=imports, module=module)
        command = [sys.executable, "-c", script, str(folder), str(tmp_path / name), steps, how]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    whole, cut = (torch.load(tmp_path / name / "weights.pt") for name in ("whole", "cut"))
    assert all(torch.equal(weight, cut[name]) for name, weight in whole.items())
