"""Configs by name, wherever metatrans is."""

from pathlib import Path

import pytest

from metatrans_lab.config import read_config
from metatrans_lab.errors import UserError
from metatrans_lab.shipped import CONFIGS, TRAIN, find_config, named_configs


def test_the_script_and_the_configs_are_the_checkout_s():
    root = Path(__file__).parents[2]
    assert (root / "train.py", root / "configs") == (TRAIN, CONFIGS)
    assert set(named_configs().values()) == set(CONFIGS.rglob("*.yaml"))


def test_a_config_is_found_by_name_where_there_is_no_such_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("cpu", "cpu.yaml", "configs/cpu.yaml"):
        assert find_config(name) == CONFIGS / "cpu.yaml"
    assert find_config("peers/llama") == CONFIGS / "peers" / "llama.yaml"
    assert find_config("own.yaml") == Path("own.yaml")
    Path("cpu").mkdir()  # such as a run's folder
    assert find_config("cpu") == CONFIGS / "cpu.yaml"
    Path("cpu.yaml").touch()
    assert find_config("cpu.yaml") == Path("cpu.yaml")


def test_a_file_of_one_s_own_has_one_of_ours_as_its_base(tmp_path):
    own = tmp_path / "own.yaml"
    for base in ("tiny", "tiny.yaml", str(CONFIGS / "tiny.yaml")):
        own.write_text(f"base: {base}\nname: own\n")
        assert read_config(str(own), {}).num_steps == read_config("tiny", {}).num_steps == 40
    (tmp_path / "tiny.yaml").write_text("num_steps: 60\n")  # nearer
    own.write_text("base: tiny.yaml\n")
    assert read_config(str(own), {}).num_steps == 60


def test_a_misspelt_name_gets_the_nearest():
    with pytest.raises(UserError, match=r"^can't read the config tinny: .* directory; did you mean 'tiny'\?$"):
        read_config("tinny", {})
