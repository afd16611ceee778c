"""Makes `load_dataset("metatrans")` find our builder.

`datasets` has no plug-in hook: its module factory looks at folders and at the Hub. So the factory is wrapped: it
answers the path "metatrans" itself and passes everything else through.
"""

import functools
import hashlib
from pathlib import Path

import datasets.inspect
import datasets.load
from datasets.load import DatasetModule

SHAPING_MODULES = (
    *("arrays", "streams", "splits", "lexicons", "sources", "sentences", "reading", "episodes", "predictor"),
    *("text", "metatrans", "families/*"),
)
"""Every module that shapes the rows: a change in any of them gives prepared data a new cache folder."""


def code_hash() -> str:
    """Of the sources of all SHAPING_MODULES."""
    folder = Path(__file__).parent
    paths = [path for module in SHAPING_MODULES for path in sorted(folder.glob(f"{module}.py"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def _answering_metatrans(factory):
    @functools.wraps(factory)
    def dataset_module_factory(path, *args, **kwargs):
        if path == "metatrans":
            return DatasetModule("dataset_script.metatrans", code_hash(), {"dataset_name": "metatrans"})
        return factory(path, *args, **kwargs)

    dataset_module_factory.answers_metatrans = True
    return dataset_module_factory


def register_load_dataset() -> None:
    """Idempotent."""
    for module in (datasets.load, datasets.inspect):
        if not hasattr(module.dataset_module_factory, "answers_metatrans"):
            module.dataset_module_factory = _answering_metatrans(module.dataset_module_factory)
