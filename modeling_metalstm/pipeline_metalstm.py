"""
`pipeline("in-context-translation")`: translates by rules that are shown, in the user's own words.

```python
>>> translator = pipeline("in-context-translation", model=…)
>>> translator("blue red", examples=[("red", "dax"), ("blue red", "wif dax")])
{"translation_text": "wif dax",
 "words": [{"source": "blue", "target": "wif", "probability": 0.998, "guess": False, "taught": "wif", "example": 2},
           {"source": "red", "target": "dax", "probability": 0.999, "guess": False, "taught": "dax", "example": 1}]}
```
"""

import itertools
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any, overload

from torch.utils.data import Dataset
from transformers import Pipeline

from .errors_metalstm import TranslationError
from .inputs_metalstm import is_stream, read_stream
from .session_metalstm import TranslatorSession, check_integer

MAX_BATCH_SIZE = 100_000
MAX_WORKERS = 1_000
PARAMETERS = ("examples", "num_bindings", "seed", "separator", "exact")


class InContextTranslationPipeline(Pipeline):
    """
    Translates sentences by examples, in words of the user's own: see `TranslatorSession`, which does it.

    Call it with a sentence, or with a list of them (or a column, or rows: whatever holds several) for a list of
    results, and with `examples`, `num_bindings`, `seed`, `separator` and `exact` as of `TranslatorSession`. A row of a
    data set stands for the sentence in its column `source`, `from`, `input`, `text`, …, or for the first language of
    its `translation`. Each call reads the examples once; `session` keeps them read for more calls.

    A generator or a `torch.utils.data.Dataset` gives an iterator of results, which reads and translates `batch_size`
    sentences at a time, one by default; `num_workers` processes read a data set that has a length. A list is
    batched by itself.

    It raises `TranslationError`, a `ValueError`, at an input that it can't translate, in a sentence that says why.
    """

    # The prompt is built from the user's words; a tokenizer is kept, if there is one, to be saved with the model.
    _load_tokenizer = None
    _load_processor = False
    _load_image_processor = False
    _load_video_processor = False
    _load_feature_extractor = False

    def session(self, examples: Any = None, **kwargs: Any) -> TranslatorSession:
        """A session of this model, with what isn't given as the pipeline was made: see `TranslatorSession`."""
        given = kwargs if examples is None else kwargs | {"examples": examples}
        return self.preprocess({}, **(self._preprocess_params | self._sanitize_parameters(**given)[0]))["session"]

    @overload  # a text or a row can be iterated over too, but is one sentence
    def __call__(
        self, sentences: str | Mapping[str, str] | Mapping[str, Mapping[str, str]], **kwargs: Any
    ) -> dict[str, Any]: ...

    @overload
    def __call__(
        self, sentences: Generator[Any, Any, Any] | Dataset[Any], **kwargs: Any
    ) -> Iterator[dict[str, Any]]: ...

    @overload
    def __call__(self, sentences: Iterable[Any], **kwargs: Any) -> list[dict[str, Any]]: ...

    def __call__(
        self, sentences: Any, *, batch_size: int | None = None, num_workers: int | None = None, **kwargs: Any
    ) -> dict[str, Any] | list[dict[str, Any]] | Iterator[dict[str, Any]]:
        size = self._batch_size if batch_size is None else batch_size
        workers = self._num_workers if num_workers is None else num_workers
        size, workers = 1 if size is None else size, 0 if workers is None else workers
        check_integer("batch_size", size, 1, MAX_BATCH_SIZE)
        check_integer("num_workers", workers, 0, MAX_WORKERS)
        if is_stream(sentences):
            session = self.session(**kwargs)
            return itertools.chain.from_iterable(map(session, read_stream(sentences, size, workers)))
        # One input for the base class, whatever their number: they share the examples.
        return super().__call__({"sentences": sentences}, **kwargs)

    def _sanitize_parameters(self, **parameters: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        unknown = parameters.keys() - set(PARAMETERS)
        if unknown:
            raise TranslationError(
                f"In-context translation takes {', '.join(f'`{name}`' for name in PARAMETERS)}, not {min(unknown)!r}."
            )
        return parameters, {}, {}

    def preprocess(self, inputs: dict[str, Any], examples: Any = (), **settings: Any) -> dict[str, Any]:
        return inputs | {"session": TranslatorSession(self.model, examples, **settings)}

    def _forward(self, model_inputs: dict[str, Any]) -> dict[str, Any]:
        return {"results": model_inputs["session"](model_inputs["sentences"])}

    def postprocess(self, model_outputs: dict[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        return model_outputs["results"]
