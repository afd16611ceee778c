"""Models that come from the Hub: one that came damaged is never used.

huggingface_hub compares what arrives by its size alone, and keeps it. But its cache names each file by the checksum
that the Hub has of it: who looks there can tell.
"""

import hashlib
import os
from pathlib import Path

from huggingface_hub import constants

from metatrans_lab.errors import UserError
from metatrans_lab.hub.pusher import httpx, sentence_of, status_of


def check_download(repository: str) -> None:
    """Removes from the cache what isn't as the Hub has it, so that the next try downloads it again.

    Raises:
        UserError: there was any of that.
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
    """Whether a cached file is what its name says: the sha1 of a file in git, or the sha256 of one in LFS."""
    named = {40: lambda: hashlib.sha1(b"blob %d\0" % blob.stat().st_size), 64: hashlib.sha256}
    if len(blob.name) not in named:
        return True  # a download under way, or a Hub that names its files otherwise
    with blob.open("rb") as file:
        return hashlib.file_digest(file, named[len(blob.name)]).hexdigest() == blob.name


def why(error: Exception) -> str:
    """The sentence behind a failed load; transformers takes a Hub that fails for a file that is missing."""
    behind = error if isinstance(error, httpx.HTTPError) else error.__context__
    failed = isinstance(behind, httpx.HTTPError) and (status_of(behind) or 500) >= 500
    return f"the Hub failed: {sentence_of(behind)}" if failed else sentence_of(error)
