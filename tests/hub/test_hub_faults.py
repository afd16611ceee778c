"""Each failure as huggingface_hub meets it: which exception a caller gets, and how often it was tried before.

What these tests pin is the behaviour of huggingface_hub 2.4, so that we know what our own code has to add.
"""

import os
import time
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants, get_session, hf_hub_download, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from huggingface_hub.utils._http import default_client_factory
from packaging.version import Version

from metatrans_lab.hub.pusher import httpx

from .hub_faults import Corrupt, Delay, Drop, LoseReply, Status, Truncate, rate_limited

MODEL = "ada/model"
WEIGHTS = b"w" * 100_000
BACKOFF = [1, 2, 4, 8, 8]  # seconds between the six tries
ONCE = ["/commit/", "/repos/create", "/validate-yaml", "/whoami-v2", "/tag/"]
AGAIN = ["/preupload/", "/objects/batch", "PUT /storage/", "/objects/verify"]
(AGAIN if Version(huggingface_hub.__version__) >= Version("2.1") else ONCE).append("/tree/")


@pytest.fixture
def api(hub_here, waits):
    api = HfApi()
    api.create_repo(MODEL)
    return api


def commit(api: HfApi, weights: bytes = WEIGHTS):
    """One file for git and one for LFS, so that every kind of request is made."""
    files = {"model.safetensors": weights, "README.md": b"---\nlicense: mit\n---\n"}
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    return api.create_commit(MODEL, operations, commit_message="Both kinds")


@pytest.fixture
def patience():
    """Gives the process's clients a timeout, in seconds, and takes it back; they have none by default."""

    def grant(seconds: float) -> None:
        def client():
            client = default_client_factory()
            client.timeout = seconds
            return client

        set_client_factory(client)

    yield grant
    set_client_factory(default_client_factory)


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 502, 503])
@pytest.mark.parametrize("request_", ONCE)
def test_these_are_asked_once_and_a_caller_must_ask_again(api, hub_here, waits, request_, status):
    hub_here.fail(request_, Status(status), times=None)
    before = hub_here.count(request_)
    with pytest.raises(HfHubHTTPError) as error:
        if request_ == "/tag/":
            api.create_tag(MODEL, tag="v1")
        elif request_ == "/whoami-v2":
            api.whoami()
        elif request_ == "/repos/create":
            api.create_repo("ada/other")
        elif request_ == "/tree/":
            api.list_repo_files(MODEL)
        else:
            commit(api)
    assert error.value.response.status_code == status
    assert hub_here.count(request_) - before == 1 and waits == []
    assert list(hub_here.files(MODEL)) == [".gitattributes"]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.parametrize("request_", AGAIN)
def test_these_are_asked_again_up_to_six_times(api, hub_here, waits, request_, status):
    def use(weights: bytes):
        api.list_repo_files(MODEL) if request_ == "/tree/" else commit(api, weights)

    fault = hub_here.fail(request_, Status(status), times=2)
    use(WEIGHTS)
    assert (fault.hits, waits) == (2, BACKOFF[:2])
    waits.clear()
    fault = hub_here.fail(request_, Status(status), times=None)
    # What LFS requests raise is wrapped, so that neither its type nor its status is seen by `except HfHubHTTPError`.
    wrapped = request_ in ("PUT /storage/", "/objects/verify")
    with pytest.raises(RuntimeError if wrapped else HfHubHTTPError) as error:
        use(b"others")
    cause = error.value.__cause__ if wrapped else error.value
    assert cause.response.status_code == status and (fault.hits, waits) == (6, BACKOFF)


@pytest.mark.parametrize("request_", ["/preupload/", "PUT /storage/"])
def test_a_status_that_will_not_pass_is_not_asked_again(api, hub_here, waits, request_):
    for status in (401, 403, 409):
        fault = hub_here.fail(request_, Status(status))
        with pytest.raises((HfHubHTTPError, RuntimeError)):
            commit(api)
        assert fault.hits == 1 and waits == []


