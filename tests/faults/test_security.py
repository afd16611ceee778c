"""What comes from elsewhere is data, never code; and a secret stays one."""

import ast
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from metatrans_lab.apps.shell import _parser
from metatrans_lab.config.yaml_files import _Loader
from metatrans_lab.errors import UserError
from metatrans_lab.model_names import pretrained
from metatrans_lab.models.load import load_model

from ..hub.hub_faults import Status

ROOT = Path(__file__).parents[2]
SOURCES = [
    *(
        path
        for folder in ("dataset_script", "modeling_metalstm", "metatrans_lab")
        for path in ROOT.glob(f"{folder}/**/*.py")
    ),
    ROOT / "train.py",
]


def calls(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}, node


def test_no_code_of_ours_runs_data():
    """No pickle, no eval, no shell, and no YAML but by a loader that makes plain values alone."""
    found = {}
    for path in SOURCES:
        for name, keywords, node in calls(path):
            found.setdefault(name, []).append((path.name, keywords, [ast.unparse(value) for value in node.args]))
    assert (
        not {"eval", "exec", "os.system", "pickle.load", "pickle.loads", "dill.loads", "marshal.loads"} & found.keys()
    )
    assert not {"yaml.unsafe_load", "yaml.full_load", "numpy.load", "np.load"} & found.keys()
    assert found["torch.load"] and all(keywords["weights_only"] == "True" for _, keywords, _ in found["torch.load"])
    assert found["yaml.load"] and all(arguments[1] == "_Loader" for _, _, arguments in found["yaml.load"])
    assert not any(keywords.get("shell") == "True" for uses in found.values() for _, keywords, _ in uses)
    assert issubclass(_Loader, yaml.SafeLoader)


class Evil:
    """Makes a folder where it is unpickled."""

    def __init__(self, folder: Path):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_model_folder_with_pickled_weights_runs_nothing(tmp_path, how):
    folder = tmp_path / "model"
    shutil.copytree(pretrained("translator"), folder)
    (folder / "model.safetensors").unlink()
    evil = Evil(tmp_path / "executed")
    if how == "torch":
        torch.save({"lstm.weight": evil}, folder / "pytorch_model.bin")
    else:
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(evil))
    with pytest.raises(UserError):
        load_model(str(folder))
    assert not (tmp_path / "executed").exists()


def test_code_in_a_model_folder_is_not_run_unasked(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(pretrained("translator"), folder)
    (folder / "modeling_metalstm.py").write_text(f"import os; os.mkdir({str(tmp_path / 'executed')!r})\n")
    assert load_model(str(folder)).config.model_type == "metalstm"  # our own class
    assert not (tmp_path / "executed").exists()


def test_the_page_is_bound_to_this_machine_unless_asked():
    assert _parser().parse_args(["demo"]).host == "127.0.0.1"


def test_a_token_is_in_no_file_and_no_sentence(train, hub_here, monkeypatch, capfd, survives):
    """Not even if the Hub's own error says it."""
    token = os.environ["HF_TOKEN"]
    hub_here.fail("POST /api/models/.*/commit/.*", Status(500, f"no such token: {token}"), times=None)
    push = ("--push_to_hub", "--hub_model_id", "ada/run", "--hub_strategy", "every_save", "--hub_patience", "0")
    assert train(*push, "--log_with", "tensorboard") == 3
    captured = capfd.readouterr()
    files = [path for path in Path("outputs").rglob("*") if path.is_file()]
    found = [path for path in files if token.encode() in path.read_bytes()]
    assert len(files) > 10
    hidden = not found and token not in captured.out + captured.err
    survives("a token in the environment: in no file, no line", 1, int(hidden))
