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

from collections.abc import Iterator
from types import GeneratorType
from typing import Any

from torch.utils.data import Dataset
from transformers import Pipeline

from .errors_metalstm import TranslationError
from .session_metalstm import TranslatorSession

PARAMETERS = ("examples", "num_bindings", "seed", "separator", "exact")


class InContextTranslationPipeline(Pipeline):
    """
    Translates sentences by examples, in words of the user's own: see `TranslatorSession`, which does it.

    Call it with a sentence, or with a list of them for a list of results, and with `examples`, `num_bindings`, `seed`,
    `separator` and `exact` as of `TranslatorSession`; a generator or a `torch.utils.data.Dataset` of sentences gives
    an iterator of results. Each call reads the examples once; `session` keeps them read for more calls.

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

    def __call__(
        self, sentences: str | list[str], **kwargs: Any
    ) -> dict[str, Any] | list[dict[str, Any]] | Iterator[dict[str, Any]]:
        if isinstance(sentences, (GeneratorType, Dataset)):
            return map(self.session(**kwargs), sentences)
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
