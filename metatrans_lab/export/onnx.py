"""A model as ONNX, beside a manifest that says all that is needed to run it, checked against the model itself.

FOLDER/
  read.onnx       any number of rows and tokens, with a mask, from a state to logits and the state after them
  step.onnx       one token of any number of rows, which is quicker
  manifest.json   the alphabet, what goes in and comes out, the languages, and by how much the files differ from torch
"""

import copy
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import PreTrainedModel

from dataset_script.episodes import Role, sample_episodes
from dataset_script.families import make_language
from dataset_script.families.contract import Language
from metatrans_lab import __version__
from metatrans_lab.errors import UserError
from metatrans_lab.export.folder import check_folder_to_write, whole_folder
from metatrans_lab.models.limits import check_language
from metatrans_lab.models.load import load_model, training_config
from modeling_metalstm.alphabet_metalstm import Alphabet
from modeling_metalstm.export_metalstm import empty_state, export_read, export_step, state_names
from modeling_metalstm.tokenization_metalstm import PADDING, START_OF_SOURCE, START_OF_TARGET, build_tokenizer

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, ValueInfoProto

FORMAT = 1
"""Of the manifest: raise it with any change that a reader of manifests would stumble over."""

MAX_DIFFERENCE = 1e-3
"""Nats, by which a token's log-probability may differ from the model's."""

NUM_EPISODES = 8
"""On which files are compared with the model."""

READ, STEP, MANIFEST = "read.onnx", "step.onnx", "manifest.json"
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


class DifferenceError(RuntimeError):
    """What was exported doesn't say what the model says. The message is one sentence. Exit code 1."""


