"""How examples and questions are read, by any causal LM: once where it keeps its state, again where it doesn't."""

import copy
from collections.abc import Iterator

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

from .capabilities_metalstm import kept_state

MAX_TOKENS = 8192  # of all rows, read at once, which bounds the memory


class Reading:
    """
    What a model has read so far, in several rows alike in length, and reads on from.

    ```
    calls of `read`                ␁ s0 ␂ t1      ␁ s2 ␂                  t0
    a state is kept: it reads      ␁ s0 ␂ t1      ␁ s2 ␂                  t0
    none is kept: it reads         ␁ s0 ␂ t1      ␁ s0 ␂ t1 ␁ s2 ␂        ␁ s0 ␂ t1 ␁ s2 ␂ t0
    ```

    Which it is shows in what the model gives back after the first tokens.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.state: Cache | None = None  # of a model that keeps it
        self.tokens: torch.Tensor | None = None  # (rows, S), all that was read, of one that doesn't

    def copy(self, rows: torch.Tensor | None = None) -> "Reading":
        """Another reading that goes on from here: of these rows, in their order, or of all."""
        other = Reading(self.model)
        other.state, other.tokens = copy.deepcopy(self.state), self.tokens
        if rows is not None and other.state is not None:
            other.state.batch_select_indices(rows)
        if rows is not None and self.tokens is not None:
            other.tokens = self.tokens[rows]
        return other

    def read(self, tokens: torch.Tensor, mask: torch.Tensor | None = None, logits_to_keep: int = 1) -> torch.Tensor:
        """
        Reads on, in pieces if the tokens are many.

        Args:
            tokens (`torch.LongTensor` of shape `(rows, S)`): what comes next.
            mask (`torch.LongTensor` of shape `(rows, S)`, *optional*): 0 for padding, of a model that skips it.
            logits_to_keep (`int`, defaults to 1): of how many of the last tokens the scores are wanted; 0 for all,
                which then must fit into one piece, of `columns_at_once`.

        Returns:
            The scores of what follows these tokens, `(rows, …, V)`, of the last `logits_to_keep` at least.
        """
        if self.tokens is None:
            width = columns_at_once(len(tokens))
            for first in range(0, tokens.shape[1], width):
                columns = slice(first, first + width)
                output = self.model(
                    input_ids=tokens[:, columns],
                    attention_mask=None if mask is None else mask[:, columns],
                    past_key_values=self.state,
                    use_cache=True,
                    logits_to_keep=logits_to_keep,
                )
                self.state = kept_state(output) if self.state is None else output.past_key_values
                if self.state is None:  # it shows after the first piece
                    break
            else:
                return output.logits
        return self._read_again(tokens, logits_to_keep)

    def _read_again(self, tokens: torch.Tensor, logits_to_keep: int) -> torch.Tensor:
        """Reads these tokens and all before them, some rows at once if they are many."""
        self.tokens = read = tokens if self.tokens is None else torch.cat([self.tokens, tokens], dim=1)
        kept = logits_to_keep or tokens.shape[1]
        at_once = max(MAX_TOKENS // read.shape[1], 1)
        logits = [self.model(input_ids=rows, use_cache=False).logits[:, -kept:] for rows in read.split(at_once)]
        return torch.cat(logits)


def columns_at_once(num_rows: int) -> int:
    """How many tokens of so many rows are read at once."""
    return max(MAX_TOKENS // num_rows, 1)


def batch_padded(lengths: list[int], rows_each: int) -> Iterator[list[int]]:
    """
    Which questions are asked together of a model that skips padding: the numbers of as many, in their order, as their
    padded rows keep to `MAX_TOKENS`.

    Args:
        lengths (list of `int`): the tokens of each question.
        rows_each (`int`): the rows of each question, one for each binding.
    """
    batch: list[int] = []
    longest = 0
    for number, length in enumerate(lengths):
        longest = max(longest, length)
        if batch and (len(batch) + 1) * rows_each * longest > MAX_TOKENS:
            yield batch
            batch, longest = [], length
        batch.append(number)
    yield batch


def batch_alike(lengths: list[int], rows_each: int, num_read: int) -> Iterator[list[int]]:
    """
    Which questions are asked together of any other model: those of one length, which need no padding.

    Args:
        lengths (list of `int`), rows_each (`int`): as of `batch_padded`.
        num_read (`int`): the tokens that were read before, which each row brings with it.
    """
    alike: dict[int, list[int]] = {}
    for number, length in enumerate(lengths):
        alike.setdefault(length, []).append(number)
    for length, numbers in alike.items():
        at_once = max(MAX_TOKENS // (rows_each * (num_read + length)), 1)
        yield from (numbers[first : first + at_once] for first in range(0, len(numbers), at_once))
