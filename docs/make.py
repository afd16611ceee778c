"""Makes the pages that are generated: the notebook from the tutorial, the reference from the docstrings.

python docs/make.py
"""

import enum
import importlib
import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig

FOLDER = Path(__file__).parent
MODULES = {
    "dataset_script": None,
    "dataset_script.baselines": ("unigram", "copy", "induction", "enumerated", "family"),
    "dataset_script.text": ("draw_names", "write_episodes"),
    "modeling_metalstm": None,
    "modeling_metalstm.export_metalstm": ("export_step", "export_read", "empty_state", "state_names"),
    "metatrans_lab.evaluation": ("evaluate", "evaluate_words", "ragged_exact_match"),
    "metatrans_lab.evaluation.text_predictor": ("TextPredictor",),
    "metatrans_lab.models": ("build_model", "load_model", "pretrained"),
    "metatrans_lab.config": ("TrainingConfig", "Stage"),
    "metatrans_lab.training.muon": ("Muon",),
}


def notebook() -> str:
    """The text of docs/tutorial.ipynb, from docs/tutorial.md."""
    parts = re.split(r"```python\n(.*?)```\n", (FOLDER / "tutorial.md").read_text(), flags=re.S)
    cells: list[dict[str, Any]] = []
    for number, part in enumerate(parts):
        if part.strip():
            cell: dict[str, Any] = {
                "cell_type": "code" if number % 2 else "markdown",
                "id": f"cell-{number}",
                "metadata": {},
            }
            cell["source"] = part.strip().splitlines(keepends=True)
            cells.append(cell | ({"execution_count": None, "outputs": []} if number % 2 else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def reference() -> str:
    """The text of docs/reference.md, from the docstrings."""
    lines = ["# Reference", "", "Made from the docstrings by `python docs/make.py`.", ""]
    for module_name, names in MODULES.items():
        module = importlib.import_module(module_name)
        lines += [f"## {module_name}", "", inspect.getdoc(module) or "", ""]
        for name in names or sorted(module.__all__):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                lines += [f"### {name}", "", "```python", f"{name}{_signature(thing)}", "```", ""]
                lines += ["```text", inspect.getdoc(thing) or "", "```", ""]
    return "\n".join(lines)


def _signature(thing: Callable) -> str:
    """Its parameters and what it returns, without addresses in memory; of an enumeration, its members."""
    if inspect.isclass(thing) and issubclass(thing, enum.Enum):
        return f": {', '.join(f'{member.name} = {member.value!r}' for member in thing)}"
    try:
        signature = inspect.signature(thing)
    except ValueError:
        return "(…)"
    if inspect.isclass(thing) and issubclass(thing, PreTrainedConfig):
        # What it inherits is transformers' to tell, and reads otherwise in every version of it.
        own = [parameter for name, parameter in signature.parameters.items() if name in thing.__annotations__]
        signature = signature.replace(parameters=own)
    return re.sub(r" at 0x[0-9a-f]+", "", str(signature))


PAGES = {"tutorial.ipynb": notebook, "reference.md": reference}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make())
