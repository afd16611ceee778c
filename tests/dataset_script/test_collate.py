import pytest
import torch

from dataset_script import LanguageConfig, pad_rows, sample_episodes


def test_padding_sides():
    config = LanguageConfig(num_pairs=2, sentence_length=(1, 3))
    episodes = sample_episodes(config, range(8))
    rows = [
        {"input_ids": ids[:n].tolist(), "labels": ids[:n].tolist(), "bayes_nll": [0.5] * n}
        for ids, n in zip(episodes.input_ids, episodes.token_counts.tolist(), strict=True)
    ]
    right, left = pad_rows(rows, config.pad), pad_rows(rows, config.pad, side="left")
    for n, row in enumerate(rows):
        count = len(row["input_ids"])
        for batch, real in ((right, slice(count)), (left, slice(-count, None))):
            assert batch["input_ids"][n, real].tolist() == row["input_ids"]
            assert batch["attention_mask"][n].sum() == batch["attention_mask"][n, real].sum() == count
            assert batch["labels"][n, real].tolist() == row["labels"]
            padding = batch["attention_mask"][n] == 0
            assert (batch["input_ids"][n, padding] == config.pad).all()
            assert (batch["labels"][n, padding] == -100).all() and (batch["bayes_nll"][n, padding] == 0).all()
    assert right["bayes_nll"].dtype == torch.float32 and right["labels"].dtype == torch.int64


def test_another_side_is_refused():
    with pytest.raises(ValueError, match="side must be 'left' or 'right', got 'top'"):
        pad_rows([{"input_ids": [1]}], pad=0, side="top")
