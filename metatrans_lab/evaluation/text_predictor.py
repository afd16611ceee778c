"""The regret of language models that metatrans didn't train, by the likelihood that they give to words of text."""

import inspect
from collections.abc import Iterator

import numpy as np
import torch
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from dataset_script.episodes import Episodes
from dataset_script.text import draw_names, render, write_pair, write_question
from metatrans_lab.errors import UserError
from metatrans_lab.models.limits import check_reach

MAX_TOKENS = 16_384
"""Tokens of all rows of one forward pass together, which bounds the memory."""


class TextPredictor:
    """A causal language model as a predictor of target words, for `evaluate_words`.

    The episode is written as text (see `dataset_script.text`). Where a target word comes next, the text so far is
    continued by each of the language's R target words, in the tokens of the model's own tokenizer, and by the end of
    the line where a translation may end. The likelihoods of these continuations, normalised over them, are the
    prediction.

    Args:
        model: any causal LM.
        tokenizer: the model's own.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer
        self.device = next(model.parameters()).device
        self.keeps = "logits_to_keep" in inspect.signature(model.forward).parameters

    def __call__(self, episodes: Episodes) -> np.ndarray:
        """(N, S, R) float64: the distribution of every target word given the text before it; with a last column, the
        end of the line, where the source doesn't tell how long a translation is.
        """
        with_end = bool(episodes.is_end.any())
        options = episodes.config.num_target_words + with_end
        probabilities = np.full((*episodes.input_ids.shape, options), 1 / options)  # (N, S, options)
        names = draw_names(episodes)  # (N, L + R)
        counted = episodes.is_target | episodes.is_end
        for number, pairs in enumerate(render(episodes, names)):
            words = names[number, episodes.config.num_source_words :]  # (R,)
            following = [*(f" {word}" for word in words), *(["\n"] if with_end else [])]
            texts = [before + text for before in _questions(pairs, with_end) for text in following]
            log_likelihoods = self._score(self._tokenize(texts), options).reshape(-1, options)
            weights = np.exp(log_likelihoods - log_likelihoods.max(1, keepdims=True))
            probabilities[number, counted[number]] = weights / weights.sum(1, keepdims=True)
        return probabilities

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        """The tokens of each text, after the tokenizer's beginning-of-text token if it has one; none at the end.

        Raises:
            UserError: the tokenizer can't read them, or they are longer than the model reads.
        """
        try:
            rows = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        except Exception as error:  # tokenizers raises that very class at what it has no token for
            raise UserError(f"the tokenizer can't read made-up words ({error})") from error
        first = self.tokenizer.bos_token_id
        rows = [row if first is None else [first, *row] for row in rows]
        check_reach(self.model.config, max(map(len, rows)))
        return rows

    def _score(self, rows: list[list[int]], group: int) -> np.ndarray:
        """(number of rows,): the log-likelihood of each row, given the tokens with which all rows of its group begin.

        Args:
            rows: tokens; `group` consecutive rows are a group, whose texts differ in the last word alone.

        Raises:
            UserError: some rows of a group have no first token in common.
        """
        # Only the tokens that differ are scored. They may begin before the last word: a tokenizer may merge across it.
        common: list[int] = []  # of each row, the number of tokens that its group has in common
        for first in range(0, len(rows), group):
            members = rows[first : first + group]
            width = min(map(len, members))
            same = [len({row[i] for row in members}) == 1 for i in range(width)]
            common += [same.index(False) if False in same else width - 1] * group
        if min(common) < 1:
            raise UserError("the tokenizer reads a whole line as one token, and can't say how likely its last word is")
        scores = np.zeros(len(rows))
        for batch in _of_one_length(rows):
            kept = max(len(rows[i]) - common[i] for i in batch) + 1  # of the last kept tokens, the logits are needed
            ids = torch.tensor([rows[i] for i in batch], device=self.device)  # (B, S)
            arguments = {"logits_to_keep": kept} if self.keeps else {}
            with torch.no_grad():
                logits = self.model(input_ids=ids, use_cache=False, **arguments).logits[:, -kept:]  # (B, kept, V)
            logits = logits if logits.dtype == torch.float64 else logits.float()
            # (B, kept − 1): of the last kept − 1 tokens
            log_q = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1 - kept :, None])[..., 0].double().cpu().numpy()
            for row, i in zip(log_q, batch, strict=True):
                scores[i] = row[len(row) - (len(rows[i]) - common[i]) :].sum()
        return scores


def _questions(pairs: list[tuple[list[str], list[str]]], with_end: bool) -> Iterator[str]:
    """The text before each target word of an episode, and before each translation's end if asked for, in order.

    Args:
        pairs: as of `render`.
    """
    text = ""
    for source, target in pairs:
        for place in range(len(target) + with_end):
            yield " ".join([text + write_question(source), *target[:place]])
        text += write_pair(source, target)


def _of_one_length(rows: list[list[int]]) -> Iterator[list[int]]:
    """Batches of row numbers: rows of one length, which need no padding, of at most MAX_TOKENS tokens together."""
    by_length: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        by_length.setdefault(len(row), []).append(number)
    for length, numbers in by_length.items():
        size = max(1, MAX_TOKENS // length)
        yield from (numbers[i : i + size] for i in range(0, len(numbers), size))


def load_tokenizer(folder: str, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """A model's own tokenizer.

    Raises:
        UserError: there is none, or none that can be loaded.
    """
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    except Exception as error:  # what can go wrong in a tokenizer has no common class
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"can't load a tokenizer from {folder}: {lines[0]}") from error
