"""YAML files: read within bounds on their size, and laid over the file that they name as their `base`."""

import re
from pathlib import Path
from typing import Any

import yaml

from metatrans_lab.config.following import follow
from metatrans_lab.errors import UserError, nearest
from metatrans_lab.shipped import find_config, named_configs


class _Loader(yaml.SafeLoader):
    """PyYAML reads 1e-3 as a text, by YAML 1.1; this loader reads it as a number, by YAML 1.2."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


MAX_YAML_CHARACTERS, MAX_YAML_VALUES = 1_000_000, 100_000


def read_yaml(text: str) -> Any:
    """The value of a YAML text.

    Raises:
        UserError: it is not YAML, or is longer than any config. Aliases count each time that they are used, so that a
            small file can't describe an immense value.
    """
    if len(text) > MAX_YAML_CHARACTERS:
        raise UserError(f"more than {MAX_YAML_CHARACTERS:,} characters, which no config has")
    try:
        value = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"not YAML{where}: {error.problem}") from error
    except RecursionError as error:
        raise UserError("not YAML that can be read: its values lie too deep in one another") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-99-99
        raise UserError(f"not YAML: {' '.join(str(error).split())}") from error
    values, count = [value], 0  # values whose insides weren't counted yet
    while values:
        inside, count = values.pop(), count + 1
        if count > MAX_YAML_VALUES:
            raise UserError(f"more than {MAX_YAML_VALUES:,} values, which no config has")
        if isinstance(inside, dict):
            values += [*inside, *inside.values()]
        elif isinstance(inside, list | tuple | set):
            values += inside
    return value


def read_file(path: Path, above: tuple[Path, ...] = ()) -> dict:
    """A YAML file's keys and values. The key `base` names another file, relative to this one, or a config that comes
    with metatrans: its keys hold where this file doesn't set them, brought after what it sets (`following.follow`).

    Args:
        above: the files that this one is a base of, which can't be its own base.

    Raises:
        UserError: unreadable, not YAML, no mapping, or its own base.
    """
    try:
        with path.open(encoding="utf-8") as file:
            values = read_yaml(file.read(MAX_YAML_CHARACTERS + 1))
    except OSError as error:
        near = nearest(path.with_suffix(""), named_configs()) if isinstance(error, FileNotFoundError) else ""
        raise UserError(f"can't read the config {path}: {error.strerror}{near}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"the config {path} is not UTF-8 text") from error
    except UserError as error:
        raise UserError(f"the config {path} is {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"the config {path} must be a mapping of keys to values")
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise UserError(f"base must be a file, got {base!r}")
    above, below = (*above, path.resolve()), find_config(base, path.parent)
    if below.resolve() in above:
        raise UserError(f"the config {path} is its own base")
    keys = read_file(below, above)
    return follow(keys, keys | values, values.keys())
