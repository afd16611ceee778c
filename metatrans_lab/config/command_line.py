"""A run's config from a YAML file and `--key value` overrides, and the text of `--help` about the keys."""

import copy
import inspect
import json
import typing
from dataclasses import asdict, fields
from typing import Any

from dataset_script.families import FAMILIES
from dataset_script.families.contract import Language
from metatrans_lab.config.following import follow
from metatrans_lab.config.keys import Stage, TrainingConfig
from metatrans_lab.config.names import MODEL_KEYS, nearest_key
from metatrans_lab.config.typed import from_dict
from metatrans_lab.config.yaml_files import read_file, read_yaml
from metatrans_lab.errors import UserError
from metatrans_lab.shipped import CONFIGS, find_config, named_configs
from modeling_metalstm.configuration_metalstm import MetaLSTMConfig


def read_config(path: str, overrides: dict[str, str]) -> TrainingConfig:
    """A config from a YAML file (laid over its `base`, if it names one) and `--key value` overrides. What the
    overrides leave behind, they bring after them (`following.follow`).

    Args:
        path: a file, or the name of a config that comes with metatrans, such as "cpu".
        overrides: values as they were typed, by key; the key `model.hidden_size` is one inside the mapping `model`.

    Raises:
        UserError: an unreadable file, an unknown key, a wrong type, or an impossible value.
    """
    file = read_file(find_config(path))
    values = copy.deepcopy(file)
    for name in file:
        _check_name(name)
    for key, text in overrides.items():
        _check_name(key.split(".")[0], typed="--")
        value = read_value(key, text)
        *outer, last = key.split(".")
        inside = values
        for name in outer:
            inside = inside.setdefault(name, {})
            if not isinstance(inside, dict):
                raise UserError(f"--{key}: {name} is no mapping")
        inside[last] = value
    values = follow(file, values, {key.split(".")[0] for key in overrides})
    try:
        return from_dict(TrainingConfig, values)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(str(error)) from error


def _check_name(name: object, typed: str = "") -> None:
    """Raises UserError at a name that is no key, naming the nearest key; `typed` is what stood before it."""
    if name not in {f.name for f in fields(TrainingConfig)}:
        near = nearest_key(str(name))
        shown = typed + name if isinstance(name, str) else name
        raise UserError(f"unknown key {shown!r}" + (f"; did you mean {typed + near!r}?" if near else ""))


def read_value(key: str, text: str) -> Any:
    """The value of an override as it was typed: YAML, in which a pair may also be written (2, 6). Keys that are texts
    take the text as it is.

    Raises:
        UserError: it is not YAML.
    """
    hint = typing.get_type_hints(TrainingConfig).get(key)
    # null unsets a text, and a bare --key means true: these two are YAML for every key.
    if hint in (str, str | None) and text not in ("null", "true"):
        return text
    if text.startswith("(") and text.endswith(")"):
        text = f"[{text[1:-1]}]"
    try:
        return read_yaml(text)
    except UserError as error:
        raise UserError(f"--{key} {text!r} is no value; write it like 3, 0.1, text or [1, 5]") from error


def parse_overrides(arguments: list[str]) -> dict[str, str]:
    """['--num_steps', '10', '--seed=1', '--overwrite'] → {'num_steps': '10', 'seed': '1', 'overwrite': 'true'}.

    Raises:
        UserError: an argument that is no --key value.
    """
    overrides = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("--") or len(argument) == 2:
            raise UserError(f"expected --key value, got {argument!r}")
        key, equals, value = argument[2:].partition("=")
        if not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        overrides[key.replace("-", "_")] = value
    return overrides


def describe_keys() -> str:
    """The part of `--help` about configs and keys: which there are, what keys mean, and their defaults as typed."""
    knobs = {f"language.{f.name}": f.default for family in reversed(FAMILIES.values()) for f in fields(family)}
    defaults = asdict(TrainingConfig()) | {"language.family": "lexicon"} | knobs
    del defaults["language"], defaults["language.seed"], defaults["model"]
    defaults |= {"model.model_type": "metalstm"} | MODEL_KEYS
    lines = [f"  --{name} {json.dumps(value)}" for name, value in defaults.items()]
    families = [family for family in FAMILIES.values() if family.__doc__ != Language.__doc__]
    meanings = [inspect.getdoc(cls) or "" for cls in (TrainingConfig, Language, *families, Stage, MetaLSTMConfig)]
    configs = f"The configs in {CONFIGS}, by name: {', '.join(named_configs())}."
    return "\n\n".join([configs, *meanings, "\n".join(["The defaults:", *lines])])
