"""What users of `datasets` do with rows, prepared and streamed: each test is named for it."""

import itertools
import pickle

import numpy as np
import pytest
import torch
from datasets import ReadInstruction, Value, concatenate_datasets, interleave_datasets, load_dataset, load_from_disk
from torch.utils.data import DataLoader
from transformers import DataCollatorForLanguageModeling, DataCollatorForSeq2Seq

from dataset_script import pad_rows  # the import makes load_dataset("metatrans") work, too
from modeling_metalstm import build_tokenizer

NUMBER = 60


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module", params=["kyrylov2023", "ragged"])
def rows(request, cache):
    return load_dataset("metatrans", request.param, split="validation", num_episodes=NUMBER, cache_dir=cache)


@pytest.fixture(params=["kyrylov2023", "ragged"])
def stream(request):
    return load_dataset("metatrans", request.param, split="validation", num_episodes=NUMBER, streaming=True)


def tokens_of(rows):
    return [list(row["input_ids"]) for row in rows]


def through_a_folder(rows, path, cache):
    rows.save_to_disk(path / "rows", num_shards=3)
    return load_from_disk(path / "rows")


def through_parquet(rows, path, cache):
    rows.to_parquet(path / "rows.parquet")
    return load_dataset("parquet", data_files=str(path / "rows.parquet"), split="train", cache_dir=cache)


def through_json(rows, path, cache):
    rows.to_json(path / "rows.json")
    return load_dataset("json", data_files=str(path / "rows.json"), split="train", cache_dir=cache)


def through_pickle(rows, path, cache):
    return pickle.loads(pickle.dumps(rows))


@pytest.mark.parametrize("through", [through_a_folder, through_parquet, through_json, through_pickle])
def test_rows_come_back_from_where_they_were_saved(rows, tmp_path, cache, through):
    again = through(rows, tmp_path, cache)
    assert tokens_of(again) == tokens_of(rows)
    for old, new in zip(rows, again, strict=True):
        np.testing.assert_allclose(new["bayes_nll"], old["bayes_nll"], rtol=1e-6)


def test_tensors_are_what_a_model_takes(rows):
    for row, plain in zip(rows.with_format("torch"), rows, strict=True):
        assert row["input_ids"].dtype == row["labels"].dtype == torch.int64 and row["bayes_nll"].dtype == torch.float32
        assert row["input_ids"].tolist() == plain["input_ids"]
    assert rows.with_format("pandas")[:2]["input_ids"][1].tolist() == rows[1]["input_ids"]


def test_rows_are_mapped_in_processes_and_cut(rows):
    counted = rows.map(lambda row: {"length": len(row["input_ids"])}, num_proc=2)
    assert counted["length"] == [len(tokens) for tokens in tokens_of(rows)]
    cut = rows.map(lambda batch: {"input_ids": [tokens[:10] for tokens in batch["input_ids"]]}, batched=True)
    longer = rows.map(lambda row: {"input_ids": row["input_ids"] + [0]})
    assert tokens_of(cut) == [tokens[:10] for tokens in tokens_of(rows)]
    assert tokens_of(longer) == [[*tokens, 0] for tokens in tokens_of(rows)]


def test_a_transform_makes_rows_as_they_are_read(rows):
    lengths = rows.with_transform(lambda batch: {"length": [len(tokens) for tokens in batch["input_ids"]]})
    assert lengths[:3]["length"] == [len(tokens) for tokens in tokens_of(rows.select(range(3)))]


def test_rows_are_split_shuffled_sharded_and_joined(rows):
    expected = sorted(tokens_of(rows))
    parts = rows.train_test_split(0.2, seed=1)
    assert (len(parts["train"]), len(parts["test"])) == (48, 12)
    for whole in (
        concatenate_datasets([parts["train"], parts["test"]]),
        concatenate_datasets([rows.shard(7, number) for number in range(7)]),
        rows.shuffle(seed=3),
    ):
        assert sorted(tokens_of(whole)) == expected


def test_columns_are_cast_renamed_and_dropped(rows):
    wide = rows.cast_column("bayes_nll", type(rows.features["bayes_nll"])(Value("float64")))
    assert wide.features["bayes_nll"].feature.dtype == "float64"
    assert rows.rename_column("bayes_nll", "cost").remove_columns("labels").column_names == ["input_ids", "cost"]


def test_splits_are_sliced_and_added(cache):
    def load(split):
        return tokens_of(load_dataset("metatrans", split=split, num_episodes=NUMBER, cache_dir=cache))

    whole = load("validation")
    assert load("validation[:10%]") == whole[:6]
    assert load(ReadInstruction("validation", from_=10, to=20, unit="abs")) == whole[10:20]
    assert load("validation+test") == whole + load("test")