def test_a_rate_limit_says_how_long_to_wait(api, hub_here, waits):
    hub_here.fail("/preupload/", rate_limited(30))
    commit(api)
    assert waits == [31]
    hub_here.fail("/commit/", rate_limited(30))
    with pytest.raises(HfHubHTTPError, match="429") as error:
        commit(api, weights=b"others")
    assert error.value.response.headers["Retry-After"] == "30" and waits == [31]


def test_faults_can_come_late_and_be_healed(api, hub_here):
    fault = hub_here.fail("/commit/", Status(500), times=None, after=1)
    commit(api)
    for hits in (1, 2):
        with pytest.raises(HfHubHTTPError):
            commit(api, weights=b"others")
        assert fault.hits == hits
    hub_here.heal()
    commit(api, weights=b"others")
    assert hub_here.files(MODEL)["model.safetensors"] == b"others"


def test_a_connection_that_breaks_in_an_upload_is_made_again(api, hub_here, waits):
    fault = hub_here.fail("PUT /storage/", Drop(bytes_read=50_000), times=2)
    commit(api)
    assert (fault.hits, waits) == (2, BACKOFF[:2]) and hub_here.files(MODEL)["model.safetensors"] == WEIGHTS
    hub_here.fail("PUT /storage/", Drop(bytes_read=50_000), times=None)
    with pytest.raises(RuntimeError, match=r"uploading 'model\.safetensors'") as error:
        commit(api, weights=WEIGHTS[1:])
    assert isinstance(error.value.__cause__, httpx.TransportError)


def test_a_connection_that_breaks_in_a_commit_is_not_and_the_error_is_not_the_hubs(api, hub_here, waits):
    fault = hub_here.fail("/commit/", Drop(bytes_read=100), times=None)
    with pytest.raises(httpx.TransportError) as error:
        commit(api)
    assert not isinstance(error.value, OSError | HfHubHTTPError) and (fault.hits, waits) == (1, [])


def test_a_commit_whose_answer_is_lost_was_made_and_is_not_made_twice(api, hub_here):
    hub_here.fail("/commit/", LoseReply())
    with pytest.raises(httpx.TransportError):
        commit(api)
    made = hub_here.head(MODEL).oid
    assert "README.md" in hub_here.files(MODEL)
    assert commit(api).oid == made and hub_here.count("/commit/") == 1


def test_an_upload_has_no_timeout_unless_the_client_is_given_one(api, hub_here, patience, monkeypatch):
    for name in ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"):
        monkeypatch.setattr(constants, name, 0.1)  # neither has a part in it
    hub_here.fail("/(preupload|commit)/", Delay(0.5), times=2)
    commit(api)
    assert get_session().timeout == httpx.Timeout(None)
    patience(0.2)
    fault = hub_here.fail("/tag/", Delay(600))
    with pytest.raises(httpx.ReadTimeout):
        api.create_tag(MODEL, tag="v1")
    assert fault.hits == 1


def test_a_timeout_of_a_request_that_backs_off_is_tried_six_times(api, hub_here, waits, patience):
    patience(0.1)
    fault = hub_here.fail("/preupload/", Delay(600), times=None)
    with pytest.raises(httpx.ReadTimeout):
        commit(api)
    assert (fault.hits, waits) == (6, BACKOFF)


def test_a_late_answer_is_still_done(api, hub_here, patience):
    patience(0.2)
    hub_here.fail("/tag/", Delay(0.5))
    with pytest.raises(httpx.ReadTimeout):
        api.create_tag(MODEL, tag="v1")
    deadline = time.monotonic() + 5
    while "v1" not in hub_here.state.repositories["models", MODEL].tags:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_downloads_have_timeouts_of_their_own(api, hub_here, waits, monkeypatch):
    commit(api)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    fault = hub_here.fail("GET /storage/", Delay(600), times=None)
    with pytest.raises(httpx.ReadTimeout):
        hf_hub_download(MODEL, "model.safetensors")
    assert (fault.hits, waits) == (6, [1] * 5)
    waits.clear()
    # The first look at a file is quick to give up; only a second one, with 60 s of patience, backs off.
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.1)
    fault = hub_here.fail("HEAD ", Delay(600), times=1)
    assert hf_hub_download(MODEL, "README.md") and (fault.hits, waits) == (1, [])


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_file_that_cannot_be_looked_up_comes_from_the_cache_or_not_at_all(api, hub_here, waits, status):
    commit(api)
    hub_here.fail("HEAD ", Status(status), times=None)
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download(MODEL, "README.md")
    assert (hub_here.count("HEAD "), waits) == (7, BACKOFF)
    hub_here.heal()
    path = hf_hub_download(MODEL, "README.md")
    hub_here.fail("HEAD ", Status(status), times=None)
    assert hf_hub_download(MODEL, "README.md") == path  # without a word


