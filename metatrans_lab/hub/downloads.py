"""Models from the Hub: one that was damaged on the way is found and not used.

huggingface_hub checks only the size of what it downloads. But its cache names each file by the Hub's checksum of it,
which is checked here.
"""

import hashlib
import os
from pathlib import Path

from huggingface_hub import constants

from metatrans_lab.errors import UserError
from metatrans_lab.hub.pusher import httpx, sentence_of, status_of


def check_download(repository: str) -> None:
    """Removes a model's damaged files from the cache, so that the next try downloads them again.

    Raises:
        UserError: there were damaged files.
    """
    blobs = Path(constants.HF_HUB_CACHE, f"models--{repository.replace('/', '--')}", "blobs")
    if not os.path.isdir(blobs):  # Path's own is_dir() raises for a name that is too long
        return
    damaged = [blob for blob in blobs.iterdir() if blob.is_file() and not _is_whole(blob)]
    for blob in damaged:
        try:
            blob.resolve().unlink()  # it may be a link to a file that repositories share
            blob.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{blob} is damaged, and can't be removed: {error.strerror}") from error
    if damaged:
        raise UserError(f"{repository} came damaged from the Hub; what was damaged is removed, so try again")


def _is_whole(blob: Path) -> bool:
    """Whether a cached file has the checksum that it is named by: git's sha1, or the sha256 of a file in LFS."""
    named = {40: lambda: hashlib.sha1(b"blob %d\0" % blob.stat().st_size), 64: hashlib.sha256}
    if len(blob.name) not in named:
        return True  # a download under way, or a Hub with other names
    with blob.open("rb") as file:
        return hashlib.file_digest(file, named[len(blob.name)]).hexdigest() == blob.name


def why(error: Exception) -> str:
    """Why loading a model failed. transformers reports a Hub that fails as a missing file; the cause says more."""
    behind = error if isinstance(error, httpx.HTTPError) else error.__context__
    if isinstance(behind, httpx.HTTPError) and (status_of(behind) or 500) >= 500:
        return f"the Hub failed: {sentence_of(behind)}"
    return sentence_of(error)