def check_packages() -> None:
    """Raises UserError if a package is missing that exporting needs."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f'exporting needs {", ".join(missing)}: pip install "metatrans[onnx]"')


def export_onnx(name: str, folder: Path, overwrite: bool = False, trust_remote_code: bool = False) -> dict[str, Any]:
    """Writes a model as ONNX.

    Args:
        name: the model's, as of `load_model`.
        folder: where to; it is made.
        overwrite: whether what is in it may go.

    Returns:
        The manifest.

    Raises:
        UserError: the model can't be loaded or exported, packages are missing, or the folder can't be written.
        DifferenceError: the files don't say what the model says; nothing is written then.
    """
    check_packages()
    check_folder_to_write(folder, overwrite)
    graphs, manifest = checked_graphs(name, load_model(name, trust_remote_code))
    with whole_folder(folder, overwrite) as written:
        for file, graph in graphs.items():
            (written / file).write_bytes(graph.SerializeToString())
        (written / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return manifest


def checked_graphs(name: str, model: PreTrainedModel) -> tuple[dict[str, "ModelProto"], dict[str, Any]]:
    """A model's graphs, by the names of their files, and the manifest.

    Args:
        name: the model's, which the manifest has.
        model: a MetaLSTM of any stack of layers; it isn't changed.

    Raises:
        UserError: it is another model, or there are no episodes to check it on.
        DifferenceError: what is exported doesn't say what the model says.
    """
    if model.config.model_type != "metalstm" or Alphabet.of(model.config) is None:
        raise UserError(f"{name} is a {model.config.model_type} model; what can be exported is a metalstm")
    language = language_of(name, model)
    model = copy.deepcopy(model).float().cpu()
    graphs = make_graphs(model)
    checks = compare(graphs, model, language)
    worst = float(np.max([*checks["largest_difference"].values()]))  # nan, if there is any
    if not worst <= MAX_DIFFERENCE:
        raise DifferenceError(
            f"in ONNX the log-probabilities of {name} differ from the model's by up to {worst:.2g} nats, more than "
            f"the {MAX_DIFFERENCE:g} that are allowed; nothing was written"
        )
    return graphs, describe(name, model, language, graphs, checks)


def language_of(name: str, model: PreTrainedModel) -> Language:
    """The languages that a model was trained on; if its folder doesn't say, words in place of its alphabet.

    Raises:
        UserError: the folder's training config can't be read, or names no language, or the alphabet can be of none.
    """
    config, trained = model.config, training_config(name)
    alphabet = {"num_source_words": config.num_source_words, "num_target_words": config.num_target_words}
    knobs: dict[str, Any] = alphabet | dict(trained.get("language") or {})
    try:
        language = make_language(knobs.pop("family", "lexicon"), **knobs | {"seed": trained.get("seed", 0)})
        check_language(config, language)
    except (TypeError, ValueError) as error:
        raise UserError(f"there are no episodes to check {name} on: {error}") from error
    return language


def make_graphs(model: PreTrainedModel) -> dict[str, "ModelProto"]:
    """The graphs of a whole read and of a step, by the names of their files."""
    import onnx

    names = state_names(model.config)
    before = [f"{name}_before" for name in names]
    graphs = {}
    with _without_remarks(), tempfile.TemporaryDirectory() as folder:
        for file, export, tokens in (
            (READ, export_read, ["input_ids", "attention_mask"]),
            (STEP, export_step, ["input_ids"]),
        ):
            path = str(Path(folder, file))
            torch.onnx.export(
                export(model),
                f=path,
                input_names=[*tokens, *before],
                output_names=["logits", *names],
                verbose=False,
                external_data=False,
            )
            graphs[file] = tidy(onnx.load(path))
    return graphs


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Without what torch has to say about packages and functions of its own."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def tidy(graph: "ModelProto") -> "ModelProto":
    """A graph with sizes that have names, and without the lines of Python that each of its nodes comes from: they are
    a tenth of a small file, and hold the paths of whoever exported it.
    """
    first = graph.graph.input[0].type.tensor_type.shape.dim
    sizes = {size.dim_param: name for size, name in zip(first, ("rows", "length"), strict=True) if size.dim_param}
    for value in (*graph.graph.input, *graph.graph.output):
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = sizes[size.dim_param]
    del graph.metadata_props[:]
    _forget_origins(graph.graph)
    return graph


def _forget_origins(graph: "GraphProto") -> None:
    """Of a graph and of those within it, such as the body of a scan."""
    graph.doc_string = ""
    del graph.metadata_props[:], graph.value_info[:]
    for thing in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        thing.doc_string = ""
        del thing.metadata_props[:]
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    _forget_origins(inner)


def compare(graphs: Mapping[str, "ModelProto"], model: PreTrainedModel, language: Language) -> dict[str, Any]:
    """What was compared with the model, and by how much log-probabilities of tokens differ at most.

    Whole episodes are read in two parts by the one file; the other reads the second part too, token by token, from the
    state that was left by the first.
    """
    import onnxruntime

    episodes = sample_episodes(language, range(NUM_EPISODES), "test")
    tokens, real = episodes.input_ids.astype(np.int64), np.asarray(episodes.role) != Role.PADDING
    with torch.no_grad():
        logits = model(torch.from_numpy(tokens), attention_mask=torch.from_numpy(real).long(), use_cache=False).logits
    expected = logits.double().log_softmax(-1).numpy()  # (N, S, V)

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    sessions = {
        file: onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
        for file, graph in graphs.items()
    }
    names = state_names(model.config)

    def run(file: str, columns: slice, state: Iterable[Any]) -> list[Any]:
        given = {"input_ids": tokens[:, columns], "attention_mask": real[:, columns].astype(np.int64)}
        known = {value.name for value in sessions[file].get_inputs()}
        given = {name: value for name, value in given.items() if name in known}
        return sessions[file].run(None, given | {f"{n}_before": part for n, part in zip(names, state, strict=True)})

    length = tokens.shape[1]
    half = int(real.sum(1).min()) // 2
    first, *middle = run(READ, slice(half), (part.numpy() for part in empty_state(model, len(tokens))))
    second, *_ = run(READ, slice(half, None), middle)
    # A step has no mask, and reads on when an episode has ended; what it says of padding isn't compared.
    steps, state = [], middle
    for column in range(half, length):
        logits, *state = run(STEP, slice(column, column + 1), state)
        steps.append(logits)
    said = {READ: (0, [first, second]), STEP: (half, steps)}
    largest = {}
    for file, (start, parts) in said.items():
        log_p = torch.from_numpy(np.concatenate(parts, 1)).double().log_softmax(-1).numpy()
        largest[file] = float(np.abs(log_p - expected[:, start:])[real[:, start:]].max())
    return {
        "what": "the largest difference of a token's log-probability from torch's, in nats",
        "largest_difference": largest,
        "allowed": MAX_DIFFERENCE,
        "num_episodes": len(tokens),
        "num_tokens": {READ: int(real.sum()), STEP: int(real[:, half:].sum())},
    }


def describe(
    name: str,
    model: PreTrainedModel,
    language: Language,
    graphs: Mapping[str, "ModelProto"],
    checks: dict[str, Any],
) -> dict[str, Any]:
    """The manifest."""
    alphabet = Alphabet(model.config.num_source_words, model.config.num_target_words)
    vocabulary = build_tokenizer(*alphabet).get_vocab()
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    first_target, soh = alphabet.targets.start, alphabet.start_of_source
    marks = {"start_of_source": START_OF_SOURCE, "start_of_target": START_OF_TARGET, "padding": PADDING}
    named = state_names(model.config)
    step = {value.name: value for value in graphs[STEP].graph.output}
    return {
        "format": FORMAT,
        "metatrans": __version__,
        "model": Path(name).name if Path(name).exists() else name,
        "alphabet": {
            "num_source_words": alphabet.num_source_words,
            "num_target_words": alphabet.num_target_words,
            "tokens": tokens,
            "source_symbols": tokens[:first_target],
            "target_symbols": tokens[first_target:soh],
            "marks": {mark: {"token": token, "id": vocabulary[token]} for mark, token in marks.items()},
            "split_at": "white space",
            "padding_side": "left",
        },
        "layout": "␁ s…s ␂ t…t of each example, ␁ s…s ␂ of a question, whose answer ends before the next ␁",
        "language": {"family": language.family, "is_in_place": language.is_in_place} | _plain(language.knobs()),
        "files": {
            file: {
                "bytes": graph.ByteSize(),
                "sha256": hashlib.sha256(graph.SerializeToString()).hexdigest(),
                "opset": max(opset.version for opset in graph.opset_import if not opset.domain),
                "inputs": [_described(value) for value in graph.graph.input],
                "outputs": [_described(value) for value in graph.graph.output],
            }
            for file, graph in graphs.items()
        },
        "states": [
            {"before": f"{state}_before", "after": state} | _described(step[state], "shape", "dtype") | {"at_first": 0}
            for state in named
        ],
        "checks": checks,
        "versions": {package: importlib.metadata.version(package) for package in ("torch", *PACKAGES)},
    }


def _described(value: "ValueInfoProto", *parts: str) -> dict[str, Any]:
    """What goes into a graph or comes out of it: its name, shape and dtype, or these parts of that."""
    import onnx

    tensor = value.type.tensor_type
    shape = [size.dim_param or size.dim_value for size in tensor.shape.dim]
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    described = {"name": value.name, "shape": shape, "dtype": dtype}
    return {part: described[part] for part in parts or described}


def _plain(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Knobs of a language as JSON has them."""
    return json.loads(json.dumps(dict(knobs), default=str))
