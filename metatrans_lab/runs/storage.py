"""The files of a run's folder, and what happens when one of them can't be written.

outputs/NAME/
  training_config.yaml   every key, as the run used it
  log.jsonl              a line every `log_every` steps and one an evaluation
  loss.png  shots.png    redrawn at every evaluation
  checkpoint-STEP/       to resume from
  model.safetensors, config.json, tokenizer…, *.py, README.md     the Hub-ready model, at the end
  .eval_results/         the figures that the Hub shows, if the config names a data set there
  results.json           the figures, last of all: a run that has it is complete
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from metatrans_lab.errors import TrainingError, storage_error, tell
from metatrans_lab.runs.checkpoints import flush, list_checkpoints, remove_checkpoint

CONFIG, LOG, LOSS, SHOTS, RESULTS = "training_config.yaml", "log.jsonl", "loss.png", "shots.png", "results.json"
EVAL_RESULTS = ".eval_results/metatrans.yaml"


class Storage:
    """A run's folder, and whether the run goes on when something can't be written into it.

    Args:
        path: the folder.
        save_errors: "stop" or "go_on", as of `TrainingConfig`.
    """

    def __init__(self, path: Path, save_errors: str) -> None:
        self.path, self.save_errors = path, save_errors

    @contextmanager
    def writing(self, what: str, needed: bool = False) -> Iterator[None]:
        """A context for writing a file or folder: if that fails, it is reported, and training goes on if it may.

        Args:
            what: its name in the folder.
            needed: whether the run fails without it, whatever `save_errors` says.

        Raises:
            TrainingError: it can't be written, and training may not go on without it.
        """
        try:
            yield
        except Exception as error:
            reason = storage_error(error)
            if reason is None:
                raise
            saved = list_checkpoints(self.path)
            left = f"{saved[-1]} is still there" if saved else "nothing was saved before"
            sentence = f"can't write {self.path / what}: {reason}; {left}"
            if needed or self.save_errors == "stop":
                raise TrainingError(sentence) from error
            tell("train.py", f"{sentence}; training goes on")


def write_whole(path: Path, text: str) -> None:
    """Replaces a file's text; a kill meanwhile leaves either the old or the new one, whole."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text)
    flush(temporary)
    temporary.replace(path)


def empty(folder: Path) -> None:
    """Removes all that a run's folder holds. A kill meanwhile leaves what is known as a run's, and no checkpoint that
    isn't whole: what marks a complete run goes first, the config last.
    """
    (folder / RESULTS).unlink(missing_ok=True)
    for checkpoint in list_checkpoints(folder):
        remove_checkpoint(checkpoint)
    for path in sorted(folder.iterdir(), key=lambda path: path.name == CONFIG):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def read_log(folder: Path) -> list[dict]:
    """The lines of a run's log.jsonl, but for one that a kill cut short.

    Raises:
        OSError: it can't be read.
    """
    lines = map(_parse, (folder / LOG).read_text().splitlines())
    return [line for line in lines if isinstance(line, dict) and "step" in line]


def _parse(line: str) -> Any:
    """A line of the log; None for one that isn't whole."""
    try:
        return json.loads(line)
    except ValueError:
        return None
