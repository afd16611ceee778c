"""The fixtures by which tests meet a Hub of their own: `hub`, `hub_here`, `waits`.

`hub` is a server, with `hub.environment()` for subprocesses: the way for whatever loads remote code or data sets, as
HF_ENDPOINT is read at import and module caches outlive a test. `hub_here` also turns this process's clients to it.
"""

import importlib
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from .hub_protocol import Account
from .hub_server import Hub

ACCOUNTS = {
    "hf_ada_writes": Account("ada", orgs=("lovelace-lab",)),
    "hf_ada_reads": Account("ada", role="read"),
    "hf_charles_writes": Account("charles"),
}
TOKEN = "hf_ada_writes"
PUBLIC = "https://huggingface.co"

# Said to subprocesses; all but the first are what keeps a client on the loopback and quiet.
SETTINGS = {
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    "DISABLE_SAFETENSORS_CONVERSION": "1",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    "OMP_NUM_THREADS": "1",
}


class HubForTests(Hub):
    """A Hub with the accounts above, and a home for its clients' files."""

    def __init__(self, home: Path):
        super().__init__(ACCOUNTS)
        self.home = home

    def environment(self, token: str | None = TOKEN, **more: str) -> dict[str, str]:
        """The environment of a subprocess that knows no other Hub; `token=None` is a visitor."""
        dropped = ("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "OMP_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        named = {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(self.home)} | ({"HF_TOKEN": token} if token else {})
        return kept | SETTINGS | named | more


@pytest.fixture
def hub(tmp_path):
    """A Hub of this test's own, up until its end; a mistake of the server itself fails the test."""
    with HubForTests(tmp_path / "hub-home") as hub:
        yield hub
    assert not hub.mistakes, hub.mistakes[0]


def copies(endpoint: str, home: Path) -> dict[str, object]:
    """Every name under which a loaded library keeps what it read from the environment, with what it should hold.

    `test_hub_fixture.py` searches the libraries for names that are missing here.
    """
    page = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    hub, data = str(home / "hub"), home / "datasets"
    names = {
        "huggingface_hub.constants": {
            "ENDPOINT": endpoint,
            "HUGGINGFACE_CO_URL_TEMPLATE": page,
            "HF_URL_HOSTS": frozenset({"127.0.0.1"}),
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_DISABLE_TELEMETRY": True,
            "HF_HUB_CACHE": hub,
            "HUGGINGFACE_HUB_CACHE": hub,
            "HF_ASSETS_CACHE": str(home / "assets"),
            "HF_TOKEN_PATH": str(home / "token"),
            "HF_STORED_TOKENS_PATH": str(home / "stored_tokens"),
            "AGENT_HARNESSES_PATH": str(home / ".agent_harnesses.json"),
        },
        "huggingface_hub": {"HUGGINGFACE_CO_URL_TEMPLATE": page},
        "huggingface_hub.hf_api": {"api.endpoint": endpoint, "api._whoami_cache": {}},
        "huggingface_hub.hf_file_system": {"hffs.endpoint": endpoint, "hffs._api.endpoint": endpoint},
        "huggingface_hub.utils._cache_manager": {"HF_HUB_CACHE": hub},
        "huggingface_hub.utils._git_credential": {"ENDPOINT": endpoint},
        "datasets.config": {
            "HF_ENDPOINT": endpoint,
            "HUB_DATASETS_URL": endpoint + "/datasets/{repo_id}/resolve/{revision}/{path}",
            "HF_HUB_OFFLINE": False,
            "HF_DATASETS_OFFLINE": False,
            "HF_UPDATE_DOWNLOAD_COUNTS": False,
            "HF_DATASETS_CACHE": data,
            "DOWNLOADED_DATASETS_PATH": data / "downloads",
            "EXTRACTED_DATASETS_PATH": data / "downloads" / "extracted",
        },
        "transformers.utils.hub": {"_hf_api": None},
    }
    return {f"{module}:{name}": value for module, values in names.items() for name, value in values.items()}


@pytest.fixture
def hub_here(hub, monkeypatch):
    """The same Hub, with huggingface_hub, datasets and transformers of this very process turned to it.

    Not in this process: `trust_remote_code` (the folder of modules is copied into four modules and into `sys.path`,
    and a class once loaded stays) and `HF_HUB_ETAG_TIMEOUT` as the default of `HfApi`'s methods. Use a subprocess.
    """
    from huggingface_hub import HfFileSystem, get_session, set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    wanted = copies(hub.endpoint, hub.home)
    # All are imported before anything is set: what is first imported below would keep this Hub's address for ever.
    modules = {name: importlib.import_module(name.split(":")[0]) for name in wanted}
    for name, value in wanted.items():
        target = modules[name]
        *path, attribute = name.split(":")[1].split(".")
        for part in path:
            target = getattr(target, part)
        monkeypatch.setattr(target, attribute, value)
    # Before 2.2 huggingface_hub has cards checked by the public Hub, whichever Hub it was told of.
    client = SimpleNamespace(post=lambda url, **more: get_session().post(url.replace(PUBLIC, hub.endpoint), **more))
    monkeypatch.setattr("huggingface_hub.repocard.get_session", lambda: client)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    told = {"HF_TOKEN": TOKEN, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(hub.home), "NO_PROXY": SETTINGS["NO_PROXY"]}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    set_client_factory(default_client_factory)  # which closes connections to no Hub, or to another one
    yield hub
    set_client_factory(default_client_factory)
    HfFileSystem.clear_instance_cache()  # they remember listings, per endpoint, and ports come again


class Waits(list):
    """Stands where a module had `time`: notes how long a client would have slept, and doesn't."""

    def sleep(self, seconds: float) -> None:
        self.append(seconds)

    def __getattr__(self, name: str):
        return getattr(time, name)


@pytest.fixture
def waits(monkeypatch):
    """How long the clients of this process would have waited between their tries, in seconds, in order."""
    waits = Waits()
    for name in ("huggingface_hub.utils._http", "huggingface_hub.file_download", "datasets.arrow_dataset"):
        monkeypatch.setattr(importlib.import_module(name), "time", waits)
    return waits


@pytest.fixture
def our_waits(monkeypatch):
    """How long we would have waited between our own tries, in seconds, in order."""
    waited = []

    class NeverWaits(threading.Event):
        def wait(self, seconds):
            waited.append(seconds)
            return self.is_set()

    monkeypatch.setattr("metatrans_lab.hub.pusher.Event", NeverWaits)
    return waited