@pytest.mark.parametrize(("status", "tries"), [(403, 1), (500, 1), (503, 1), (429, 6)])
def test_a_refused_download_is_asked_again_only_for_the_rate(api, hub_here, status, tries):
    commit(api)
    fault = hub_here.fail("GET /storage/", Status(status), times=None)
    with pytest.raises(HfHubHTTPError):
        hf_hub_download(MODEL, "model.safetensors")
    assert fault.hits == tries


def test_a_snapshot_of_a_failing_hub(api, hub_here):
    commit(api)
    hub_here.fail("GET /api/models/.*/revision", Status(500), times=None)
    with pytest.raises(LocalEntryNotFoundError, match="500"):
        api.snapshot_download(MODEL)


def test_a_truncated_download_is_resumed(api, hub_here, waits):
    commit(api)
    fault = hub_here.fail("GET /storage/", Truncate(bytes_sent=60_000), times=2)
    path = hf_hub_download(MODEL, "model.safetensors")
    assert Path(path).read_bytes() == WEIGHTS and (fault.hits, waits) == (2, [1, 1])
    hub_here.fail("GET .*/resolve/", Truncate(bytes_sent=3), times=None)
    with pytest.raises(httpx.RemoteProtocolError):
        hf_hub_download(MODEL, "README.md")
    assert not [name for _, _, names in os.walk(hub_here.home) for name in names if name.endswith(".incomplete")]


@pytest.mark.parametrize("path", ["model.safetensors", "README.md"])
def test_a_corrupted_download_of_the_right_length_is_believed(api, hub_here, path):
    """Only sizes are compared; the sha256 in the ETag is not. `verify_repo_checksums` looks, if it is asked to."""
    commit(api)
    hub_here.fail("GET /(storage|.*/resolve)/", Corrupt())
    content = Path(hf_hub_download(MODEL, path)).read_bytes()
    assert content != hub_here.files(MODEL)[path] and len(content) == len(hub_here.files(MODEL)[path])
    assert Path(hf_hub_download(MODEL, path)).read_bytes() == content  # and stays in the cache
    assert [wrong["path"] for wrong in api.verify_repo_checksums(MODEL).mismatches] == [path]


def test_a_failed_push_in_the_background_is_silent_and_holds_nothing_up(api, hub_here, capfd):
    hub_here.fail("/commit/", Status(500))
    jobs = [
        api.upload_file(repo_id=MODEL, path_or_fileobj=name.encode(), path_in_repo=name, run_as_future=True)
        for name in ("one", "two")
    ]
    jobs[1].result()
    assert set(hub_here.files(MODEL)) == {".gitattributes", "two"}
    assert isinstance(jobs[0].exception(), HfHubHTTPError)
    assert "500" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("status", [409, 412])
def test_datasets_means_to_try_a_conflict_again_but_does_not(api, hub_here, waits, status):
    """It looks for the status in the error's context, where huggingface_hub 2 no longer keeps one."""
    from datasets import Dataset

    fault = hub_here.fail("/commit/", Status(status))
    with pytest.raises(HfHubHTTPError, match=str(status)):
        Dataset.from_dict({"a": [1]}).push_to_hub("ada/data")
    assert (fault.hits, waits) == (1, [])
    Dataset.from_dict({"a": [1]}).push_to_hub("ada/data")  # as a caller has to
    assert hub_here.files("ada/data", repo_type="dataset")["README.md"]
