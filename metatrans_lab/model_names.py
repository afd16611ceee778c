"""The names of models: folders, repositories on the Hub, and those that come with this package."""

import json
from pathlib import Path

from metatrans_lab.errors import UserError, nearest

PRETRAINED = Path(__file__).parent / "pretrained"


def pretrained_names() -> list[str]:
    """The models that come with this package."""
    return sorted(path.name for path in PRETRAINED.iterdir() if path.is_dir())


def pretrained(name: str = "translator") -> str:
    """The folder of a model that comes with this package: "translator", trained by configs/translator.yaml, takes 64
    words; "six-words", two LSTM layers trained by configs/optimum.yaml, takes six; "grammarian", trained by
    configs/grammarian.yaml, takes 20 words of languages with grammar.

    Raises:
        UserError: there is none of that name.
    """
    if name not in pretrained_names():
        raise UserError(f"no model called {name!r} comes with metatrans, only {', '.join(pretrained_names())}")
    return str(PRETRAINED / name)


def model_folder(name: str) -> Path:
    """The path of a model that is given by its folder, or by the name of one that comes with this package."""
    path = Path(name)
    return PRETRAINED / name if not path.exists() and (PRETRAINED / name / "config.json").is_file() else path


def is_model(name: str) -> bool:
    """Whether a text is a model's name rather than a sentence: a folder, a model of ours, or user/name on the Hub."""
    words = name.split()
    if len(words) != 1 or words[0] != name:
        return False
    return model_folder(name).exists() or (name.count("/") == 1 and all(name.split("/")))


def check_model(name: str) -> None:
    """Raises UserError if no model can have this name, with the nearest that has: nothing is asked of the Hub."""
    check_folder(name)
    if not is_model(name):
        near = nearest(name, [*pretrained_names(), *_runs()])
        raise UserError(
            f"there is no model {name!r}: it is no folder, not user/name on the Hub, and none of "
            f"{', '.join(pretrained_names())}{near}"
        )


def check_folder(name: str) -> None:
    """Raises UserError if a model's name is that of something here that is no model's folder, or of nothing here."""
    if not name.strip():
        raise UserError("the model's name is empty; give its folder, or its repository on the Hub")
    path = model_folder(name)
    if path.is_file():
        raise UserError(f"{name} is a file, and a model is a folder; give {path.parent}")
    if path.exists() and not (path / "config.json").is_file():
        is_checkpoint = (path / "state.pt").exists()
        more = "; a checkpoint is to resume from, a run's own folder has the model" if is_checkpoint else ""
        raise UserError(f"{name} is no model folder: it has no config.json{more}")
    if not path.exists() and len(path.parts) > 1 and path.parent.is_dir():
        raise UserError(f"there is no folder {name}")  # rather than ask the Hub for a repository of that name


def _runs() -> list[str]:
    """The folders of runs here."""
    return [str(path.parent) for path in Path("outputs").glob("*/config.json")]


def who_has_room(number: int) -> str:
    """A sentence that names the models of ours that take so many words, in place; "" if there is none."""
    rooms = {
        path.parent.name: json.loads(path.read_text())["num_source_words"]
        for path in sorted(PRETRAINED.glob("*/config.json"))
        if "family: mixed" not in path.with_name("training_config.yaml").read_text()
    }
    there = [f"{name} (of {room})" for name, room in rooms.items() if room >= number]
    return f" A model that comes with metatrans has room: {', '.join(there)}." if there else ""
