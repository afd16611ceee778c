"""Mistakes that a person made and can mend, as opposed to ours."""

import difflib
import os
import sys
from collections.abc import Iterable


class UserError(ValueError):
    """What was given, what is allowed, what to do: one sentence, shown without a traceback. Exit code 2."""


def nearest(name: object, known: Iterable[str]) -> str:
    """'; did you mean …?' with the known name that is nearest, or nothing. YAML's names may be no text: 1, no."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def exit_with(error: Exception, program: str) -> None:
    """Prints the sentence to stderr, once if a launcher started several processes, and leaves with exit code 2."""
    sentence = " ".join(str(error).split())
    if os.environ.get("RANK", "0") == "0":
        print(f"{program}: {sentence}", file=sys.stderr)
    sys.exit(2)
