"""Pushes runs and data to the Hub; in training in the background, where a failing Hub never costs a step.

A missing or wrong token, and a repository that it may not write to, are found before the first step. After any other
failure a push is tried again, with growing pauses up to a bound. The token is huggingface_hub's own (`hf auth login`,
HF_TOKEN). It is no key of a config, so that no file of a run can contain it.
"""

import shutil
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from huggingface_hub import HfApi, get_token, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils import _http
from huggingface_hub.utils._http import default_client_factory

from metatrans_lab.errors import UserError

# The client that huggingface_hub itself uses, which is httpx2 from its version 2.0 on. Both may be installed.
httpx: Any = getattr(_http, "httpx2" if hasattr(_http, "httpx2") else "httpx")

TIMEOUT = 60.0
"""Seconds to wait for an answer; huggingface_hub itself waits without end while it uploads."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

# What a push may raise: HTTP errors, uploads that failed in a thread, dropped connections, unreadable files.
PUSH_ERRORS = (HfHubHTTPError, RuntimeError, httpx.HTTPError, OSError, ValueError)


def give_clients_a_timeout() -> None:
    """Has huggingface_hub use clients with a timeout."""

    def client_with_timeout() -> Any:
        client = default_client_factory()
        client.timeout = httpx.Timeout(TIMEOUT)
        return client

    set_client_factory(client_with_timeout)


def status_of(error: BaseException | None) -> int | None:
    """The HTTP status of an error or of its causes, as uploads wrap errors in others; None if there is none."""
    while error is not None:
        if isinstance(error, HfHubHTTPError) and error.response is not None:
            return error.response.status_code
        error = error.__cause__
    return None


def sentence_of(error: BaseException) -> str:
    """The error's first line; the token, should it be in there, is blotted out."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    token = get_token()
    return line.replace(token, "***") if token else line


def tell(sentence: str) -> None:
    """Prints a sentence about the Hub to stderr."""
    print(f"hub: {sentence}", file=sys.stderr, flush=True)


def retry(action: Callable[[], object], patience: float, stopped: Event) -> None:
    """Does the action, and tries again after growing pauses while it fails; the first failure is reported on stderr.

    Args:
        patience: seconds of pauses, all together.
        stopped: ends the tries.

    Raises:
        one of PUSH_ERRORS: it failed to the end, or with status 401 or 403, which no waiting mends.
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
    """Makes the repository if it isn't there, and returns its full name.

    Raises:
        UserError: there is no token, the Hub doesn't know it or it may not write there, or the name is impossible.
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

    def __init__(self, repository: str, private: bool, patience: float) -> None:
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
            # Of what is hidden, which is half written or for this machine, all but .eval_results.
            ignore_patterns=["checkpoint-*", "checkpoint-*/**", ".[!e]*"],
        )

    def _tag(self, tag: str) -> None:
        if tag in {ref.name for ref in self.api.list_repo_refs(self.repository).tags}:
            self.api.delete_tag(self.repository, tag=tag)
        self.api.create_tag(self.repository, tag=tag)

    def push_in_background(self, folder: Path, message: str) -> None:
        """Pushes a folder, then removes it. If an earlier push is still under way, this one is skipped."""
        if self.pending is not None and not self.pending.done():
            shutil.rmtree(folder, ignore_errors=True)
            return

        def job() -> None:
            try:
                retry(lambda: self._upload(folder, message), self.patience, self.stopped)
            except PUSH_ERRORS as error:
                tell(f"{message} was not pushed, training goes on: {sentence_of(error)}")
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        self.pending = self.pool.submit(job)

    def abandon(self) -> None:
        """Ends all tries, as the run was stopped."""
        self.stopped.set()

    def finish(self, folder: Path, message: str, tag: str) -> str | None:
        """Pushes the finished run and tags it, after any push under way; returns what went wrong, or None."""
        self.pool.shutdown(wait=True)
        try:
            retry(lambda: self._upload(folder, message), self.patience, self.stopped)
            retry(lambda: self._tag(tag), self.patience, self.stopped)
        except PUSH_ERRORS as error:
            return sentence_of(error)
        return None
