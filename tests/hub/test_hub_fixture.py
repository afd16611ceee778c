"""The fixtures: this process's clients know no other Hub, fresh processes use ours end to end, and all is undone."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi, HfFileSystem, constants, get_session, hf_hub_url

from .hub_faults import Delay
from .hub_fixture import copies

LIBRARIES = ("huggingface_hub", "datasets", "transformers")
# Names of the public Hub itself, which are compared with and never asked.
PUBLIC = ("HUGGINGFACE_CO_URL_HOME", "_HF_DEFAULT_ENDPOINT")


def in_a_fresh_process(hub, script: str, *arguments: str, **environment: str) -> dict:
    """Runs a script far from the repository, with no Hub but this one; gives the last line that it prints."""
    command = [sys.executable, "-c", script, *arguments]
    settings = {"env": hub.environment(**environment), "cwd": hub.home.parent}
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, **settings)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_no_library_keeps_another_hub_or_stays_offline(hub_here):
    import transformers.dynamic_module_utils  # noqa: F401
    from transformers import pipeline  # noqa: F401

    left = []
    for name, module in list(sys.modules.items()):
        for attribute, value in list(vars(module).items()) if name.split(".")[0] in LIBRARIES else ():
            if isinstance(value, str) and value.startswith("https://huggingface.co") and attribute not in PUBLIC:
                left.append((name, attribute, value))
            if attribute.endswith("_OFFLINE") and value:
                left.append((name, attribute, value))
            if isinstance(value, HfApi | HfFileSystem) and value.endpoint != hub_here.endpoint:
                left.append((name, attribute, value.endpoint))
    assert left == []
    assert hf_hub_url("a/b", "c") == f"{hub_here.endpoint}/a/b/resolve/main/c"


def test_all_is_undone():
    """Tests run in any order, so this one finds what the others left: the state of tests/conftest.py."""
    import datasets.config

    assert constants.HF_HUB_OFFLINE and datasets.config.HF_HUB_OFFLINE and os.environ["HF_HUB_OFFLINE"] == "1"
    assert (constants.ENDPOINT, HfApi().endpoint) == ("https://huggingface.co",) * 2
    with pytest.raises(ConnectionError, match="offline mode"):
        get_session().get("http://127.0.0.1:1")


def test_the_table_names_things_that_exist(hub_here):
    for name in copies("", Path()):
        module, attribute = name.split(":")
        target = sys.modules[module]
        for part in attribute.split("."):
            target = getattr(target, part)


def test_datasets_of_two_configs_load_whole_and_streamed_in_a_fresh_process(hub_here):
    from datasets import Dataset, DatasetDict, load_dataset

    for name, rows in (("small", 3), ("large", 5)):
        dataset = Dataset.from_dict({"input_ids": [[i, 1] for i in range(rows)]})
        DatasetDict(train=dataset, test=dataset).push_to_hub("ada/data", name, private=True)
    assert load_dataset("ada/data", "small", split="test")[2] == {"input_ids": [2, 1]}
    script = """if True:
        import json
        from datasets import get_dataset_config_names, load_dataset
        rows = lambda split: [row["input_ids"] for row in split]
        print(json.dumps({
            "configs": sorted(get_dataset_config_names("ada/data")),
            "small": rows(load_dataset("ada/data", "small", split="train")),
            "large": rows(load_dataset("ada/data", "large")["test"]),
            "streamed": rows(load_dataset("ada/data", "large", split="train", streaming=True)),
        }))
    """
    loaded = in_a_fresh_process(hub_here, script)
    assert loaded["configs"] == ["large", "small"] and loaded["small"] == [[i, 1] for i in range(3)]
    assert loaded["large"] == loaded["streamed"] == [[i, 1] for i in range(5)]


def test_remote_code_loads_in_a_fresh_process(hub_here, tmp_path):
    from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM, build_tokenizer

    model = MetaLSTMForCausalLM(MetaLSTMConfig(embedding_size=4, hidden_size=8)).eval()
    folder = tmp_path / "saved"
    model.save_pretrained(folder)
    build_tokenizer().save_pretrained(folder)
    HfApi().create_repo("ada/lstm", private=True)
    HfApi().upload_folder(repo_id="ada/lstm", folder_path=folder)
    HfApi().create_tag("ada/lstm", tag="v1")
    HfApi().delete_file("modeling_metalstm.py", "ada/lstm")
    script = """if True:
        import json, sys, torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        known = {"revision": "v1", "trust_remote_code": True}
        model = AutoModelForCausalLM.from_pretrained("ada/lstm", **known).eval()
        batch = AutoTokenizer.from_pretrained("ada/lstm", **known)("␁ s0 ␂", return_tensors="pt")
        with torch.no_grad():
            print(json.dumps([type(model).__module__, batch["input_ids"].tolist(), model(**batch).logits.tolist()]))
    """
    module, tokens, logits = in_a_fresh_process(hub_here, script, PYTHONIOENCODING="utf-8", PYTHONPATH="")
    assert module.startswith("transformers_modules.ada.lstm.")
    with torch.no_grad():
        torch.testing.assert_close(torch.tensor(logits), model(torch.tensor(tokens)).logits)


def test_the_shell_commands(hub, tmp_path):
    api = HfApi(hub.endpoint, token="hf_ada_writes")

    def hf(*arguments: str, token: str | None = "hf_ada_writes") -> subprocess.CompletedProcess:
        command = [Path(sys.executable).parent / "hf", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=hub.environment(token), timeout=60)

    with pytest.raises(ConnectionError, match="offline"):  # a Hub alone does not change this process
        api.whoami()
    (tmp_path / "a.txt").write_text("1")
    assert "ada" in hf("auth", "whoami").stdout
    uploaded = hf("upload", "ada/new", str(tmp_path / "a.txt"), "a.txt", "--private")
    assert uploaded.returncode == 0 and hub.files("ada/new")["a.txt"] == b"1", uploaded.stderr
    assert hf("download", "ada/new", "--local-dir", str(tmp_path / "here")).returncode == 0
    assert (tmp_path / "here" / "a.txt").read_text() == "1"
    refused = hf("download", "ada/new", token=None)
    assert refused.returncode != 0 and "not found" in (refused.stdout + refused.stderr).lower()


def test_a_process_that_ends_waits_for_its_push(hub_here):
    """However long that takes: `concurrent.futures` joins its threads at exit, and an upload has no timeout."""
    HfApi().create_repo("ada/model")
    hub_here.fail("/commit/", Delay(1.5))
    script = """if True:
        from huggingface_hub import HfApi
        file = {"path_or_fileobj": b"1", "path_in_repo": "a"}
        HfApi().upload_file(repo_id="ada/model", run_as_future=True, **file)
        print("{}")
    """
    start = time.monotonic()
    in_a_fresh_process(hub_here, script)
    assert time.monotonic() - start > 1.5 and hub_here.files("ada/model")["a"] == b"1"
