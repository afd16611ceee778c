"""Makes `load_dataset("metatrans")` find our builder.

`datasets` has no hook for plug-ins: its module factory looks for folders and for repositories on the Hub. So the
factory is wrapped: the wrapper answers the path "metatrans" itself and passes every other path on.
"""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets.inspect
import datasets.load
from datasets.load import DatasetModule

SHAPING_MODULES = (
    *("arrays", "streams", "splits", "lexicons", "sources", "forms", "sentences", "costs", "reading", "hypotheses"),
    *("mixtures", "episodes", "predictor", "text", "metatrans", "families/*"),
)
"""Every module that shapes the rows: a change in any of them gives prepared data a new cache folder."""

MARK = "answers_metatrans"
"""The attribute by which a wrapped factory is known."""


def code_hash() -> str:
    """A hash of the source code of all SHAPING_MODULES."""
    folder = Path(__file__).parent
    paths = [path for module in SHAPING_MODULES for path in sorted(folder.glob(f"{module}.py"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def _answering_metatrans(factory: Callable[..., DatasetModule]) -> Callable[..., DatasetModule]:
    @functools.wraps(factory)
    def dataset_module_factory(path: str, *args: Any, **kwargs: Any) -> DatasetModule:
        if path == "metatrans":
            return DatasetModule("dataset_script.metatrans", code_hash(), {"dataset_name": "metatrans"})
        return factory(path, *args, **kwargs)

    setattr(dataset_module_factory, MARK, True)
    return dataset_module_factory


def register_load_dataset() -> None:
    """Wraps the factory wherever `datasets` has it; one that is wrapped already stays as it is."""
    for module in (datasets.load, datasets.inspect):
        if not hasattr(module.dataset_module_factory, MARK):
            module.dataset_module_factory = _answering_metatrans(module.dataset_module_factory)
