"""Runs beside one another: the curves of their logs in one picture."""

from collections.abc import Sequence
from pathlib import Path

from metatrans_lab.config.yaml_files import read_file
from metatrans_lab.errors import UserError
from metatrans_lab.report.plots import plot_runs
from metatrans_lab.runs.storage import CONFIG, LOG, read_log


def compare(folders: Sequence[str], picture: str) -> None:
    """Draws the loss and the accuracy of several runs, over their steps, into a PNG.

    Args:
        folders: of runs, which needn't be at their end.
        picture: the file's name; a file that is there is replaced.

    Raises:
        UserError: a folder is no run's, or the picture can't be written.
    """
    runs, losses = {}, {}
    for folder in folders:
        try:
            runs[folder] = read_log(Path(folder))
        except OSError as error:
            raise UserError(f"can't read {folder}/{LOG}: {error.strerror}; give the folder of a run") from error
        if not runs[folder]:
            raise UserError(f"{folder}/{LOG} has no lines yet")
        losses[folder] = read_file(Path(folder) / CONFIG).get("loss_on")
    if len(set(losses.values())) > 1:  # losses of other tokens are other numbers
        runs = {f"{folder} (loss on {losses[folder]})": lines for folder, lines in runs.items()}
    try:
        plot_runs(Path(picture), runs)
    except OSError as error:
        raise UserError(f"can't write {picture}: {error.strerror}") from error
