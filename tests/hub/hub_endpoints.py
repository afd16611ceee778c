"""The endpoints that huggingface_hub, datasets and transformers call: each a function from a call to a reply.

Left out: Xet (clients need HF_HUB_DISABLE_XET=1), pull requests, gated repositories, .gitignore at upload, multipart
LFS, pages of long listings, `expand=` of listings. Importing this module registers the endpoints.
"""

import base64
import hashlib
import json
import re
from urllib.parse import parse_qs

import yaml

from .hub_protocol import API, PAGE, REVISION, Call, Reply, State, as_json, check_write, find, find_to_write, route
from .hub_repositories import Blob, Commit, HubError, Repository


@route("GET", "/api/whoami-v2")
def whoami(state: State, call: Call) -> Reply:
    if call.account is None:
        raise HubError(401, "Invalid username or password.")
    account = call.account
    orgs = [{"type": "org", "name": name, "fullname": name, "roleInOrg": account.role} for name in account.orgs]
    access = {"type": "access_token", "accessToken": {"displayName": "test", "role": account.role}}
    names = {"type": "user", "id": account.name, "name": account.name, "fullname": account.name}
    return as_json(names | {"email": f"{account.name}@example.org", "orgs": orgs, "auth": access})


# --- repositories ---


@route("POST", "/api/repos/create")
def create(state: State, call: Call) -> Reply:
    asked = call.json()
    check_write(call, asked.get("organization") or (call.account.name if call.account else ""))
    kind = asked.get("type", "model") + "s"
    id = f"{asked.get('organization') or call.account.name}/{asked['name']}"
    exists = (kind, id) in state.repositories
    if not exists:
        private = asked.get("visibility") == "private"
        state.repositories[kind, id] = Repository(kind, id, call.account.name, private)
    reply = {"url": f"{state.endpoint}/{state.repositories[kind, id].address}", "name": id, "id": id}
    if exists:
        return as_json(reply | {"error": f"You already created this {kind[:-1]} repo"}, 409)
    return as_json(reply)


@route("DELETE", "/api/repos/delete")
def delete(state: State, call: Call) -> Reply:
    asked = call.json()
    kind, owner = asked.get("type", "model") + "s", asked.get("organization") or (call.account and call.account.name)
    repository = find_to_write(state, call, kind, f"{owner}/{asked['name']}")
    del state.repositories[kind, repository.id]
    return as_json({})


@route("PUT", f"{API}/settings")
def settings(state: State, call: Call, kind: str, id: str) -> Reply:
    repository = find_to_write(state, call, kind, id)
    repository.private = call.json().get("visibility", "private" if repository.private else "public") == "private"
    return as_json({})


@route("GET", f"{API}/auth-check(?P<write>/write)?")
def auth_check(state: State, call: Call, kind: str, id: str, write: str | None) -> Reply:
    (find_to_write if write else find)(state, call, kind, id)
    return as_json({})


def card_data(readme: bytes) -> dict:
    """The YAML between the dashes at the head of a README.

    Raises:
        HubError: 400, if it is not YAML, or not names with values.
    """
    block = re.match(rb"---\r?\n(.*?)\r?\n?---", readme, re.DOTALL)
    try:
        data = yaml.safe_load(block[1]) if block else None
    except yaml.YAMLError as error:
        raise HubError(400, f"The metadata is not YAML: {error}") from error
    if not isinstance(data or {}, dict):
        raise HubError(400, "The metadata must be names with values")
    return data or {}


@route("POST", "/api/validate-yaml")
def validate_card(state: State, call: Call) -> Reply:
    try:
        data = card_data(call.json()["content"].encode())
    except HubError as error:
        return as_json({"errors": [{"message": error.message}], "warnings": []}, error.status)
    return as_json({"errors": [], "warnings": [] if data else [{"message": "empty or missing yaml metadata"}]})


# --- reading ---


@route("GET", f"{API}/refs")
def refs(state: State, call: Call, kind: str, id: str) -> Reply:
    repository = find(state, call, kind, id)

    def listed(where: str, names: dict[str, Commit]) -> list[dict]:
        return [{"name": n, "ref": f"refs/{where}/{n}", "targetCommit": c.oid} for n, c in names.items()]

    heads, tags = listed("heads", repository.branches), listed("tags", repository.tags)
    return as_json({"branches": heads, "tags": tags, "converts": [], "pullRequests": []})


@route("GET", f"{API}/commits{REVISION}")
def commits(state: State, call: Call, kind: str, id: str, revision: str) -> Reply:
    history = find(state, call, kind, id).commit(revision).history
    return as_json(
        [
            {
                "id": commit.oid,
                "title": commit.title,
                "message": commit.message,
                "authors": [{"user": commit.author}],
                "date": as_date(commit),
            }
            for commit in history
        ]
    )