def test_a_stream_is_skipped_filtered_batched_and_joined(stream):
    whole = tokens_of(stream)
    assert tokens_of(stream.skip(5).take(7)) == whole[5:12]
    assert tokens_of(stream.filter(lambda row: row["input_ids"][1] == 0)) == [row for row in whole if row[1] == 0]
    mapped = stream.map(lambda row: {"length": len(row["input_ids"])}).select_columns("length")
    assert next(iter(mapped.batch(4)))["length"] == [len(tokens) for tokens in whole[:4]]
    assert tokens_of(stream.repeat(2)) == tokens_of(concatenate_datasets([stream, stream])) == whole * 2
    assert sorted(tokens for number in range(4) for tokens in tokens_of(stream.shard(4, number))) == sorted(whole)
    assert tokens_of(pickle.loads(pickle.dumps(stream))) == whole


def test_a_shuffled_stream_has_each_row_once_and_every_epoch_its_order(stream):
    shuffled = stream.shuffle(seed=1, buffer_size=16)
    first = tokens_of(shuffled)
    shuffled.set_epoch(1)
    second = tokens_of(shuffled)
    assert sorted(first) == sorted(second) == sorted(tokens_of(stream)) and first != second


def test_an_endless_stream_is_shuffled_anew_in_every_epoch():
    shuffled = load_dataset("metatrans", split="train", streaming=True, num_episodes=None).shuffle(seed=1)
    epochs = []
    for epoch in range(2):
        shuffled.set_epoch(epoch)
        epochs.append(tokens_of(itertools.islice(shuffled, 5)))
    assert epochs[0] != epochs[1]


def test_workers_that_share_no_memory_read_a_stream():
    """How workers start on macOS, on Windows, and from Python 3.14 on: nothing is there but what is sent to them."""
    stream = load_dataset("metatrans", split="validation", num_episodes=NUMBER, streaming=True)
    whole = sorted(tokens_of(stream))
    loader = DataLoader(stream, batch_size=None, num_workers=1, multiprocessing_context="spawn")
    assert sorted(tokens_of(loader)) == whole


def test_knobs_come_from_numpy(cache):
    given = {"num_pairs": np.int64(3), "sentence_length": tuple(np.arange(1, 3)), "num_episodes": np.int64(5)}
    plain = {"num_pairs": 3, "sentence_length": (1, 2), "num_episodes": 5}
    expected = tokens_of(load_dataset("metatrans", split="test", streaming=True, **plain))
    assert len(expected) == 5
    assert tokens_of(load_dataset("metatrans", split="test", streaming=True, **given)) == expected
    assert tokens_of(load_dataset("metatrans", split="test", cache_dir=cache, **given)) == expected


def test_rows_of_different_lengths_are_collated():
    """By `pad_rows`, all columns; by transformers' collators, the columns that they know."""
    rows = list(load_dataset("metatrans", family="grammar", num_pairs=3, split="train", streaming=True).take(4))
    lengths = [len(row["input_ids"]) for row in rows]
    assert len(set(lengths)) > 1
    tokenizer = build_tokenizer(20, 23)
    batch = pad_rows(rows, pad=tokenizer.pad_token_id)
    assert batch["input_ids"].shape == batch["bayes_nll"].shape == (4, max(lengths))
    known = [{name: row[name] for name in ("input_ids", "labels")} for row in rows]
    for_labels = DataCollatorForSeq2Seq(tokenizer)(known)
    for_all = DataCollatorForLanguageModeling(tokenizer, mlm=False)([{"input_ids": row["input_ids"]} for row in rows])
    for collated, length, row in zip(for_labels["labels"], lengths, rows, strict=True):
        assert (collated != -100).sum() == sum(label != -100 for label in row["labels"]) <= length
    assert for_all["labels"].shape == for_labels["input_ids"].shape == (4, max(lengths))


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("other", [{"num_pairs": 5}, {"family": "order"}, {"family": "grammar"}])
def test_configs_together(cache, streaming, other):
    """Lists of one length and of many aren't the same type: the cast that README names makes them one."""
    where = {"split": "validation", "num_episodes": 6, "streaming": streaming} | (
        {} if streaming else {"cache_dir": cache}
    )
    ragged = load_dataset("metatrans", "ragged", **where)
    all_rows = [load_dataset("metatrans", **where), load_dataset("metatrans", **other, **where), ragged]
    with pytest.raises(ValueError, match="features can't be aligned"):
        interleave_datasets(all_rows)
    both = interleave_datasets([rows.cast(ragged.features) for rows in all_rows])
    whole = [tokens_of(rows) for rows in all_rows]
    said = tokens_of(both)  # until the first of them has no more
    assert said == [rows[n] for n in range(6) for rows in whole][: len(said)] and len(said) >= 16
    assert both.features == ragged.features
