"""The page's scripts of the model, run by node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from metatrans_lab.export.page import PAGE
from metatrans_lab.export.runtime import cached_runtime, is_runtime

NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="node isn't here")
needs_runtime = pytest.mark.skipif(
    not is_runtime(cached_runtime()),
    reason=f"{cached_runtime().name} isn't in the cache (metatrans export translator --to page brings it)",
)


def run_in_node(body: str, given: Any, folder: Path = PAGE) -> Any:
    """What an async function with this body returns; it has what it is `given`, as JSON, and `metatrans`."""
    done = subprocess.run(
        [NODE, str(Path(__file__).with_name("run_in_node.js")), str(folder)],
        input=json.dumps({"body": body, "given": given}),
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
