"""Pushes runs and data to the Hub; in training in the background, where a failing Hub never costs a step.

A missing or wrong token, and a repository that isn't ours to write, are found before the first step. Whatever else
goes wrong is tried again with growing pauses, within a bound. The token is huggingface_hub's own (`hf auth login`,
HF_TOKEN): it is no key of a config, so no file of a run can hold it.
"""

import shutil
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

from huggingface_hub import HfApi, get_token, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils import _http
from huggingface_hub.utils._http import default_client_factory

from metatrans_lab.errors import UserError

# What huggingface_hub itself uses: httpx2 from 2.0 on. Both may be installed.
httpx = _http.httpx2 if hasattr(_http, "httpx2") else _http.httpx

TIMEOUT = 60.0
"""Seconds without an answer; huggingface_hub itself would wait for ever while it uploads."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

# One push can raise any of these: statuses, uploads that failed inside, dropped connections, files.
PUSH_ERRORS = (HfHubHTTPError, RuntimeError, httpx.HTTPError, OSError, ValueError)


def give_clients_a_timeout() -> None:
    def client_with_timeout() -> httpx.Client:
        client = default_client_factory()
        client.timeout = httpx.Timeout(TIMEOUT)
        return client

    set_client_factory(client_with_timeout)


def status_of(error: BaseException | None) -> int | None:
    """The HTTP status behind an error, which uploads wrap in another."""
    while error is not None:
        if isinstance(error, HfHubHTTPError) and error.response is not None:
            return error.response.status_code
        error = error.__cause__
    return None


def sentence_of(error: BaseException) -> str:
    """The error's first line, without the token, should it ever be in there."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    token = get_token()
    return line.replace(token, "***") if token else line


def tell(sentence: str) -> None:
    print(f"hub: {sentence}", file=sys.stderr, flush=True)


def retry(action: Callable[[], object], patience: float, stopped: Event) -> None:
    """Does it, again and again with growing pauses, for at most `patience` seconds of pauses or until `stopped`.

    Says so once. A 401 or 403 is final: no waiting mends it.
    """
    pause, told = FIRST_PAUSE, False
    while True:
        try:
            action()
            return
        except PUSH_ERRORS as error:
            response = getattr(error, "response", None)
            asked = response.headers.get("Retry-After", "") if response is not None else ""
            wait = max(pause, float(asked)) if asked.isdigit() else pause
            if status_of(error) in (401, 403) or wait > patience:
                raise
            if not told:
                tell(f"{sentence_of(error)}; trying again, for {patience:g} s at most")
                told = True
            patience -= wait
            if stopped.wait(wait):
                raise
            pause = min(2 * pause, LONGEST_PAUSE)


def claim_repository(api: HfApi, repository: str, private: bool, repo_type: str) -> str:
    """Makes the repository if it isn't there, and gives its whole name.

    Raises:
        UserError: no token, one that the Hub doesn't know or that may not write there, an impossible name.
        one of PUSH_ERRORS: the Hub failed.
    """
    try:
        api.whoami()
        return api.create_repo(repository, private=private, repo_type=repo_type, exist_ok=True).repo_id
    except LocalTokenNotFoundError as error:
        raise UserError("a push needs a token: run `hf auth login`, or set HF_TOKEN") from error
    except HFValidationError as error:
        raise UserError(f"a repository's name must be like user/name, got {repository!r}") from error
    except PUSH_ERRORS as error:
        if status_of(error) == 401:
            raise UserError("the Hub doesn't know this token: run `hf auth login`, or set another HF_TOKEN") from error
        if status_of(error) == 403:
            raise UserError(f"this token may not write to {repository}: use one with write access") from error
        raise


class HubPusher:
    """Pushes folders to one model repository, one after the other, on a thread of its own.

    Args:
        repository: user/name, or a name for the token's own user.
        private: of the repository, if it doesn't exist yet.
        patience: seconds of pauses between tries of one push.

    Raises:
        UserError: no token, or one that may not write there.
    """

    def __init__(self, repository: str, private: bool, patience: float):
        give_clients_a_timeout()
        self.api, self.repository, self.private, self.patience = HfApi(), repository, private, patience
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="hub")
        self.pending: Future | None = None
        self.stopped = Event()
        try:
            self._create()
        except UserError:
            raise
        except PUSH_ERRORS as error:
            tell(f"the Hub can't be reached yet, training goes on: {sentence_of(error)}")

    def _create(self) -> None:
        self.repository = claim_repository(self.api, self.repository, self.private, "model")

    def _upload(self, folder: Path, message: str) -> None:
        self._create()
        self.api.upload_folder(
            repo_id=self.repository,
            folder_path=folder,
            commit_message=message,
            ignore_patterns=["checkpoint-*", "checkpoint-*/**", ".*"],
        )

    def _tag(self, tag: str) -> None:
        if tag in {ref.name for ref in self.api.list_repo_refs(self.repository).tags}:
            self.api.delete_tag(self.repository, tag=tag)
        self.api.create_tag(self.repository, tag=tag)

    def push_in_background(self, folder: Path, message: str) -> None:
        """Pushes a folder, then removes it. While an earlier push is still under way, this one is left out."""
        if self.pending is not None and not self.pending.done():
            shutil.rmtree(folder, ignore_errors=True)
            return

        def job():
            try:
                retry(lambda: self._upload(folder, message), self.patience, self.stopped)
            except PUSH_ERRORS as error:
                tell(f"{message} was not pushed, training goes on: {sentence_of(error)}")
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        self.pending = self.pool.submit(job)

    def abandon(self) -> None:
        """No more tries: the run was stopped."""
        self.stopped.set()

    def finish(self, folder: Path, message: str, tag: str) -> str | None:
        """Pushes the finished run and tags it, after what is under way; what went wrong, or None."""
        self.pool.shutdown(wait=True)
        try:
            retry(lambda: self._upload(folder, message), self.patience, self.stopped)
            retry(lambda: self._tag(tag), self.patience, self.stopped)
        except PUSH_ERRORS as error:
            return sentence_of(error)
        return None
