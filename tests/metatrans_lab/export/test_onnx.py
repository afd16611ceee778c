"""What `metatrans export --to onnx` writes is the model, and says what it is."""

import importlib.util
import json
import shutil
import sys

import numpy as np
import onnxruntime
import pytest
import torch

from metatrans_lab.apps.shell import main
from metatrans_lab.export import onnx as export
from metatrans_lab.models import load_model
from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """The folder of a small model with a state of several parts."""
    folder = tmp_path_factory.mktemp("model") / "small"
    torch.manual_seed(0)
    config = MetaLSTMConfig(embedding_size=8, hidden_size=16, num_heads=2, layer_types=["lstm", "delta_example"])
    MetaLSTMForCausalLM(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def exported(named, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    main(["export", named, "--to", "onnx", "--output", str(folder)])
    return folder


@pytest.fixture
def graphs(exported, monkeypatch):
    """Nothing is traced anew."""
    import onnx

    made = {name: onnx.load(exported / name) for name in (export.READ, export.STEP)}
    monkeypatch.setattr(export, "make_graphs", lambda model: made)
    return made


def test_the_files_and_the_manifest(exported):
    assert sorted(path.name for path in exported.iterdir()) == ["manifest.json", "read.onnx", "step.onnx"]
    manifest = json.loads((exported / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["format"], manifest["model"]) == (1, "small")
    assert manifest["alphabet"]["tokens"][4:8] == ["s4", "s5", "t0", "t1"]
    assert manifest["alphabet"]["marks"]["start_of_target"] == {"token": "␂", "id": 13}
    assert (manifest["language"]["family"], manifest["language"]["num_pairs"]) == ("lexicon", 10)
    assert [state["after"] for state in manifest["states"]] == [
        *("layer_0_hidden", "layer_0_cell", "layer_1_memory", "layer_1_output", "layer_1_place")
    ]
    assert max(manifest["checks"]["largest_difference"].values()) < manifest["checks"]["allowed"] == 1e-3
    assert all(number > 100 for number in manifest["checks"]["num_tokens"].values())
    for name in ("read.onnx", "step.onnx"):
        session = onnxruntime.InferenceSession(exported / name)
        described = manifest["files"][name]
        for way, found in (("inputs", session.get_inputs()), ("outputs", session.get_outputs())):
            assert [(one["name"], one["shape"]) for one in described[way]] == [(one.name, one.shape) for one in found]
        data = (exported / name).read_bytes()
        assert len(data) == described["bytes"]
        # No line of our code, nor where it lies.
        assert not any(path.encode() in data for path in (sys.prefix, ".py", "metalstm"))


def test_a_reader_of_the_manifest_can_run_it(exported, named):
    manifest = json.loads((exported / "manifest.json").read_text(encoding="utf-8"))
    ids = {token: number for number, token in enumerate(manifest["alphabet"]["tokens"])}
    step = onnxruntime.InferenceSession(exported / "step.onnx")
    state = {
        one["before"]: np.full([1 if size == "rows" else size for size in one["shape"]], one["at_first"], one["dtype"])
        for one in manifest["states"]
    }
    tokens = [ids[token] for token in ["␁", "s0", "s1", "␂", "t3", "t2", "␁", "s0", "␂"]]
    for token in tokens:
        logits, *after = step.run(None, {"input_ids": np.array([[token]]), **state})
        state = dict(zip(state, after, strict=True))
    with torch.no_grad():
        expected = load_model(named)(torch.tensor([tokens])).logits[0, -1]
    torch.testing.assert_close(torch.from_numpy(logits[0, -1]), expected, rtol=1e-4, atol=1e-4)


def test_files_that_differ_from_the_model_are_not_written(graphs, named, tmp_path, capsys):
    head = next(tensor for tensor in graphs[export.STEP].graph.initializer if len(tensor.raw_data) > 500)
    head.raw_data = (np.frombuffer(head.raw_data, np.float32) * 1.1).astype(np.float32).tobytes()
    with pytest.raises(SystemExit) as stopped:
        main(["export", named, "--to", "onnx", "--output", str(tmp_path / "new")])
    assert stopped.value.code == 1 and not any(tmp_path.iterdir())
    error = capsys.readouterr().err
    assert "metatrans: in ONNX the log-probabilities of" in error and "more than the 0.001 that are allowed" in error


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nothing-here", "--to", "onnx"], "there is no model 'nothing-here'"),
        (["translator", "--to", "onnx", "--runtime", "folder"], "--runtime is of a page; leave it out"),
        (["translator", "--to", "onnx", "--output", "there"], "the folder there isn't empty; give another --output"),
        (["translator", "--to", "page", "--output", "there"], "the folder there isn't empty; give another --output"),
        (["grammarian", "--to", "page"], "was trained on languages of the family mixed, whose words change places"),
        (
            ["translator", "--to", "page", "--runtime", "there"],
            "there isn't onnxruntime-web: it has no ort.wasm",
        ),
    ],
)
def test_errors_are_sentences(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("")
    with pytest.raises(SystemExit) as stopped:
        main(["export", *arguments])
    assert stopped.value.code == 2 and message in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == ["there", "file"]


def test_missing_packages_are_told(monkeypatch, capsys, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("onnxs") else find(name))
    with pytest.raises(SystemExit):
        main(["export", "translator", "--to", "onnx", "--output", str(tmp_path / "new")])
    assert capsys.readouterr().err == 'metatrans: exporting needs onnxscript: pip install "metatrans[onnx]"\n'


def test_nothing_that_is_no_number_passes(graphs, named, tmp_path, capsys):
    for tensor in graphs[export.STEP].graph.initializer:
        if len(tensor.raw_data) > 500:
            tensor.raw_data = np.full(len(tensor.raw_data) // 4, np.nan, np.float32).tobytes()
    with pytest.raises(SystemExit) as stopped:
        main(["export", named, "--to", "onnx", "--output", str(tmp_path / "new")])
    assert stopped.value.code == 1 and "by up to nan nats" in capsys.readouterr().err


def test_a_model_of_other_words_than_its_training_config_has_is_refused(named, tmp_path, capsys):
    shutil.copytree(named, tmp_path / "model")
    (tmp_path / "model" / "training_config.yaml").write_text("language: {num_source_words: 4, num_target_words: 5}")
    with pytest.raises(SystemExit) as stopped:
        main(["export", str(tmp_path / "model"), "--to", "onnx", "--output", str(tmp_path / "new")])
    assert stopped.value.code == 2
    assert "on: the model has 6 source and 6 target words, but the language 4 and 5" in capsys.readouterr().err


def test_a_model_of_another_type_is_refused(tmp_path, capsys):
    from transformers import GPT2Config, GPT2LMHeadModel

    GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=8, n_head=1, vocab_size=15)).save_pretrained(tmp_path / "peer")
    with pytest.raises(SystemExit):
        main(["export", str(tmp_path / "peer"), "--to", "onnx", "--output", str(tmp_path / "new")])
    assert "is a gpt2 model; what can be exported is a metalstm" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["translator", "grammarian", "six-words"])
def test_the_models_of_the_package(name, tmp_path):
    manifest = export.export_onnx(name, tmp_path / "onnx")
    assert max(manifest["checks"]["largest_difference"].values()) < 5e-4
    assert manifest["model"] == name and sum(manifest["checks"]["num_tokens"].values()) > 900
