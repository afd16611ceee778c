"""The training script and its configs: at the top of a checkout, or inside this package where that is installed."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_HOME = _PACKAGE if (_PACKAGE / "train.py").is_file() else _PACKAGE.parent

TRAIN, CONFIGS = _HOME / "train.py", _HOME / "configs"


def named_configs() -> dict[str, Path]:
    """The configs that come with metatrans, by name: "cpu", "peers/llama", …"""
    return {file.relative_to(CONFIGS).with_suffix("").as_posix(): file for file in sorted(CONFIGS.rglob("*.yaml"))}


def find_config(name: str, folder: Path = Path()) -> Path:
    """The file of a config.

    Args:
        name: a file's, or that of a config of ours where there is no such file: "cpu", "cpu.yaml", "configs/cpu.yaml".
        folder: the one that a file's name is relative to.
    """
    named = named_configs().get(name.removeprefix("configs/").removesuffix(".yaml"))
    file = folder / name
    return file if named is None or file.is_file() else named
