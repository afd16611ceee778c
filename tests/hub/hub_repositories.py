"""What a Hub keeps: repositories of commits, each a whole tree of files, under branches and tags. No network here."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatch

KINDS = ("models", "datasets", "spaces")
LFS_SIZE = 10 * 1024 * 1024  # the Hub refuses larger files in git itself
# What a new repository's .gitattributes says to keep as LFS.
LFS_SUFFIXES = (
    *("7z", "arrow", "bin", "bz2", "ckpt", "ftz", "gz", "h5", "joblib", "lfs.*", "mlmodel", "model", "msgpack"),
    *("npy", "npz", "onnx", "ot", "parquet", "pb", "pickle", "pkl", "pt", "pth", "rar", "safetensors", "tar", "tar.*"),
    *("tflite", "tgz", "wasm", "xz", "zip", "zst"),
)
GITATTRIBUTES = "".join(f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES).encode()


class HubError(Exception):
    """An answer that is not a success: its status, its sentence, and the code by which clients tell the 404s apart."""

    def __init__(self, status: int, message: str, code: str | None = None, commit: str | None = None):
        super().__init__(message)
        self.status, self.message, self.code, self.commit = status, message, code, commit


def git_oid(content: bytes) -> str:
    """The sha1 that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass(frozen=True)
class Blob:
    """A file's content; `sha256` only if it is an LFS object, of which git keeps a pointer."""

    content: bytes
    sha256: str | None = None

    @property
    def pointer(self) -> bytes:
        lines = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n"
        return lines.encode()

    @property
    def oid(self) -> str:
        return git_oid(self.pointer if self.sha256 else self.content)

    @property
    def etag(self) -> str:
        """What clients name the cached file by, and compare before they send it again."""
        return self.sha256 or self.oid

    def described(self, path: str) -> dict:
        entry = {"type": "file", "path": path, "oid": self.oid, "size": len(self.content)}
        if self.sha256:
            entry["lfs"] = {"oid": self.sha256, "size": len(self.content), "pointerSize": len(self.pointer)}
        return entry


@dataclass(frozen=True)
class Commit:
    title: str
    message: str
    author: str
    tree: dict[str, Blob]
    parent: "Commit | None" = None
    date: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def oid(self) -> str:
        files = sorted((path, blob.oid) for path, blob in self.tree.items())
        parent = self.parent.oid if self.parent else None
        return hashlib.sha1(repr((parent, self.title, self.message, self.author, files)).encode()).hexdigest()

    @property
    def history(self) -> "list[Commit]":
        """Newest first, as `list_repo_commits` gives it."""
        return [self, *(self.parent.history if self.parent else [])]

    def file(self, path: str) -> Blob:
        if path not in self.tree:
            raise HubError(404, f"Entry not found: {path}", "EntryNotFound", commit=self.oid)
        return self.tree[path]

    def folder(self, path: str) -> dict:
        """How a folder is described; its oid follows from the files below it."""
        below = sorted((name, blob.oid) for name, blob in self.tree.items() if name.startswith(path + "/"))
        return {"type": "directory", "path": path, "oid": hashlib.sha1(repr(below).encode()).hexdigest(), "size": 0}

    def folders(self) -> set[str]:
        parts = [path.split("/") for path in self.tree]
        return {"/".join(names[:depth]) for names in parts for depth in range(1, len(names))}

    def listing(self, root: str, recursive: bool) -> list[dict]:
        """The files and folders below `root` ("" is the top); only the direct ones unless `recursive`."""
        if root and root not in self.folders():
            raise HubError(404, f"{root} does not exist on this revision", "EntryNotFound", commit=self.oid)
        start = f"{root}/" if root else ""
        paths = [path for path in [*self.folders(), *self.tree] if path.startswith(start)]
        paths = [path for path in paths if recursive or "/" not in path.removeprefix(start)]
        return [self.tree[path].described(path) if path in self.tree else self.folder(path) for path in sorted(paths)]


@dataclass
class Repository:
    kind: str
    id: str
    owner: str
    private: bool = False
    branches: dict[str, Commit] = field(default_factory=dict)
    tags: dict[str, Commit] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def __post_init__(self):
        self.add("main", Commit("initial commit", "", self.owner, {".gitattributes": Blob(GITATTRIBUTES)}))

    @property
    def namespace(self) -> str:
        return self.id.split("/")[0]

    @property
    def address(self) -> str:
        """Where its page is, below the endpoint."""
        return self.id if self.kind == "models" else f"{self.kind}/{self.id}"

    def add(self, branch: str, commit: Commit) -> None:
        self.branches[branch] = self.commits[commit.oid] = commit

    def commit(self, revision: str) -> Commit:
        """By branch, tag, `refs/…` name, or the whole or the start of a commit's id."""
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        found = self.branches.get(name) or self.tags.get(name) or self.commits.get(revision)
        if found is None and len(revision) >= 5:
            found = next((commit for oid, commit in self.commits.items() if oid.startswith(revision)), None)
        if found is None:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found

    def branch(self, name: str) -> Commit:
        """The head of a branch: only branches take commits."""
        if name not in self.branches:
            raise HubError(404, f"Invalid rev id: {name}", "RevisionNotFound")
        return self.branches[name]

    def keeps_as_lfs(self, revision: str, path: str, size: int) -> bool:
        """By the repository's own .gitattributes, as git would, or by size."""
        attributes = self.commit(revision).tree.get(".gitattributes", Blob(b"")).content.decode()
        patterns = [line.split()[0] for line in attributes.splitlines() if "filter=lfs" in line]
        names = (path, path.split("/")[-1])
        return size > LFS_SIZE or any(fnmatch(name, pattern) for pattern in patterns for name in names)
