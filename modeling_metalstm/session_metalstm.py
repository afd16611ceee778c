"""
A translator that reads its examples once: their state is kept, and a copy of it answers each question.

```python
>>> session = TranslatorSession(model, [("red", "dax"), ("blue red", "wif dax")])
>>> session("blue red")["translation_text"]
"wif dax"
>>> session.add("green", "lug")             # reads these words only
>>> session(["green blue", "red"])          # one batch
```
"""

import random
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, overload

import torch
from transformers import PreTrainedModel

from .alphabet_metalstm import Alphabet
from .capabilities_metalstm import frozen_weights, reach, skips_padding
from .errors_metalstm import TranslationError
from .inputs_metalstm import read_sentences
from .lesson_metalstm import Lesson
from .reading_metalstm import Reading, batch_alike, batch_padded, columns_at_once
from .rules_metalstm import UNKNOWN_WORD
from .spelling_metalstm import Spelling

MAX_BINDINGS = 100
NUM_BINDINGS = 8  # a third of one binding's regret for a few milliseconds more: RESULTS.md, Bindings


class TranslatorSession:
    """
    Translates by examples, in words of the user's own: each distinct word is bound to a random symbol of the model's
    alphabet, the model says as many target words as the sentence has, and they are bound back.

    The whole alphabet is bound at the start, so words that come later find their symbols. The examples are read when
    the first question needs them. With a MetaLSTM a question costs the same after ten and after a thousand; any other
    causal LM that metatrans trained answers too, more slowly the more it has read.

    Args:
        model (`PreTrainedModel`): a causal LM whose configuration has an alphabet, `num_source_words` and
            `num_target_words`.
        examples (list of pairs): sentences with their translations, such as `[("red", "dax")]`, or in another form
            that `read_examples` reads, such as a `dict` or a data set's rows; words stand at the same place as their
            translations.
        num_bindings (`int`, defaults to 8): how many random bindings to average, 1 to 100. A model that treats its
            symbols alike needs one; averaging several evens out how far it doesn't.
        seed (`int`, defaults to 0): the seed of the bindings; the same seed gives the same results.
        separator (`str`, *optional*), exact (`bool`, defaults to `False`): what words are, see `Spelling`.

    Raises:
        TranslationError: at something that it can't read, in a sentence that says why; also in `add` and in a call,
            after which the session is as it was before.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        examples: Any,
        num_bindings: int = NUM_BINDINGS,
        seed: int = 0,
        separator: str | None = None,
        exact: bool = False,
    ) -> None:
        check_integer("num_bindings", num_bindings, 1, MAX_BINDINGS)
        check_integer("seed", seed, 0, 2**63 - 1)
        alphabet = Alphabet.of(model.config)
        if alphabet is None:
            raise TranslationError(
                f"This {model.config.model_type} model has no alphabet, `num_source_words` and `num_target_words` in "
                "its configuration; translating by examples needs a model that metatrans trained."
            )
        self.model, self.alphabet = model, alphabet
        self.num_sources, self.num_targets = alphabet
        self.spelling = Spelling(separator, exact)
        self.lesson = Lesson.from_examples(examples, *alphabet, self.spelling)
        self._check_reach(self.lesson)
        rng = random.Random(seed)
        bindings = [alphabet.draw_binding(rng) for _ in range(num_bindings)]
        self._bindings = torch.tensor(bindings, device=model.device)  # (n, L + R + 2)
        self._reading = Reading(model)  # of `_num_read` examples, a row for each binding
        self._num_read = 0

    def add(self, source: str, target: str) -> None:
        """One more example, at the end."""
        lesson = self.lesson.add((source, target))
        self._check_reach(lesson)
        self.lesson = lesson

    @overload  # a text or a row can be iterated over too, but is one sentence
    def __call__(self, sentences: str | Mapping[str, str] | Mapping[str, Mapping[str, str]]) -> dict[str, Any]: ...

    @overload
    def __call__(self, sentences: Iterable[Any]) -> list[dict[str, Any]]: ...

    def __call__(self, sentences: Any) -> dict[str, Any] | list[dict[str, Any]]:
        """
        Translates a sentence, or a list of them in batches; a row of a data set stands for its sentence, as
        `read_sentences` says.

        Returns:
            For each sentence a dictionary of `translation_text` and of `words`, one dictionary for each of its words:

            source (`str`): the word.
            target (`str`): its translation, or `"?"` where the most probable symbol isn't any of the user's words.
            probability (`float`): the probability of that word; for `"?"`, of all words without a name together.
            guess (`bool`): whether no example translates the word.
            taught (`str` or `None`): what the examples translate it as; the model should have said the same.
            example (`int` or `None`): the number of the first example that does, counted from 1.
        """
        sentences = read_sentences(sentences)
        if not isinstance(sentences, list):
            return self([sentences])[0]
        if not sentences:
            raise TranslationError("There are no sentences to translate; give one, or a list of at least one.")
        # All are checked first: a mistake in the last is found before the first is translated.
        questions = [self.lesson.ask(sentence) for sentence in sentences]
        self._check_reach(self.lesson, max(map(len, questions)), "the sentence")
        self._read_examples()
        lengths, num_bindings = [len(question) + 2 for question in questions], len(self._bindings)
        if skips_padding(self.model):
            batches = batch_padded(lengths, num_bindings)
        else:
            batches = batch_alike(lengths, num_bindings, count_tokens(self.lesson))
        results: dict[int, dict[str, Any]] = {}
        with frozen_weights(self.model):
            for batch in batches:
                answers = self._translate([questions[number] for number in batch])
                results |= zip(batch, answers, strict=True)
        return [results[number] for number in range(len(questions))]

    @torch.no_grad()
    def shots(self) -> list[list[dict[str, Any]]]:
        """
        How the model came to know the language: what it gave each target word of the examples before it read it.

        Returns:
            For each example, in order, and each of its words a dictionary of `source`, `target`, `probability` (what
            the model gave that target word) and `optimum` (what the best possible predictor gives it, which knows no
            more than the alphabet: 1 if an earlier example told, else 1 of the words left).
        """
        tokens = self.alphabet.write_examples(self.lesson.examples, self.lesson.lexicon)
        rows = self._bindings[:, torch.tensor(tokens, device=self._bindings.device)]
        places = [
            i for i in range(1, len(tokens)) if self.num_sources <= tokens[i] < self.num_sources + self.num_targets
        ]
        reading = Reading(self.model)
        given: list[float] = []
        with frozen_weights(self.model):
            size = columns_at_once(len(rows))
            for first in range(0, len(tokens) - 1, size):
                piece = rows[:, first : min(first + size, len(tokens) - 1)]
                logits = reading.read(piece, logits_to_keep=0)
                probabilities = logits[..., self.alphabet.targets].float().softmax(dim=-1)
                right = rows[:, first + 1 : first + 1 + piece.shape[1]] - self.num_sources
                of_right = probabilities.gather(-1, right.clamp(0, self.num_targets - 1)[..., None])[..., 0]
                given += of_right.mean(dim=0).tolist()
        values = iter([given[place - 1] for place in places])
        known: set[str] = set()
        shots: list[list[dict[str, Any]]] = []
        for example in self.lesson.examples:
            shots.append([])
            for source, target in zip(example.source, example.target, strict=True):
                optimum = 1.0 if source in known else 1 / (self.num_targets - len(known))
                known.add(source)
                shots[-1].append({"source": source, "target": target, "probability": next(values), "optimum": optimum})
        return shots

    def _check_reach(self, lesson: Lesson, num_words: int = 1, question: str = "a question of one word") -> None:
        """Raises `TranslationError` if the model can't read a lesson, a question of so many words and its answer."""
        longest, num_tokens = reach(self.model.config), count_tokens(lesson) + 2 * num_words + 1
        if longest is not None and num_tokens > longest:
            raise TranslationError(
                f"This model reads at most {longest:,} tokens, but the examples and {question} take {num_tokens:,}; "
                "give fewer or shorter ones."
            )

    @torch.no_grad()
    def _read_examples(self) -> None:
        """Has all of the lesson read; if that is interrupted, what was read before stays."""
        unread = self.lesson.examples[self._num_read :]
        tokens = self.alphabet.write_examples(unread, self.lesson.lexicon)
        if tokens:
            reading = self._reading.copy()
            reading.read(self._bindings[:, torch.tensor(tokens, device=self._bindings.device)])
            self._reading, self._num_read = reading, len(self.lesson.examples)

    @torch.no_grad()
    def _translate(self, questions: list[tuple[str, ...]]) -> list[dict[str, Any]]:
        """
        Greedy decoding of as many target words as each sentence has, in words rather than symbols, so that all
        bindings of a sentence say the same. A row for each binding, `n` for the first sentence, `n` for the next, …
        """
        device, num_bindings, lexicon = self._bindings.device, len(self._bindings), self.lesson.lexicon
        written = [self.alphabet.write_question(question, lexicon) for question in questions]
        width = max(map(len, written))
        padded = torch.tensor([[0] * (width - len(tokens)) + tokens for tokens in written], device=device)
        tokens = self._bindings[:, padded].transpose(0, 1).flatten(0, 1)  # (sentences * n, width)
        mask = None
        if skips_padding(self.model):
            lengths = torch.tensor([len(tokens) for tokens in written], device=device)
            mask = torch.arange(width, device=device) >= width - lengths[:, None]
            mask = mask.repeat_interleave(num_bindings, dim=0).long()

        reading = self._reading.copy(torch.arange(num_bindings, device=device).repeat(len(questions)))
        symbols = self._next_target(reading, tokens, mask)
        num_words = torch.full((len(questions),), len(lexicon), device=device)
        targets = self._bindings[:, self.alphabet.targets]  # (n, R)
        in_words = (targets - self.num_sources).repeat(len(questions), 1)
        said, probabilities = [], []
        for step in range(width - 2):
            # (sentences, R): in the order of words, averaged over the bindings.
            words = symbols.gather(1, in_words).unflatten(0, (len(questions), num_bindings)).mean(dim=1)
            probabilities.append(words)
            said.append(choose_word(words, num_words))
            # A word without a name that was said once is a word of this sentence.
            num_words = torch.maximum(num_words, said[-1] + 1)
            if step < width - 3:
                symbols = self._next_target(reading, targets[:, said[-1]].T.reshape(-1, 1))

        names = tuple(lexicon.values())
        nameless = [1 - words[:, : len(names)].sum(dim=-1) for words in probabilities]
        best = [words.gather(1, word[:, None])[:, 0] for words, word in zip(probabilities, said, strict=True)]
        said, best, nameless = (torch.stack(steps, dim=1).tolist() for steps in (said, best, nameless))
        results = []
        for row, question in enumerate(questions):
            words = []
            for step, source in enumerate(question):
                named = said[row][step] < len(names)
                probability = best[row][step] if named else nameless[row][step]
                words.append(
                    {
                        "source": source,
                        "target": names[said[row][step]] if named else UNKNOWN_WORD,
                        "probability": min(max(probability, 0.0), 1.0),
                        "guess": source not in lexicon,
                        "taught": lexicon.get(source),
                        "example": self.lesson.first_use.get(source),
                    }
                )
            results.append({"translation_text": self.spelling.join(word["target"] for word in words), "words": words})
        return results

    def _next_target(self, reading: Reading, tokens: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """The probability of each target word to be next after these tokens, `(rows, R)`, in the alphabet's order."""
        return reading.read(tokens, mask)[:, -1, self.alphabet.targets].float().softmax(dim=-1)


def choose_word(probabilities: torch.Tensor, num_words: torch.Tensor) -> torch.Tensor:
    """
    The most probable word of each row. The columns from a row's `num_words` on are words that nothing has been said
    of: they are alike and share their probability, and the first of them is chosen for all.

    Args:
        probabilities (`torch.Tensor` of shape `(B, R)`): of each word.
        num_words (`torch.Tensor` of shape `(B,)`): how many of them are known.
    """
    column = torch.arange(probabilities.shape[1], device=probabilities.device)
    is_left = column >= num_words[:, None]
    share = (probabilities * is_left).sum(dim=1, keepdim=True) / is_left.sum(dim=1, keepdim=True).clamp(min=1)
    # Of words as good as each other, to rounding, the first.
    return (torch.where(is_left, share, probabilities).log() - 1e-6 * column).argmax(dim=1)


def check_integer(name: str, value: object, least: int, most: int) -> None:
    """Raises `TranslationError` if a parameter isn't an integer from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise TranslationError(f"`{name}` must be an integer from {least:,} to {most:,}, not {reprlib.repr(value)}.")


def count_tokens(lesson: Lesson) -> int:
    """The tokens of all examples of a lesson: `␁` and `␂`, and every word on both sides."""
    return 2 * (len(lesson.examples) + lesson.num_words)
