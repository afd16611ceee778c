"""What every endpoint is made of: calls and replies, how a call finds its endpoint, and who may do what."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from .hub_repositories import KINDS, HubError, Repository


@dataclass(frozen=True)
class Account:
    """Whose a token is: its user, what it may do ("write" or "read"), and the organisations it may do it in."""

    name: str
    role: str = "write"
    orgs: tuple[str, ...] = ()

    def owns(self, namespace: str) -> bool:
        return namespace in (self.name, *self.orgs)


@dataclass
class State:
    """All that a Hub remembers."""

    endpoint: str
    storage: str
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)  # LFS objects, by sha256


@dataclass(frozen=True)
class Call:
    """A request, its token already looked up; `account` is None for a caller without one."""

    method: str
    path: str
    query: str
    range: str  # the header, "" if there is none
    body: bytes
    account: Account | None

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def asks(self, name: str) -> bool:
        return parse_qs(self.query).get(name, ["false"])[0].lower() in ("1", "true")


@dataclass
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, {"Content-Type": "application/json; charset=utf-8"} | headers, json.dumps(value).encode())


def as_error(error: HubError) -> Reply:
    reply = as_json({"error": error.message}, error.status)
    reply.headers["X-Error-Message"] = error.message.replace("\n", " ")
    if error.code:
        reply.headers["X-Error-Code"] = error.code
    if error.commit:
        reply.headers["X-Repo-Commit"] = error.commit  # by it clients remember that this commit lacks the file
    return reply


ROUTES: list[tuple[str, re.Pattern, Callable]] = []
# Repositories under their kind in the API; on the pages, models have no prefix.
API = rf"/api/(?P<kind>{'|'.join(KINDS)})/(?P<id>[^/]+(?:/[^/]+)?)"
PAGE = r"/(?:(?P<kind>datasets|spaces)/)?(?P<id>[^/]+(?:/[^/]+)?)"
REVISION = r"/(?P<revision>[^/]+)"


def route(method: str, pattern: str):
    """Registers an endpoint; the groups of its pattern, unquoted, become the function's arguments."""

    def register(function: Callable) -> Callable:
        ROUTES.append((method, re.compile(pattern), function))
        return function

    return register


def answer(state: State, call: Call) -> Reply:
    method = "GET" if call.method == "HEAD" else call.method
    for wanted, pattern, function in ROUTES:
        if wanted == method and (match := pattern.fullmatch(call.path)):
            arguments = {name: unquote(value) if value else None for name, value in match.groupdict().items()}
            try:
                return function(state, call, **arguments)
            except HubError as error:
                return as_error(error)
    return as_error(HubError(404, f"This Hub for tests has no {call.method} {call.path}."))


# --- who may do what ---


def find(state: State, call: Call, kind: str | None, id: str) -> Repository:
    """A repository that the caller may see; what they may not see is, to them, not there."""
    repository = state.repositories.get((kind or "models", id))
    hidden = repository and repository.private and not (call.account and call.account.owns(repository.namespace))
    if repository is None or hidden:
        raise HubError(404 if call.account else 401, "Repository not found", "RepoNotFound")
    return repository


def check_write(call: Call, namespace: str) -> None:
    if call.account is None:
        raise HubError(401, "Invalid username or password.")
    if call.account.role != "write":
        raise HubError(403, "This token may only read: a write token is needed")
    if not call.account.owns(namespace):
        raise HubError(403, f"You have no rights in the namespace {namespace}")


def find_to_write(state: State, call: Call, kind: str | None, id: str) -> Repository:
    repository = find(state, call, kind, id)
    check_write(call, repository.namespace)
    return repository