def as_date(commit: Commit) -> str:
    return commit.date.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@route("GET", f"{API}/tree{REVISION}(?:/(?P<path>.+))?")
def tree(state: State, call: Call, kind: str, id: str, revision: str, path: str | None) -> Reply:
    commit = find(state, call, kind, id).commit(revision)
    return as_json(commit.listing(path or "", call.asks("recursive")))


@route("POST", f"{API}/paths-info{REVISION}")
def paths_info(state: State, call: Call, kind: str, id: str, revision: str) -> Reply:
    commit = find(state, call, kind, id).commit(revision)
    paths = [path.strip("/") for path in parse_qs(call.body.decode()).get("paths", [])]
    folders = commit.folders()
    files = [commit.tree[path].described(path) for path in paths if path in commit.tree]
    return as_json(files + [commit.folder(path) for path in paths if path in folders])


@route("GET", f"{API}(?:/revision{REVISION})?")
def info(state: State, call: Call, kind: str, id: str, revision: str | None) -> Reply:
    repository = find(state, call, kind, id)
    commit = repository.commit(revision or "main")
    siblings = [{"rfilename": path} for path in sorted(commit.tree)]
    if call.asks("blobs"):
        for sibling in siblings:
            entry = commit.tree[sibling["rfilename"]].described(sibling["rfilename"])
            sibling |= {"size": entry["size"], "blobId": entry["oid"]}
            if "lfs" in entry:
                sibling["lfs"] = entry["lfs"] | {"sha256": entry["lfs"]["oid"]}
    card = card_data(commit.tree["README.md"].content) if "README.md" in commit.tree else {}
    facts = {"_id": repository.id, "id": repository.id, "author": repository.namespace, "sha": commit.oid}
    facts |= {"private": repository.private, "gated": False, "disabled": False, "downloads": 0, "likes": 0}
    facts |= {"lastModified": as_date(commit), "createdAt": as_date(commit.history[-1])}
    facts |= {"tags": card.get("tags") or []}
    facts |= {name: card[name] for name in ("pipeline_tag", "library_name") if name in card and kind == "models"}
    return as_json(facts | {"siblings": siblings, "cardData": card}, **{"X-Repo-Commit": commit.oid})


@route("GET", f"{PAGE}/resolve{REVISION}/(?P<path>.+)")
def resolve(state: State, call: Call, kind: str | None, id: str, revision: str, path: str) -> Reply:
    """A file; if it is an LFS object, as on the Hub, the way to another host, where no token is to be shown."""
    commit = find(state, call, kind, id).commit(revision)
    blob = commit.file(path)
    headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{blob.etag}"'}
    if blob.sha256 is None:
        return ranged(call, blob.content, headers)
    headers |= {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(len(blob.content))}
    return Reply(302, headers | {"Location": f"{state.storage}/storage/{blob.sha256}"})


@route("GET", "/storage/(?P<sha256>[0-9a-f]{64})")
def download(state: State, call: Call, sha256: str) -> Reply:
    if sha256 not in state.objects:
        raise HubError(404, "No such object")
    return ranged(call, state.objects[sha256], {"ETag": f'"{sha256}"'})


