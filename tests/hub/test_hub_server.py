"""The real clients, in this process, find in the Hub for tests what they would find in the Hub."""

import hashlib
import json
from pathlib import Path

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    HfApi,
    HfFileSystem,
    ModelCard,
    get_hf_file_metadata,
    get_session,
    hf_hub_download,
    hf_hub_url,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import build_hf_headers

from .hub_fixture import ACCOUNTS
from .hub_repositories import LFS_SIZE

CARD = "---\nlicense: mit\ntags: [in-context]\npipeline_tag: text-generation\n---\n# A model\n"
WEIGHTS = bytes(range(256)) * 8


@pytest.fixture
def api(hub_here):
    return HfApi()


@pytest.fixture
def folder(tmp_path):
    """A model's folder: two files for git, one for LFS."""
    folder = tmp_path / "model"
    (folder / "plots").mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    (folder / "plots" / "loss.txt").write_text("2.1 1.4 0.9")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    return folder


@pytest.fixture
def model(api, folder):
    """A repository that holds the folder."""
    api.create_repo("ada/model")
    api.upload_folder(repo_id="ada/model", folder_path=folder)
    return "ada/model"


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def test_a_commit_is_read_back_from_git_and_from_lfs(api, hub_here):
    files = {"notes.txt": b"small", "deep/er/model.safetensors": WEIGHTS, "big.txt": b"x" * (LFS_SIZE + 1), "no": b""}
    api.create_repo("ada/model")
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    commit = api.create_commit("ada/model", operations, commit_message="Four files", commit_description="all at once")
    tree = hub_here.head("ada/model").tree
    assert {path for path, blob in tree.items() if blob.sha256} == {"deep/er/model.safetensors", "big.txt"}
    for path, content in files.items():
        assert read(hf_hub_download("ada/model", path)) == content
    assert set(api.list_repo_files("ada/model")) == {".gitattributes", *files}
    newest = api.list_repo_commits("ada/model")[0]
    assert (newest.commit_id, newest.title, newest.message) == (commit.oid, "Four files", "all at once")
    assert commit.repo_url.repo_id == "ada/model"


def test_headers_say_the_commit_the_etag_and_the_size(api, hub_here, model):
    regular = get_hf_file_metadata(hf_hub_url(model, "README.md"))
    git = hashlib.sha1(b"blob %d\0" % len(CARD) + CARD.encode()).hexdigest()
    assert (regular.commit_hash, regular.etag, regular.size) == (api.model_info(model).sha, git, len(CARD))
    linked = get_hf_file_metadata(hf_hub_url(model, "model.safetensors"))
    assert (linked.etag, linked.size) == (hashlib.sha256(WEIGHTS).hexdigest(), len(WEIGHTS))
    assert linked.location.startswith(hub_here.state.storage) and linked.commit_hash == regular.commit_hash


@pytest.mark.parametrize("path", ["README.md", "model.safetensors"])
def test_ranges(api, hub_here, model, path):
    content = hub_here.files(model)[path]

    def part(header: str):
        return get_session().get(hf_hub_url(model, path), headers=build_hf_headers() | {"Range": header})

    assert part("bytes=2-5").content == content[2:6]
    assert part("bytes=-3").content == content[-3:]
    answer = part("bytes=10-")
    assert (answer.status_code, answer.content) == (206, content[10:])
    assert answer.headers["Content-Range"] == f"bytes 10-{len(content) - 1}/{len(content)}"
    assert part(f"bytes={len(content)}-").status_code == 416


def test_listings(api, hub_here, model):
    tree = {entry.path: entry for entry in api.list_repo_tree(model, recursive=True)}
    assert set(tree) == {".gitattributes", "README.md", "model.safetensors", "plots", "plots/loss.txt"}
    assert tree["model.safetensors"].lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert [entry.path for entry in api.list_repo_tree(model, "plots")] == ["plots/loss.txt"]
    assert "plots/loss.txt" not in {entry.path for entry in api.list_repo_tree(model)}
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(model, "nowhere"))
    assert [entry.path for entry in api.get_paths_info(model, ["plots", "README.md", "no"])] == ["README.md", "plots"]
    assert HfFileSystem().glob(f"{model}/**/*.txt") == [f"{model}/plots/loss.txt"]
    info = api.model_info(model, files_metadata=True)
    assert (info.pipeline_tag, info.card_data.license, info.author) == ("text-generation", "mit", "ada")
    assert {s.rfilename: s.size for s in info.siblings}["model.safetensors"] == len(WEIGHTS)


