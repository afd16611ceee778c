"""The command `metatrans`, started quickly: what takes seconds to import is imported when it is first used.

Importing torch, transformers and datasets takes seconds; an exact answer needs none of them, but comes from packages
whose import registers things with these libraries. Here such a package is put in its place without being run; its
modules can be imported, and whoever asks for one of its own names has it run first.
"""

import importlib.util
import sys
from typing import Any

OURS, THEIRS = ("dataset_script", "modeling_metalstm"), ("torch",)
"""The packages that are postponed. Modules of ours can be imported before their package has run."""

QUICK = ("translate", "puzzle")
"""Commands that may need none of these."""


def postpone(name: str) -> None:
    """Has a package run when a name of its own is first asked for; nothing, if it has run already."""
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    module, loader = importlib.util.module_from_spec(spec), spec.loader

    def run_first(attribute: str) -> Any:
        if name in OURS and importlib.util.find_spec(f"{name}.{attribute}") is not None:
            raise AttributeError(attribute)  # a module, which is imported by whoever asks for it
        del module.__getattr__
        loader.exec_module(module)
        return getattr(module, attribute)

    module.__getattr__ = run_first  # type: ignore[method-assign]
    sys.modules[name] = module


def main() -> None:
    """Runs the command.

    Raises:
        SystemExit: with the exit code, if it isn't 0.
    """
    # Whatever imports a module of torch before torch has run crashes, as libraries do that are imported at once.
    is_quick = not sys.argv[1:] or sys.argv[1] in QUICK or sys.argv[1].startswith("-")
    for name in (*OURS, *THEIRS) if is_quick else OURS:
        postpone(name)
    from metatrans_lab.apps.shell import main

    main()
