"""What `generate()` needs of its own for a model whose tokenizer knows a closed alphabet."""

import torch
from transformers import PreTrainedTokenizerBase, StoppingCriteria


class ClosedAlphabetStopStrings(StoppingCriteria):
    """
    Ends a row when its text holds a stop string that its last token ends or completes.

    transformers' own criterion has the tokenizer encode a word of its own, which a closed alphabet refuses; this one
    only decodes.

    Args:
        tokenizer (`PreTrainedTokenizerBase`): the model's.
        stop_strings (`str` or `list[str]`): the strings.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stop_strings: str | list[str]):
        self.tokenizer = tokenizer
        self.stop_strings = [stop_strings] if isinstance(stop_strings, str) else list(stop_strings)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs) -> torch.BoolTensor:
        texts = self.tokenizer.batch_decode(input_ids)
        texts_before = self.tokenizer.batch_decode(input_ids[:, :-1])
        ended = [
            any(text.find(string, max(0, len(before) - len(string) + 1)) >= 0 for string in self.stop_strings)
            for text, before in zip(texts, texts_before, strict=True)
        ]
        return torch.tensor(ended, device=input_ids.device)
