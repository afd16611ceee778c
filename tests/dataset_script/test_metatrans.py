import itertools

import numpy as np
import pytest
from datasets import load_dataset, load_dataset_builder
from datasets.distributed import split_dataset_by_node
from torch.utils.data import DataLoader

import dataset_script
from dataset_script import LanguageConfig, bayes_nll, sample_episodes
from dataset_script.registration import SHAPING_MODULES, code_hash


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Every test prepares data of its own, in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    return str(tmp_path / "cache")


def test_prepared_rows_are_the_sampler_s(cache):
    data = load_dataset("metatrans", cache_dir=cache, num_episodes={"train": 3000})
    assert {split: len(rows) for split, rows in data.items()} == {"train": 3000, "validation": 2048, "test": 8192}
    for split, rows in data.items():
        assert rows.column_names == ["input_ids", "labels", "bayes_nll"]
        episodes = sample_episodes(LanguageConfig(), range(len(rows)), split)
        columns = rows.with_format("numpy")[:]
        assert columns["input_ids"].shape == (len(rows), 81)
        assert np.array_equal(columns["input_ids"], episodes.input_ids)
        assert np.array_equal(columns["labels"], episodes.labels())
        assert columns["bayes_nll"].dtype == np.float32
        assert np.array_equal(columns["bayes_nll"], bayes_nll(episodes))


def test_knobs_are_keywords_and_rows_of_drawn_lengths_have_their_own(cache):
    knobs = {"sentence_length": (1, 4), "num_active_words": 3, "num_pairs": 5, "seed": 9}
    rows = load_dataset(
        "metatrans", cache_dir=cache, split="test", num_episodes=50, loss_on="targets", with_details=True, **knobs
    )
    episodes = sample_episodes(LanguageConfig(**knobs), range(50), "test")
    assert len(rows) == 50
    for n, row in enumerate(rows):
        count = episodes.token_counts[n]
        assert row["input_ids"] == episodes.input_ids[n, :count].tolist()
        assert row["labels"] == episodes.labels("targets")[n, :count].tolist()
        assert row["determined"] == episodes.determined[n, :count].tolist()
        assert row["lexicon"] == episodes.lexicons[n].tolist()
        assert row["episode_index"] == n


def test_none_says_all_words_and_endless(cache):
    rows = load_dataset("metatrans", "ragged", cache_dir=cache, split="train", num_episodes=20, num_active_words=None)
    config = LanguageConfig(sentence_length=(1, 5), held_out_languages=0.1)
    assert rows[7]["input_ids"] == sample_episodes(config, range(8)).input_ids[7][: len(rows[7]["input_ids"])].tolist()
    with pytest.raises(ValueError, match="num_episodes=None is endless: pass streaming=True"):
        load_dataset("metatrans", cache_dir=cache, num_episodes=None)


def stream(**knobs):
    return load_dataset("metatrans", split="train", streaming=True, with_details=True, **knobs)


@pytest.mark.parametrize("num_episodes", [1000, 2, 720])
def test_three_ranks_see_each_episode_once(num_episodes):
    rows = stream(num_episodes=num_episodes)
    seen = [row["episode_index"] for rank in range(3) for row in split_dataset_by_node(rows, rank, 3)]
    assert sorted(seen) == list(range(num_episodes))


def test_ranks_and_workers_of_an_endless_stream_differ():
    indices = []
    for rank in range(3):
        rows = split_dataset_by_node(stream(num_episodes=None), rank, 3).select_columns("episode_index")
        batches = itertools.islice(DataLoader(rows, batch_size=8, num_workers=2), 75)
        indices += [int(i) for batch in batches for i in batch["episode_index"]]
    assert len(indices) == len(set(indices)) == 1800


@pytest.mark.parametrize("num_episodes", [2000, None])
@pytest.mark.parametrize("stop", [1, 7, 300])
def test_a_stream_resumes_where_it_stopped(num_episodes, stop):
    whole = [row["input_ids"] for row in stream(num_episodes=num_episodes).take(330)]
    rows = stream(num_episodes=num_episodes)
    for number, _ in enumerate(rows, 1):
        if number == stop:
            break
    resumed = stream(num_episodes=num_episodes)
    resumed.load_state_dict(rows.state_dict())
    assert [row["input_ids"] for row in itertools.islice(resumed, 330 - stop)] == whole[stop:]


def test_streamed_rows_are_the_prepared_rows(cache):
    prepared = load_dataset("metatrans", cache_dir=cache, split="train", num_episodes=1500)
    assert list(stream(num_episodes=1500).remove_columns(["lexicon", "determined", "episode_index"])) == list(prepared)


def test_two_processes_prepare_the_same(cache):
    one = load_dataset("metatrans", cache_dir=cache + "1", split="validation", num_episodes=900)
    two = load_dataset("metatrans", cache_dir=cache + "2", split="validation", num_episodes=900, num_proc=2)
    assert one["input_ids"] == two["input_ids"]


@pytest.mark.parametrize(
    "knobs, message",
    [
        ({"num_target_words": 5}, "num_target_words must be at least num_source_words (6)"),
        ({"sentence_length": 0}, "sentence_length must be at least 1"),
        ({"num_episodes": 0}, "num_episodes must be at least 1"),
        ({"num_episodes": {"dev": 5}}, "num_episodes names the split 'dev'"),
        ({"loss_on": "source"}, "loss_on must be one of all, targets, got 'source'"),
        (
            {"num_source_words": 2, "num_target_words": 2, "held_out_languages": 0.5},
            "held_out_languages=0.5 leaves no lexicon for",
        ),
        ({"num_training_languages": 721}, "num_training_languages must be at most 720"),
        ({"num_pair": 3}, "metatrans has no knob 'num_pair'; did you mean 'num_pairs'?"),
    ],
)
def test_bad_knobs_are_refused_before_anything_is_written(cache, tmp_path, knobs, message):
    with pytest.raises(ValueError) as error:
        load_dataset("metatrans", cache_dir=cache, **knobs)
    assert str(error.value).startswith(message)
    assert not list(tmp_path.rglob("*.arrow"))


def test_other_paths_pass_through(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    rows = load_dataset("csv", data_files=str(tmp_path / "rows.csv"), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows[0] == {"a": 1, "b": 2}


def test_the_cache_is_keyed_on_every_shaping_module():
    modules = {path.stem for path in dataset_script.registration.Path(dataset_script.__file__).parent.glob("*.py")}
    assert modules - set(SHAPING_MODULES) == {"__init__", "registration", "collate", "baselines"}
    assert load_dataset_builder("metatrans").hash == code_hash()
