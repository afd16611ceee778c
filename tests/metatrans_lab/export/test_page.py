"""The folder of a page has all that it needs, each weight once."""

import base64
import copy
import gzip
import json
import re

import numpy as np
import onnx
import pytest
from huggingface_hub import SpaceCard
from onnx import TensorProto, helper, numpy_helper

from metatrans_lab.export import page
from metatrans_lab.export.page import (
    LANGUAGES,
    MODELS,
    PAGE,
    RUNTIME_FILES,
    STATIC,
    WEIGHTS,
    as_script,
    export_page,
    files_of_model,
    share_weights,
)
from metatrans_lab.export.runtime import FILES
from metatrans_lab.page import SCRIPTS


def graph_of(*weights):
    """y = x · a · b · …"""
    nodes = [helper.make_node("Mul", [f"y{n}" if n else "x", f"w{n}"], [f"y{n + 1}"]) for n in range(len(weights))]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in ("x", f"y{len(weights)}")]
    tensors = [numpy_helper.from_array(weight, f"w{n}") for n, weight in enumerate(weights)]
    return helper.make_model(helper.make_graph(nodes, "graph", ends[:1], ends[1:], tensors))


def files_of(script):
    """What a script puts into `metatrans.files`."""
    texts = json.loads(re.search(r"\.\.\.(\{\".*\})\s*\};", script)[1])
    return {name: gzip.decompress(base64.b64decode(text)) for name, text in texts.items()}


def test_graphs_share_their_weights(tmp_path):
    one, other, small = (np.random.default_rng(n).random(size, np.float32) for n, size in enumerate((400, 400, 4)))
    graphs = [graph_of(one, other, small), graph_of(other, one)]
    whole = sum(graph.ByteSize() for graph in graphs)
    weights = share_weights(graphs)
    assert len(weights) == 3200 and sum(graph.ByteSize() for graph in graphs) < whole - 6000
    (tmp_path / WEIGHTS).write_bytes(weights)
    for graph, expected in zip(graphs, ([one, other, small], [other, one]), strict=True):
        onnx.save(graph, tmp_path / "graph.onnx")
        found = [numpy_helper.to_array(tensor) for tensor in onnx.load(tmp_path / "graph.onnx").graph.initializer]
        assert all((a == b).all() for a, b in zip(found, expected, strict=True))


def test_a_script_holds_files():
    files = {"a.bin": bytes(range(256)) * 9, "b": b""}
    assert files_of(as_script(files)) == files and as_script(files) == as_script(files)


@pytest.fixture
def runtime(tmp_path):
    folder = tmp_path / "runtime"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text(f"// ONNX Runtime Web v1.2.3\n// {name}\n")
    return folder


def test_all_is_copied(tmp_path, runtime, monkeypatch):
    manifest = {"language": {"is_in_place": True}, "files": {"read.onnx": {"bytes": 1, "sha256": "", "opset": 20}}}

    def checked_graphs(name, model):
        return {"read.onnx": graph_of(np.ones(300, np.float32))}, copy.deepcopy(manifest)

    monkeypatch.setattr(page, "checked_graphs", checked_graphs)
    monkeypatch.setattr(page, "languages_script", lambda: "")
    export_page("translator", tmp_path / "page", str(runtime))
    written = {path.name for path in (tmp_path / "page").iterdir()}
    static = {path.name for path in PAGE.iterdir() if path.suffix in STATIC}
    card = SpaceCard.load(tmp_path / "page" / "README.md").data
    assert card.sdk == "static" and card.app_file in written
    model_files = {name: files_of_model(name) for name in ("model", "grammarian")}
    assert written == static | {FILES[0], RUNTIME_FILES, LANGUAGES, MODELS, *model_files.values()}
    assert 'metatrans.modelNames = ["model", "grammarian"];' in (tmp_path / "page" / MODELS).read_text()
    there = files_of((tmp_path / "page" / RUNTIME_FILES).read_text())
    assert there == {name: (runtime / name).read_bytes() for name in FILES[1:]}
    manifests = {}
    for name, script in model_files.items():
        there = files_of((tmp_path / "page" / script).read_text())
        assert set(there) == {f"{name}/{file}" for file in ("read.onnx", WEIGHTS, "manifest.json")}
        assert len(there[f"{name}/{WEIGHTS}"]) == 1200
        manifests[name] = json.loads(there[f"{name}/manifest.json"])
        assert manifests[name]["files"] == {"read.onnx": {"opset": 20}}
    assert manifests["model"]["runtime"] == {"onnxruntime-web": "1.2.3"}
    assert manifests["grammarian"]["language"]["class_sizes"]["grammar"] == [8, 6, 4, 1, 1]


def test_scripts_are_classic_ones():
    for path in PAGE.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(import|export)\b", text, re.M), path
        assert re.search(r"\}\)\(.*\);$", text.rstrip()), path


def test_the_page_runs_all_scripts_in_their_order():
    named = re.findall(r'<script src="(.*?)"', (PAGE / "index.html").read_text(encoding="utf-8"))
    assert set(named) == {path.name for path in PAGE.glob("*.js")} | {LANGUAGES, MODELS}
    assert [name for name in named if name in SCRIPTS] == list(SCRIPTS)
