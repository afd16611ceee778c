"""onnxruntime-web, which runs ONNX in a browser: from a folder, or by npm into a cache.

Of what its package has, these three are the smallest that run our models: without WebGPU and WebGL, on one thread.
"""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from metatrans_lab.errors import UserError, storage_error

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
SCRIPT, LOADER, WASM = "ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"
FILES = (SCRIPT, LOADER, WASM)

PATIENCE = 300
"""Seconds that npm may take for 33 MB."""


def cached_runtime() -> Path:
    """The folder that npm's package is unpacked into, whether it is there or not."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "metatrans", f"{PACKAGE}-{VERSION}")


def is_runtime(folder: Path) -> bool:
    """Whether a folder has all that a page needs."""
    return all((folder / name).is_file() for name in FILES)


def find_runtime(given: str | None = None) -> Path:
    """The folder of the files.

    Args:
        given: a folder of theirs, or that of the package; None: the cache, which npm fills if it is empty.

    Raises:
        UserError: the folder hasn't the files, npm isn't here or fails, or what it brought is another package.
    """
    if given is not None:
        folder = next((folder for folder in (Path(given), Path(given, "dist")) if is_runtime(folder)), None)
        if folder is None:
            raise UserError(f"{given} isn't {PACKAGE}: it has no {', '.join(FILES)}, nor has its folder dist")
        return folder
    folder = cached_runtime()
    if not is_runtime(folder):
        _fetch(folder)
    return folder


def runtime_version(folder: Path) -> str:
    """The version that the script's first lines name; "" if they name none."""
    head = (folder / SCRIPT).read_text(encoding="utf-8")[:400]
    match = re.search(r"ONNX Runtime Web v(\S+)", head)
    return "" if match is None else match[1]


def _fetch(folder: Path) -> None:
    """Has npm bring the package, and unpacks what is needed of it."""
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(
            f"a page needs {PACKAGE} {VERSION}, and npm, which would bring it, isn't here; install npm, or unpack "
            "that package and give its folder as --runtime"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
            command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", beside]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=beside)
            archives = list(Path(beside).glob("*.tgz"))
            if done.returncode or len(archives) != 1:
                lines = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
                why = lines[0].removeprefix("npm error").strip() if lines else f"exit code {done.returncode}"
                raise UserError(
                    f"npm can't bring {PACKAGE} {VERSION} ({why}); try again, or give its folder as --runtime"
                )
            digest = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
            if digest != SHA512:
                raise UserError(f"what npm brought isn't {PACKAGE} {VERSION}: its checksum is another")
            unpacked = Path(beside, "unpacked")
            unpacked.mkdir()
            with tarfile.open(archives[0]) as archive:
                for name in FILES:
                    file = archive.extractfile(f"package/dist/{name}")
                    assert file is not None
                    (unpacked / name).write_bytes(file.read())
            shutil.rmtree(folder, ignore_errors=True)
            unpacked.rename(folder)
    except subprocess.TimeoutExpired as error:
        raise UserError(f"npm took more than {PATIENCE} s to bring {PACKAGE} {VERSION}; try again later") from error
    except OSError as error:
        raise UserError(f"can't write {folder}: {storage_error(error) or error}") from error