def test_missing_things_are_told_apart(api, model):
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("ada/nothing")
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download("nothing", "config.json")
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(model, "README.md", revision="v9")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(model, "config.json")
    assert not api.file_exists(model, "config.json") and api.file_exists(model, "README.md")


def test_deletes(api, hub_here, model, folder):
    api.delete_file("plots/loss.txt", model)
    assert "plots/loss.txt" not in hub_here.files(model)
    api.upload_folder(repo_id=model, folder_path=folder)
    api.delete_folder("plots", model)
    assert "plots/loss.txt" not in hub_here.files(model)
    with pytest.raises(EntryNotFoundError, match="doesn't exist"):
        api.delete_file("plots/loss.txt", model)
    (folder / "README.md").unlink()
    api.upload_folder(repo_id=model, folder_path=folder, delete_patterns="*")
    assert set(hub_here.files(model)) == {".gitattributes", "plots/loss.txt", "model.safetensors"}


def test_a_second_upload_sends_only_what_changed(api, hub_here, model, folder):
    first = hub_here.head(model).oid
    api.upload_folder(repo_id=model, folder_path=folder)
    assert hub_here.head(model).oid == first and hub_here.count("PUT /storage/") == hub_here.count("/commit/") == 1
    (folder / "plots" / "loss.txt").write_text("0.1")
    api.upload_folder(repo_id=model, folder_path=folder)
    assert hub_here.count("PUT /storage/") == 1 and hub_here.head(model).parent.oid == first


def test_a_commit_upon_another_head_is_refused(api, hub_here, model):
    old = hub_here.head(model).oid
    operation = {"path_or_fileobj": b"1", "path_in_repo": "a"}
    api.upload_file(repo_id=model, parent_commit=old, **operation)
    with pytest.raises(HfHubHTTPError, match="412"):
        api.upload_file(repo_id=model, parent_commit=old, path_or_fileobj=b"2", path_in_repo="b")
    assert "b" not in hub_here.files(model)


def test_private_repositories_are_seen_by_their_owners_only(api, hub_here):
    api.create_repo("ada/secret", private=True)
    api.upload_file(repo_id="ada/secret", path_or_fileobj=b"1", path_in_repo="a")
    assert api.model_info("ada/secret").private
    assert api.model_info("ada/secret", token="hf_ada_reads").private
    for token, status in ((False, 401), ("hf_charles_writes", 404)):
        with pytest.raises(RepositoryNotFoundError) as error:
            api.model_info("ada/secret", token=token)
        assert error.value.response.status_code == status
        with pytest.raises(RepositoryNotFoundError):
            hf_hub_download("ada/secret", "a", token=token)
    assert not api.repo_exists("ada/secret", token=False)
    api.update_repo_settings("ada/secret", private=False)
    assert read(hf_hub_download("ada/secret", "a", token=False)) == b"1"


def test_who_may_write(api, hub_here, model):
    assert api.whoami()["name"] == "ada"
    assert api.whoami(token="hf_ada_reads")["auth"]["accessToken"]["role"] == "read"
    api.auth_check(model, write=True)
    api.create_repo("lovelace-lab/model")
    for token, status in (("hf_ada_reads", 403), ("hf_charles_writes", 403), (False, 401), ("hf_nobody", 401)):
        for write in (
            lambda token: api.create_repo("ada/other", token=token),
            lambda token: api.upload_file(repo_id=model, path_or_fileobj=b"", path_in_repo="a", token=token),
            lambda token: api.create_tag(model, tag="v1", token=token),
            lambda token: api.delete_repo(model, token=token),
        ):
            with pytest.raises(HfHubHTTPError) as error:
                write(token)
            assert error.value.response.status_code == status
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        api.whoami(token="hf_nobody")


def test_repositories_come_and_go(api, hub_here, model):
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo(model)
    assert api.create_repo(model, exist_ok=True).repo_id == model
    url = api.create_repo("data", repo_type="dataset")
    assert (url.repo_id, url.repo_type) == ("ada/data", "dataset")
    assert api.create_repo(model, repo_type="space", space_sdk="static").repo_type == "space"
    api.delete_repo(model)
    assert not api.repo_exists(model) and api.repo_exists(model, repo_type="space")