def ranged(call: Call, content: bytes, headers: dict[str, str]) -> Reply:
    """All of the content, or the one range of it that is asked for."""
    headers = headers | {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", call.range)
    if not asked or asked.groups() == ("", ""):
        return Reply(200, headers, content)
    first, last = asked.groups()
    start = int(first) if first else max(len(content) - int(last), 0)
    stop = min(int(last) + 1, len(content)) if first and last else len(content)
    if start >= len(content):
        return Reply(416, headers | {"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    return Reply(206, headers, content[start:stop])


# --- writing ---


@route("POST", f"{API}/preupload{REVISION}")
def preupload(state: State, call: Call, kind: str, id: str, revision: str) -> Reply:
    """For each file: whether it goes to git or to LFS, and what the repository has in its place now."""
    repository = find_to_write(state, call, kind, id)
    present = repository.commit(revision).tree
    files = []
    for asked in call.json()["files"]:
        mode = "lfs" if repository.keeps_as_lfs(revision, asked["path"], asked["size"]) else "regular"
        entry = {"path": asked["path"], "uploadMode": mode, "shouldIgnore": False}
        files.append(entry | ({"oid": present[asked["path"]].etag} if asked["path"] in present else {}))
    return as_json({"files": files})


@route("POST", rf"{PAGE}\.git/info/lfs/objects/batch")
def lfs_batch(state: State, call: Call, kind: str | None, id: str) -> Reply:
    """Where to put each object, and nothing for those that are here already."""
    repository = find_to_write(state, call, kind, id)
    verify = {"href": f"{state.endpoint}/{repository.address}.git/info/lfs/objects/verify"}
    objects = []
    for asked in call.json()["objects"]:
        entry = {"oid": asked["oid"], "size": asked["size"]}
        if asked["oid"] not in state.objects:
            entry["actions"] = {"upload": {"href": f"{state.storage}/storage/{asked['oid']}"}, "verify": verify}
        objects.append(entry)
    return as_json({"transfer": "basic", "objects": objects})


@route("PUT", "/storage/(?P<sha256>[0-9a-f]{64})")
def upload(state: State, call: Call, sha256: str) -> Reply:
    if hashlib.sha256(call.body).hexdigest() != sha256:
        raise HubError(400, "The content does not have this sha256")
    state.objects[sha256] = call.body
    return Reply(200, {"ETag": f'"{sha256}"'})


@route("POST", rf"{PAGE}\.git/info/lfs/objects/verify")
def lfs_verify(state: State, call: Call, kind: str | None, id: str) -> Reply:
    find_to_write(state, call, kind, id)
    asked = call.json()
    if len(state.objects.get(asked["oid"], b"")) != asked["size"]:
        raise HubError(404, "No such object of this size")
    return as_json({})


@route("POST", f"{API}/commit{REVISION}")
def commit(state: State, call: Call, kind: str, id: str, revision: str) -> Reply:
    """Lines of JSON: a header, then the files; all of them take effect, or none."""
    repository = find_to_write(state, call, kind, id)
    if call.asks("create_pr"):
        raise HubError(501, "This Hub for tests has no pull requests")
    parent = repository.branch(revision)
    lines = [json.loads(line) for line in call.body.splitlines()]
    header = lines[0]["value"]
    if not parent.oid.startswith(header.get("parentCommit", "")):
        raise HubError(412, "A commit has happened since. Please refresh and try again.")
    files = dict(parent.tree)
    for line in lines[1:]:
        apply(state, files, line["key"], line["value"])
    new = Commit(header["summary"], header.get("description", ""), call.account.name, files, parent)
    repository.add(revision, new)
    return as_json(
        {"success": True, "commitOid": new.oid, "commitUrl": f"{state.endpoint}/{repository.address}/commit/{new.oid}"}
    )


def apply(state: State, files: dict[str, Blob], operation: str, value: dict) -> None:
    path = value["path"]
    if operation == "file":
        files[path] = Blob(base64.b64decode(value["content"]))
    elif operation == "lfsFile":
        if value["oid"] not in state.objects:
            raise HubError(400, f"{path} points to an LFS object that was not uploaded")
        files[path] = Blob(state.objects[value["oid"]], value["oid"])
    elif operation in ("deletedFile", "deletedFolder"):
        start = path.rstrip("/") + "/"
        gone = [name for name in files if (name == path if operation == "deletedFile" else name.startswith(start))]
        if not gone:
            raise HubError(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
        for name in gone:
            del files[name]
    else:
        raise HubError(400, f"Unknown operation {operation}")


# --- branches and tags ---


@route("POST", f"{API}/branch/(?P<name>[^/]+)")
def create_branch(state: State, call: Call, kind: str, id: str, name: str) -> Reply:
    repository = find_to_write(state, call, kind, id)
    start = repository.commit(call.json().get("startingPoint", "main"))
    if name in repository.branches:
        raise HubError(409, f"The branch {name} exists already")
    repository.branches[name] = start
    return as_json({})


@route("POST", f"{API}/tag{REVISION}")
def create_tag(state: State, call: Call, kind: str, id: str, revision: str) -> Reply:
    repository = find_to_write(state, call, kind, id)
    name, target = call.json()["tag"], repository.commit(revision)
    if name in repository.tags:
        raise HubError(409, f"The tag {name} exists already")
    repository.tags[name] = target
    return as_json({})


@route("DELETE", f"{API}/(?P<what>branch|tag)/(?P<name>[^/]+)")
def delete_ref(state: State, call: Call, kind: str, id: str, what: str, name: str) -> Reply:
    repository = find_to_write(state, call, kind, id)
    names = repository.branches if what == "branch" else repository.tags
    if name not in names:
        raise HubError(404, f"There is no {what} {name}", "RevisionNotFound")
    del names[name]
    return as_json({})


# --- what clients ask on the side ---


@route("GET", "/api/telemetry/.*")
def telemetry(state: State, call: Call) -> Reply:
    return as_json({})


@route("GET", "/api/agent-harnesses")
def agent_harnesses(state: State, call: Call) -> Reply:
    return as_json({"standardEnvVars": [], "harnesses": {}})
