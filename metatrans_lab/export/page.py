"""A folder that is a page: it opens from the disk, asks no server, and has the model in it.

FOLDER/
  index.html, style.css, *.js   as they are in metatrans_lab/page/
  README.md          with which the folder is a static Space of the Hub
  languages.js       languages to start from, and puzzles
  models.js          the names of the models
  ort.wasm.min.js    onnxruntime-web
  runtime_files.js   its WebAssembly
  model_files.js     the graphs, the weights, which both share, and the manifest
  grammarian_files.js   the same of the model beside it, which is asked where words change places

A page that was opened from a file can't fetch others, but it can run scripts: so the files stand in these as text,
gzipped, in base64.
"""

import base64
import gzip
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metatrans_lab.apps.asked import GRAMMARIAN, TRANSLATOR
from metatrans_lab.errors import UserError
from metatrans_lab.exact.by_model import class_sizes
from metatrans_lab.export.folder import check_folder_to_write, whole_folder
from metatrans_lab.export.languages import languages_script, script
from metatrans_lab.export.onnx import MANIFEST, check_packages, checked_graphs
from metatrans_lab.export.runtime import LOADER, PACKAGE, SCRIPT, WASM, find_runtime, runtime_version
from metatrans_lab.models.load import load_model, load_translator, mixed_language

if TYPE_CHECKING:
    from onnx import ModelProto
    from transformers import PreTrainedModel

PAGE = Path(__file__).parents[1] / "page"
WEIGHTS = "weights.bin"
RUNTIME_FILES, LANGUAGES, MODELS = "runtime_files.js", "languages.js", "models.js"
MODEL = "model"
"""What the page calls its model that reads words in place, whichever it is."""
STATIC = (".html", ".css", ".js", ".md")

SHARED_FROM = 1024
"""Bytes of a weight that is kept outside of the graphs."""


def export_page(
    name: str, folder: Path, runtime: str | None = None, overwrite: bool = False, trust_remote_code: bool = False
) -> dict[str, Any]:
    """Writes a page with a model that reads words in place; with `translator` it has `grammarian` beside it.

    Args:
        name: the model's, as of `load_translator`.
        folder: where to; it is made.
        runtime: a folder of onnxruntime-web; None: npm brings it, once.
        overwrite: whether what is in the folder may go.

    Returns:
        The manifest.

    Raises:
        UserError: the model can't be loaded, exported or asked by a page; packages or npm are missing; or the folder
            can't be written.
        DifferenceError: the graphs don't say what the model says; nothing is written then.
    """
    check_packages()
    check_folder_to_write(folder, overwrite)
    model = load_translator(name, trust_remote_code)
    found = find_runtime(runtime)
    files, manifest = model_files(name, model)
    if not manifest["language"]["is_in_place"]:
        raise UserError(f"{name} was trained on languages whose words change places, and a page's model reads others")
    manifest["runtime"] = {PACKAGE: runtime_version(found)}
    models = {MODEL: files | {MANIFEST: as_bytes(manifest)}}
    if name == TRANSLATOR:
        files, beside = model_files(GRAMMARIAN, load_model(GRAMMARIAN))
        language = mixed_language(GRAMMARIAN)
        assert language is not None
        beside["language"]["class_sizes"] = class_sizes(language)
        models[GRAMMARIAN] = files | {MANIFEST: as_bytes(beside)}
    with whole_folder(folder, overwrite) as written:
        write_static(written, models)
        shutil.copy(found / SCRIPT, written)
        runtime_files = {file: (found / file).read_bytes() for file in (LOADER, WASM)}
        (written / RUNTIME_FILES).write_text(as_script(runtime_files), encoding="utf-8")
        for called, of_model in models.items():
            named = {f"{called}/{file}": data for file, data in of_model.items()}
            (written / files_of_model(called)).write_text(as_script(named), encoding="utf-8")
    return manifest


def files_of_model(name: str) -> str:
    """The script that holds a model, by what the page calls it."""
    return f"{name}_files.js"


def model_files(name: str, model: "PreTrainedModel") -> tuple[dict[str, bytes], dict[str, Any]]:
    """A model's graphs and the weights that they share, by the names of their files; and the manifest.

    Raises:
        UserError, DifferenceError: as `checked_graphs`.
    """
    graphs, manifest = checked_graphs(name, model)
    weights = share_weights(graphs.values())
    for described in manifest["files"].values():
        del described["bytes"], described["sha256"]  # of graphs with the weights in them
    return {file: graph.SerializeToString() for file, graph in graphs.items()} | {WEIGHTS: weights}, manifest


def as_bytes(manifest: Mapping[str, Any]) -> bytes:
    """A manifest's file."""
    return json.dumps(manifest, ensure_ascii=False).encode()


def write_static(folder: Path, models: Iterable[str] = ()) -> None:
    """Writes all of a page but its models; of these, the names."""
    for file in sorted(PAGE.iterdir()):
        if file.suffix in STATIC:
            shutil.copy(file, folder)
    (folder / LANGUAGES).write_text(languages_script(), encoding="utf-8")
    (folder / MODELS).write_text(script(f"metatrans.modelNames = {json.dumps([*models])};"), encoding="utf-8")


def share_weights(graphs: Iterable["ModelProto"]) -> bytes:
    """Takes the weights out of graphs, which then name their places in what is given back: all of them, once each."""
    from onnx import TensorProto

    places: dict[bytes, int] = {}
    weights = bytearray()
    for graph in graphs:
        for tensor in graph.graph.initializer:
            data = tensor.raw_data
            if len(data) < SHARED_FROM:
                continue
            if data not in places:
                places[data] = len(weights)
                weights += data
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", WEIGHTS), ("offset", places[data]), ("length", len(data))):
                tensor.external_data.add(key=key, value=str(value))
    return bytes(weights)


def as_script(files: Mapping[str, bytes]) -> str:
    """A classic script that puts files into `metatrans.files`, by their names."""
    # Without a time in it, the same file gives the same text.
    texts = {name: base64.b64encode(gzip.compress(data, 9, mtime=0)).decode() for name, data in files.items()}
    return script(f"metatrans.files = {{ ...metatrans.files, ...{json.dumps(texts)} }};")