def test_tags_and_branches(api, hub_here, model, tmp_path):
    first = hub_here.head(model).oid
    api.create_tag(model, tag="v1.0", tag_message="as in the post")
    api.create_branch(model, branch="try/it", revision="v1.0")
    api.upload_file(repo_id=model, path_or_fileobj=b"1", path_in_repo="new", revision="try/it")
    api.upload_file(repo_id=model, path_or_fileobj=CARD.upper().encode(), path_in_repo="README.md")
    refs = api.list_repo_refs(model)
    assert {tag.name: tag.target_commit for tag in refs.tags} == {"v1.0": first}
    assert {branch.name for branch in refs.branches} == {"main", "try/it"}
    assert read(hf_hub_download(model, "new", revision="try/it")) == b"1"
    assert read(hf_hub_download(model, "README.md", revision=first)) == CARD.encode()
    # A tag stays where it was put, whatever happens on main.
    snapshot = Path(api.snapshot_download(model, revision="v1.0"))
    assert snapshot.name == first and (snapshot / "README.md").read_text() == CARD
    assert (snapshot / "model.safetensors").read_bytes() == WEIGHTS and not (snapshot / "new").exists()
    for again in (api.create_tag, api.create_branch):
        name = {"tag": "v1.0"} if again == api.create_tag else {"branch": "try/it"}
        again(model, exist_ok=True, **name)
        with pytest.raises(HfHubHTTPError, match="409"):
            again(model, **name)
    with pytest.raises(RevisionNotFoundError):
        api.upload_file(repo_id=model, path_or_fileobj=b"", path_in_repo="a", revision="v1.0")
    api.delete_tag(model, tag="v1.0")
    api.delete_branch(model, branch="try/it")
    assert not api.revision_exists(model, "v1.0") and not api.revision_exists(model, "try/it")


def test_a_card_is_checked_before_anything_is_sent(api, hub_here, model):
    ModelCard(CARD).validate()
    with pytest.raises(ValueError, match="Invalid metadata"):
        api.upload_file(repo_id=model, path_or_fileobj=b"---\na: [\n---\n", path_in_repo="README.md")
    assert hub_here.count("POST .*/commit/") == 1
    with pytest.warns(UserWarning, match="empty or missing yaml"):
        api.upload_file(repo_id=model, path_or_fileobj=b"# No metadata", path_in_repo="README.md")


def test_pushes_in_the_background_keep_their_order(api, hub_here):
    api.create_repo("ada/model")
    for step in range(3):
        file = {"path_or_fileobj": b"%d" % step, "path_in_repo": "step"}
        api.upload_file(repo_id="ada/model", commit_message=f"Step {step}", run_as_future=True, **file)
    api.run_as_future(api.create_tag, "ada/model", tag="done").result()
    titles = [commit.title for commit in hub_here.head("ada/model", "done").history]
    assert titles == ["Step 2", "Step 1", "Step 0", "initial commit"]


def test_transformers_pushes_and_loads(api, hub_here):
    from transformers import AutoConfig, GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=8, n_embd=4, n_layer=1, n_head=1, n_positions=8, bos_token_id=0, eos_token_id=0)
    GPT2LMHeadModel(config).push_to_hub("ada/tiny", private=True)
    assert AutoConfig.from_pretrained("ada/tiny").vocab_size == 8
    assert GPT2LMHeadModel.from_pretrained("ada/tiny").config.n_embd == 4
    assert hub_here.head("ada/tiny").tree["model.safetensors"].sha256
    with pytest.raises(OSError, match="ada/tiny is not a local folder and is not a valid model identifier"):
        AutoConfig.from_pretrained("ada/tiny", token="hf_charles_writes", cache_dir=hub_here.home / "charles")


def test_the_log_names_requests_but_no_token(api, hub_here, model):
    api.whoami()
    log = [(str(request), request.with_token, request.status) for request in hub_here.requests]
    assert ("GET /api/whoami-v2", True, 200) in log
    # The token goes to the Hub, not to the foreign host that stores the large files.
    hf_hub_download(model, "model.safetensors")
    stored = [request for request in hub_here.requests if "/storage/" in request.path]
    assert len(stored) == 2 and not any(request.with_token for request in stored)
    everything = json.dumps([vars(request) for request in hub_here.requests])
    assert not any(token in everything for token in ACCOUNTS) and "hf_" not in everything


def test_a_mistake_of_the_server_is_not_taken_for_a_failing_hub(api, hub_here, model, monkeypatch):
    monkeypatch.setattr(hub_here.state, "repositories", None)
    with pytest.raises(HfHubHTTPError, match="500"):
        api.model_info(model)
    assert "AttributeError" in hub_here.mistakes.pop()  # or the fixture would fail this test
