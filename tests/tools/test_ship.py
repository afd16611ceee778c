import importlib.util
import json
from pathlib import Path

import yaml

from metatrans_lab.models import load_model

ROOT = Path(__file__).parents[2]


def test_a_run_is_shipped_without_its_code_and_its_machine(train, tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("ship", ROOT / "tools" / "ship.py")
    ship = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ship)
    monkeypatch.setattr(ship, "PRETRAINED", tmp_path / "pretrained")
    run, shipped = tmp_path / "run", tmp_path / "pretrained" / "good"
    assert train("--output_dir", str(run), "--num_steps", "5", "--decay_steps", "0", "--eval_every", "0") == 0
    shipped.mkdir(parents=True)
    (shipped / "old.py").touch()
    ship.main(str(run), "good")
    # As many kinds of files as in the models that are there already.
    assert {path.name for path in shipped.iterdir()} == {
        path.name for path in (ROOT / "metatrans_lab" / "pretrained" / "translator").iterdir()
    }
    classes = [json.loads((folder / "config.json").read_text())["auto_map"]["AutoModel"] for folder in (run, shipped)]
    assert classes == ["modeling_metalstm.MetaLSTMModel", "package_code.MetaLSTMModel"]
    for folder in (shipped, *(ROOT / "metatrans_lab" / "pretrained").iterdir()):
        assert (folder / "package_code.py").read_text() == ship.CODE
    assert yaml.safe_load((shipped / "training_config.yaml").read_text())["output_dir"] is None
    card = (shipped / "README.md").read_text()
    assert "# good\n" in card and 'model=pretrained("good")' in card and str(tmp_path) not in card
    assert load_model(str(shipped)).config.hidden_size == 16
