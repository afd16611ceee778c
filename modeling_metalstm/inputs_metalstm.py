"""
What is asked, in the forms that Python objects have it: a sentence, a row of a data set, many of them, or a stream.

```python
>>> read_sentences({"source": "blue red", "target": "wif dax"})
"blue red"
>>> read_sentences([{"translation": {"en": "red", "x": "dax"}}, "blue"])
["red", "blue"]
>>> list(read_stream((word for word in ("red", "blue", "green")), batch_size=2))
[["red", "blue"], ["green"]]
```
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sized
from types import GeneratorType
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from .rules_metalstm import COLUMNS, are_languages, as_columns

SENTENCE_COLUMNS = tuple(dict.fromkeys(source for source, _ in COLUMNS))
"""Names of columns that hold sentences to translate, the first that a row has."""


def read_sentences(given: Any) -> Any:
    """
    What is to be translated: of a row its sentence, of a table's columns (`rows[:2]`) a list of them, of anything else
    that can be iterated over a list of what it holds, each read in this way. What is none of these is given back as it
    is: the lesson says what it should have been.
    """
    given = as_columns(given)
    if isinstance(given, Mapping):
        both = given.get("translation")
        by_language = both if isinstance(both, Mapping) else given
        if both is by_language or are_languages([*given]):
            return next(iter(by_language.values()), given)
        column = next((name for name in (*SENTENCE_COLUMNS, "translation") if name in given), None)
        return given if column is None else read_sentences(given[column])
    if isinstance(given, str) or not isinstance(given, Iterable):
        return given
    return [one if isinstance(one, str) else read_row(one) for one in given]


def read_row(row: Any) -> Any:
    """The sentence of a row, if it is one; else the row."""
    sentence = read_sentences(row) if isinstance(row, Mapping) else row
    return sentence if isinstance(sentence, str) else row


def is_stream(given: object) -> bool:
    """Whether sentences are to be translated as they are read."""
    return isinstance(given, (GeneratorType, Dataset))


def read_stream(given: Any, batch_size: int, num_workers: int = 0) -> Iterator[list[Any]]:
    """
    The sentences or rows of a stream, in lists of `batch_size`.

    Args:
        given: a generator, or a `torch.utils.data.Dataset`.
        num_workers (`int`, defaults to 0): how many processes read a data set that has a length; whatever has none is
            read here.
    """
    if isinstance(given, Dataset) and isinstance(given, Sized):
        # With a generator of its own it leaves the global one alone.
        generator = torch.Generator()
        return iter(DataLoader(given, batch_size, num_workers=num_workers, collate_fn=list, generator=generator))
    rows = iter(given)
    return iter(lambda: list(itertools.islice(rows, batch_size)), [])
