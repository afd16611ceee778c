"""Dataclasses from plain values (of YAML or JSON), with every key and every type checked."""

import reprlib
import sys
import types
import typing
from dataclasses import is_dataclass
from typing import Any, TypeVar

from metatrans_lab.errors import UserError, nearest

T = TypeVar("T")


def from_dict(cls: type[T], values: dict, where: str = "") -> T:
    """A dataclass from plain values.

    Args:
        where: what error messages call the mapping, if it lies inside another.

    Raises:
        UserError: an unknown key (the message names the nearest known one), or a value of another type than its field.
    """
    hints = typing.get_type_hints(cls)
    for name in values:
        if name not in hints:
            inside = f" in {where}" if where else ""
            raise UserError(f"unknown key {name!r}{inside}{nearest(str(name), hints)}")
    prefix = f"{where}." if where else ""
    return cls(**{name: _checked(hints[name], value, prefix + name) for name, value in values.items()})


def _checked(hint: Any, value: Any, where: str) -> Any:
    """The value, as of the type that the hint says; UserError if it isn't of that type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in inner:
            return None
        return _checked(next(kind for kind in inner if kind is not type(None)), value, where)
    if origin is typing.Literal:
        # YAML 1.1 reads a bare no as False.
        value = "no" if value is False and "no" in inner else value
        if value not in inner:
            raise UserError(f"{where} must be one of {', '.join(map(str, inner))}, got {reprlib.repr(value)}")
        return value
    if origin is list or hint is list:
        if not isinstance(value, list):
            raise UserError(f"{where} must be a list, got {reprlib.repr(value)}")
        return [_checked(inner[0], item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(hint, type) and is_dataclass(hint):
        if not isinstance(value, dict):
            raise UserError(f"{where} must be a mapping, got {reprlib.repr(value)}")
        return from_dict(hint, value, where)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= sys.float_info.max:
            raise UserError(f"{where} must be a finite number, got {reprlib.repr(value)}")
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        names = {int: "an integer", float: "a number", str: "a text", bool: "true or false", dict: "a mapping"}
        raise UserError(f"{where} must be {names[hint]}, got {reprlib.repr(value)}")
    return value
