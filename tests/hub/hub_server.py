"""A Hub for tests: it listens on the loopback only, keeps all in memory, and fails on request.

    with Hub({"hf_ada": Account("ada")}) as hub:
        hub.fail("POST /api/models/.*/commit", Status(500), times=2)
        HfApi(hub.endpoint, token="hf_ada").upload_folder(...)
        assert hub.files("ada/model")["config.json"]
        assert hub.count("POST .*/commit") == 3

The real clients can't tell it from the Hub in what metatrans does; `hub_endpoints.py` says what is left out.
"""

import re
import threading
import traceback
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from . import hub_endpoints  # noqa: F401  (registers the endpoints)
from .hub_faults import Corrupt, Delay, Drop, Fault, Kind, LoseReply, Status, Truncate
from .hub_protocol import Account, Call, Reply, State, answer, as_error, as_json
from .hub_repositories import Commit, HubError


@dataclass
class Request:
    """A line of the log: what was asked, whether a token came with it (never which), and the status that went back.

    `status` is None for as long as there is no answer, and for ever if the connection broke first.
    """

    method: str
    path: str
    with_token: bool
    status: int | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Hub:
    """A server and what a test does to it: start and stop it, make it fail, read what it was asked and what it keeps.

    Args:
        accounts: whose each token is.
    """

    def __init__(self, accounts: dict[str, Account]):
        self.accounts = accounts
        self.requests: list[Request] = []
        self.mistakes: list[str] = []  # tracebacks of this server itself; a test that leaves any has proved nothing
        self.closing = threading.Event()
        self._faults: list[Fault] = []
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (_Handler,), {"hub": self}))
        port = self._server.server_port
        # Two names of one machine: to a client the storage is a foreign host, as the Hub's is.
        self.state = State(endpoint=f"http://127.0.0.1:{port}", storage=f"http://localhost:{port}")
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def endpoint(self) -> str:
        return self.state.endpoint

    def __enter__(self) -> "Hub":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.closing.set()  # wakes the requests that a `Delay` holds
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, matching: str, with_: Kind, times: int | None = 1, after: int = 0) -> Fault:
        """The next `times` requests that match (None: all), but for the first `after`, meet a failure.

        `matching` is a regular expression sought in `"METHOD /path?query"`, unquoted. The first fault that matches
        strikes. The fault that is returned counts its `hits`.
        """
        fault = Fault(matching, with_, times, after)
        self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """Nothing fails any more."""
        self._faults.clear()

    def count(self, matching: str) -> int:
        """How many requests so far match."""
        return sum(bool(re.search(matching, str(request))) for request in self.requests)

    def head(self, id: str, revision: str = "main", repo_type: str = "model") -> Commit:
        """A commit, read without a client."""
        return self.state.repositories[f"{repo_type}s", id].commit(revision)

    def files(self, id: str, revision: str = "main", repo_type: str = "model") -> dict[str, bytes]:
        """What a commit holds, by path."""
        return {path: blob.content for path, blob in self.head(id, revision, repo_type).tree.items()}

    # What the handlers' threads use.

    def note(self, method: str, path: str, with_token: bool) -> tuple[Request, Kind | None]:
        """Logs a request, and says whether it is to fail."""
        request = Request(method, path, with_token)
        with self._lock:
            self.requests.append(request)
            return request, next((fault.kind for fault in self._faults if fault.strikes(str(request))), None)

    def serve(self, call: Call, authorization: str | None) -> Reply:
        token = (authorization or "").removeprefix("Bearer ")
        if token and token not in self.accounts:
            return as_error(HubError(401, "Invalid credentials in Authorization header"))
        call = replace(call, account=self.accounts.get(token))
        try:
            with self._lock:
                return answer(self.state, call)
        except Exception:
            self.mistakes.append(traceback.format_exc())
            return as_json({"error": "the Hub for tests has a mistake; see hub.mistakes"}, 500)


class _Handler(BaseHTTPRequestHandler):
    """Bytes in, bytes out, and the faults in between."""

    hub: Hub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every answer waits 40 ms for the client's acknowledgement

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the client has gone
            self.close_connection = True

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        authorization = self.headers.get("Authorization")
        shown = unquote(parts.path) + (f"?{parts.query}" if parts.query else "")
        request, fault = self.hub.note(self.command, shown, authorization is not None)
        if isinstance(fault, Drop):
            self._read_body(fault.bytes_read)
            self.close_connection = True  # what is left unread makes the system reset the connection
            return
        body = self._read_body()
        if isinstance(fault, Delay) and self.hub.closing.wait(fault.seconds):
            self.close_connection = True
            return
        if isinstance(fault, Status):
            reply = as_error(HubError(fault.status, fault.message))
            reply.headers |= fault.headers
        else:
            call = Call(self.command, parts.path, parts.query, self.headers.get("Range", ""), body, account=None)
            reply = self.hub.serve(call, authorization)
        if isinstance(fault, LoseReply):
            self.close_connection = True
            return
        request.status = reply.status
        self._send(reply, fault)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _read_body(self, limit: int | None = None) -> bytes:
        """The request's body, or its first `limit` bytes; clients send files in chunks of a length told as they go."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length", 0))
            return self.rfile.read(length if limit is None else min(length, limit))
        body = b""
        while limit is None or len(body) < limit:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size if limit is None else min(size, limit - len(body)))
            if limit is None:
                self.rfile.readline()
            if size == 0:
                break
        return body

    def _send(self, reply: Reply, fault: Kind | None) -> None:
        body = reply.body
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if isinstance(fault, Corrupt):
            body = bytes(byte ^ 0xFF for byte in body)
        if isinstance(fault, Truncate):
            body = body[: fault.bytes_sent]
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Silence: the log is `hub.requests`."""
