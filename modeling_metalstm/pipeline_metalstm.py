"""
`pipeline("in-context-translation")`: translates by rules that are shown, in the user's own words.

```python
>>> translator = pipeline("in-context-translation", model=…)
>>> translator("blue red", examples=[("red", "dax"), ("blue red", "wif dax")])
{"translation_text": "wif dax",
 "words": [{"source": "blue", "target": "wif", "probability": 0.998, "guess": False},
           {"source": "red", "target": "dax", "probability": 0.999, "guess": False}]}
```
"""

import random
import reprlib
from typing import Any

import torch
from transformers import LogitsProcessor, Pipeline

from .words import Question, TranslationError, ask, draw_binding, write_prompt

UNKNOWN_WORD = "?"
MAX_BINDINGS = 100
PREFILL_CHUNK = 1024  # tokens of a long prompt that are read at once, which bounds the memory


class UserWordAverage(LogitsProcessor):
    """
    Scores the next target word in the user's words, averaged over rows that ask the same question under different
    bindings, so that greedy decoding says the same words in every row.

    The user's target words are the first columns of word space. A symbol that stands for none of them, but was said
    in this translation, is a word without a name yet and gets the next column. The symbols left over are alike, and
    share what probability is left.

    Args:
        targets (`torch.LongTensor` of shape `(n, W)`): the token of each of the user's target words, in each row.
        first_target (`int`): the first target token, `L`.
        num_target_words (`int`): the number of target tokens, `R`.
        prompt_length (`int`): the number of tokens before the translation.
    """

    def __init__(self, targets: torch.LongTensor, first_target: int, num_target_words: int, prompt_length: int):
        self.targets = targets
        self.alphabet = slice(first_target, first_target + num_target_words)
        self.prompt_length = prompt_length

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Scores `(n, V)` of the next token to the logarithms of the averaged probabilities, -inf but for targets."""
        words = self.targets
        for said in input_ids[:, self.prompt_length :].unbind(1):
            if not (words[0] == said[0]).any():  # every row says the same word, so the first tells for all
                words = torch.cat([words, said[:, None]], dim=1)
        words = words - self.alphabet.start

        symbols = scores[:, self.alphabet].softmax(dim=-1)
        num_rows, num_words = words.shape
        in_words = symbols.gather(1, words).mean(dim=0)
        each_left = (1 - in_words.sum()).clamp(min=0) / max(symbols.shape[1] - num_words, 1)
        averaged = torch.cat([in_words, each_left[None]]).log()
        # Rows order the symbols differently, so a tie must be broken here, in word space, for them to agree.
        averaged = averaged - 1e-6 * torch.arange(num_words + 1, device=scores.device)
        result = torch.full_like(scores, -torch.inf)
        result[:, self.alphabet] = averaged[-1]
        return result.scatter(1, words + self.alphabet.start, averaged[:-1].expand(num_rows, -1))


class InContextTranslationPipeline(Pipeline):
    """
    Translates sentences by examples, in words of the user's own: each distinct word is bound to a random symbol of
    the model's alphabet, the model writes the translation of as many words as the sentence has, and it is bound back.

    Call it with a sentence, or with a list of them for a list of results, and

        examples (list of pairs): sentences with their translations, such as `[("red", "dax")]`; words stand at the
            same place as their translations.
        num_bindings (`int`, defaults to 1): how many random bindings to average. A model that treats its symbols
            alike needs one; averaging several evens out how far it doesn't.
        seed (`int`, defaults to 0): the seed of the bindings; the same seed gives the same result.

    A result is a dictionary of `translation_text` and of `words`, one dictionary for each word of the sentence:

        source (`str`): the word.
        target (`str`): its translation, or `"?"` where the most probable symbol isn't any of the user's words.
        probability (`float`): the probability of that word; for `"?"`, of all words without a name together.
        guess (`bool`): whether no example translates the word.

    It raises `TranslationError`, a `ValueError`, at an input that it can't translate, in a sentence that says why.
    """

    # The prompt is built from the user's words; a tokenizer is kept, if there is one, to be saved with the model.
    _load_tokenizer = None
    _load_processor = False
    _load_image_processor = False
    _load_video_processor = False
    _load_feature_extractor = False

    def __call__(self, sentences: str | list[str], **kwargs: Any) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(sentences, (list, tuple)):
            if not sentences:
                raise TranslationError("There are no sentences to translate; give one, or a list of at least one.")
            examples = kwargs.get("examples", self._preprocess_params.get("examples", ()))
            for sentence in sentences:  # a mistake in the last is found before the first is translated
                self.ask(sentence, examples)
            sentences = list(sentences)
        # A sentence is a batch already, a row for each binding.
        return super().__call__(sentences, **{**kwargs, "batch_size": 1})

    def _sanitize_parameters(self, **parameters):
        unknown = parameters.keys() - {"examples", "num_bindings", "seed"}
        if unknown:
            raise TranslationError(
                f"In-context translation takes `examples`, `num_bindings` and `seed`, not `{min(unknown)}`."
            )
        return parameters, {}, {}

    def ask(self, sentence: str, examples: Any) -> Question:
        """The checked question for this model; raises `TranslationError`."""
        return ask(examples, sentence, self.model.config.num_source_words, self.model.config.num_target_words)

    def preprocess(self, sentence: str, examples: Any = (), num_bindings: int = 1, seed: int = 0) -> dict[str, Any]:
        """The prompt under `n` bindings, `(n, S)`, and the target words' tokens, `(n, W)`."""
        check_integer("num_bindings", num_bindings, 1, MAX_BINDINGS)
        check_integer("seed", seed, 0, 2**63 - 1)
        question = self.ask(sentence, examples)
        config, rng = self.model.config, random.Random(seed)
        bindings = [
            draw_binding(question, config.num_source_words, config.num_target_words, rng) for _ in range(num_bindings)
        ]
        prompts = [
            write_prompt(question, binding, config.start_of_source_id, config.start_of_target_id)
            for binding in bindings
        ]
        targets = [binding[len(question.source_words) :] for binding in bindings]
        return {"input_ids": torch.tensor(prompts), "targets": torch.tensor(targets), "question": question}

    def _forward(self, model_inputs: dict[str, Any]) -> dict[str, Any]:
        """Greedy decoding of as many target words as the sentence has; the scores of the first row speak for all."""
        input_ids, targets, question = model_inputs["input_ids"], model_inputs["targets"], model_inputs["question"]
        config, num_words = self.model.config, len(question.sentence)
        average = UserWordAverage(targets, config.num_source_words, config.num_target_words, input_ids.shape[1])
        output = self.model.generate(
            input_ids,
            attention_mask=torch.ones_like(input_ids),
            max_new_tokens=num_words,
            do_sample=False,
            num_beams=1,
            prefill_chunk_size=PREFILL_CHUNK if input_ids.shape[1] > PREFILL_CHUNK else None,
            logits_processor=[average],
            output_scores=True,
            return_dict_in_generate=True,
        )
        return {
            "tokens": output.sequences[0, -num_words:],
            "probabilities": torch.stack([scores[0] for scores in output.scores]).exp(),
            "targets": targets[0],
            "question": question,
        }

    def postprocess(self, model_outputs: dict[str, Any]) -> dict[str, Any]:
        question, probabilities = model_outputs["question"], model_outputs["probabilities"]
        names = dict(zip(model_outputs["targets"].tolist(), question.target_words, strict=True))
        nameless = 1 - probabilities[:, list(names)].sum(dim=-1)
        words = []
        for position, (source, token) in enumerate(
            zip(question.sentence, model_outputs["tokens"].tolist(), strict=True)
        ):
            probability = probabilities[position, token] if token in names else nameless[position]
            words.append(
                {
                    "source": source,
                    "target": names.get(token, UNKNOWN_WORD),
                    "probability": min(max(float(probability), 0.0), 1.0),
                    "guess": source not in question.lexicon,
                }
            )
        return {"translation_text": " ".join(word["target"] for word in words), "words": words}


def check_integer(name: str, value: object, least: int, most: int) -> None:
    """Raises `TranslationError` if a parameter isn't an integer from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise TranslationError(f"`{name}` must be an integer from {least:,} to {most:,}, not {reprlib.repr(value)}.")
