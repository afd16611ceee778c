"""Rows of different lengths, padded into a batch."""

import torch

from dataset_script.episodes import IGNORE


def pad_rows(rows: list[dict], pad: int, side: str = "right") -> dict[str, torch.Tensor]:
    """A collator for `DataLoader` and `Trainer`: `functools.partial(pad_rows, pad=config.pad)`.

    Args:
        rows: dicts with `input_ids` and, optionally, `labels` and `bayes_nll`.
        pad: the padding token.
        side: "right" for training, "left" for generation.

    Returns:
        `input_ids`, `attention_mask`, `labels` (int64; −100 on padding) and `bayes_nll` (float32; 0), each (N, S).

    Raises:
        ValueError: `side` is neither of them.
    """
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right', got {side!r}")
    rows = [row | {"attention_mask": [1] * len(row["input_ids"])} for row in rows]
    fills = {"input_ids": pad, "attention_mask": 0, "labels": IGNORE, "bayes_nll": 0.0}
    return {
        name: torch.nn.utils.rnn.pad_sequence(
            [torch.as_tensor(row[name], dtype=torch.float32 if name == "bayes_nll" else torch.int64) for row in rows],
            batch_first=True,
            padding_value=fill,
            padding_side=side,
        )
        for name, fill in fills.items()
        if name in rows[0]
    }
