"""Keys that follow others: what a config or a command line doesn't set, though what it sets would leave it behind."""

from collections.abc import Collection
from typing import Any

from dataset_script.families import make_language

SCHEDULE = ("warmup_steps", "decay_steps")


def follow(before: dict, values: dict, given: Collection[str]) -> dict:
    """A config's values, with what nobody gave brought after what was given.

    - The curriculum follows the number of source words: a number of active words that was the whole alphabet is the
      whole alphabet again, and another one is no more than it.
    - Warm-up and decay follow `num_steps`, if it has no room for them any more: of a tenth of the steps they take a
      tenth.

    Args:
        before: keys and values of the file that was built upon.
        values: its values with others laid over them. Any of them may be of a wrong type, and is left alone then.
        given: the keys that were laid over.
    """
    followed = {}
    was, words = _num_words(before), _num_words(values)
    if was and words and was != words and isinstance(values.get("curriculum"), list):
        followed["curriculum"] = [_of_words(stage, was, words) for stage in values["curriculum"]]
    steps: list[Any] = [before.get("num_steps"), values.get("num_steps")]
    parts: dict[str, Any] = {name: values.get(name, 0) for name in SCHEDULE}
    are_numbers = all(isinstance(number, int) for number in [*steps, *parts.values()])
    if are_numbers and 0 < steps[1] < steps[0] and sum(parts.values()) > steps[1]:
        followed |= {name: number * steps[1] // steps[0] for name, number in parts.items()}
    return values | {key: value for key, value in followed.items() if key not in given}


def stretched(knobs: Any, was: int, num_words: int) -> Any:
    """A stage's knobs, with the number of active words of an alphabet of `was` words brought to one of `num_words`."""
    active = knobs.get("num_active_words") if isinstance(knobs, dict) else None
    if isinstance(active, list):
        return knobs | {"num_active_words": [_stretch(number, was, num_words) for number in active]}
    return knobs if active is None else knobs | {"num_active_words": _stretch(active, was, num_words)}


def _stretch(number: Any, was: int, num_words: int) -> Any:
    if not isinstance(number, int):
        return number
    return num_words if number == was else min(number, num_words)


def _of_words(stage: Any, was: int, num_words: int) -> Any:
    """A stage of the curriculum for another number of words."""
    if not isinstance(stage, dict) or not isinstance(stage.get("languages"), list):
        return stage
    return stage | {"languages": [stretched(knobs, was, num_words) for knobs in stage["languages"]]}


def _num_words(values: dict) -> int | None:
    """The number of source words of a config's languages; None if these are no languages."""
    try:
        return make_language(**values.get("language", {})).num_source_words
    except (TypeError, ValueError):
        return None
