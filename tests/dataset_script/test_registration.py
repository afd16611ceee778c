from datasets import get_dataset_config_names, get_dataset_split_names, load_dataset
from datasets.load import dataset_module_factory

from dataset_script.registration import code_hash, register_load_dataset


def test_datasets_own_tools_know_the_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert get_dataset_config_names("metatrans") == ["kyrylov2023", "ragged"]
    assert get_dataset_split_names("metatrans") == ["train", "validation", "test"]


def test_a_folder_of_that_name_makes_no_difference(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metatrans").mkdir()
    (tmp_path / "metatrans" / "rows.csv").write_text("a\n1\n")
    rows = load_dataset("metatrans", split="test", streaming=True)
    assert next(iter(rows)).keys() == {"input_ids", "labels", "bayes_nll"}


def test_registering_twice_wraps_once():
    before = dataset_module_factory
    register_load_dataset()
    assert dataset_module_factory is before
    assert dataset_module_factory("metatrans").hash == code_hash()
