"""The `datasets` builder behind `load_dataset("metatrans")`.

    load_dataset("metatrans", split="validation")
    load_dataset("metatrans", split="train", streaming=True, num_episodes=None, num_active_words=(2, 6))

Rows are made as whole Arrow tables, by the same sampler that makes training's batches.
"""

import copy
import difflib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, make_dataclass
from enum import Enum
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
from datasets.builder import Key

from dataset_script.episodes import LOSS_ON, sample_episodes
from dataset_script.families import FAMILIES, family_class, make_language, owner_of
from dataset_script.families.contract import SPLITS, TOKEN_DTYPE, Language, check_int
from dataset_script.lexicons import split_lexicons
from dataset_script.text import NUM_WORDS, draw_names, write_episodes

Shard = tuple[int, int | None]
"""The number of a shard's first episode, and that of the first after it; None: the shard is endless."""

RENDER = ("tokens", "text")

NUM_EPISODES = {"train": 100_000, "validation": 2_048, "test": 8_192}

# To resume a stream, `datasets` makes the earlier rows of a shard again, so shards are small. It gives each process
# and worker the same number of shards, so their number is a multiple of most numbers of processes and workers.
NUM_SHARDS = 720
ENDLESS_TABLE_ROWS = 256
"""Rows of a table of an endless stream."""


class Default(Enum):
    """What a knob is until the family is known."""

    OF_FAMILY = "the family's"


_DEFAULTS = {f.name: f.default for family in reversed(FAMILIES.values()) for f in fields(family)}
"""Of every knob: its default in the first family that has it."""


def _all_knobs() -> list[tuple]:
    """The knobs of all families, as `make_dataclass` takes them. A knob that several families have appears once."""
    knobs = {f.name: f for family in reversed(FAMILIES.values()) for f in fields(family)}
    return [(f.name, f.type, field(default=Default.OF_FAMILY)) for f in knobs.values()]


# Any: a type checker can't know the fields of a class that is made from the registry.
Knobs: Any = make_dataclass("Knobs", _all_knobs(), bases=(datasets.BuilderConfig,))


@dataclass
class MetatransConfig(Knobs):
    """The knobs of a family's `Language` as keywords, and how rows are written.

    Args:
        family: of languages; the post's is "lexicon".
        num_episodes: rows a split; an int for every split, a dict by split, or None: endless, streaming only.
        loss_on: "all", as in the post, or "targets": source words get label −100.
        render: "tokens", or "text": adds the columns `text`, the episode in made-up words, and `source_words` and
            `target_words`, which they are, in the order of their tokens.
        with_details: adds the columns `determined`, `episode_index`, and the latent variables: `lexicon`, and whatever
            else the family draws.

    Raises:
        ValueError: an impossible value; the message says what is allowed.
    """

    family: str = "lexicon"
    num_episodes: int | dict[str, int] | None = field(default_factory=lambda: dict(NUM_EPISODES))
    loss_on: str = "all"
    render: str = "tokens"
    with_details: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check()

    def check(self) -> Language:
        """The languages that the knobs describe; ValueError if a knob has an impossible value."""
        if self.loss_on not in LOSS_ON:
            raise ValueError(f"loss_on must be one of {', '.join(LOSS_ON)}, got {self.loss_on!r}")
        if self.render not in RENDER:
            raise ValueError(f"render must be one of {', '.join(RENDER)}, got {self.render!r}")
        if self.render == "text" and self.language.soh > NUM_WORDS:
            raise ValueError(f"text has words for {NUM_WORDS} tokens, but these languages have {self.language.soh}")
        if self.num_episodes is not None and not isinstance(self.num_episodes, dict):
            check_int("num_episodes", self.num_episodes, 1, advice=" (None is endless, a dict gives rows by split)")
        if isinstance(self.num_episodes, dict):
            for split, rows in self.num_episodes.items():
                if split not in SPLITS:
                    raise ValueError(f"num_episodes names the split {split!r}; the splits are {', '.join(SPLITS)}")
                check_int(f"num_episodes of {split}", rows, 1)
        for split in SPLITS:
            split_lexicons(self.language, split)  # ValueError if it has none
        return self.language

    @property
    def language(self) -> Language:
        """The family's config with these knobs.

        Raises:
            ValueError: an impossible value, or a knob of another family.
        """
        own = {f.name for f in fields(family_class(self.family))}
        given = {name: getattr(self, name) for name in _DEFAULTS if getattr(self, name) is not Default.OF_FAMILY}
        for name, value in given.items():
            if name not in own and value != _DEFAULTS[name]:
                raise ValueError(f"the family {self.family} has no knob {name!r}{owner_of(name)}")
        return make_language(self.family, **{name: value for name, value in given.items() if name in own})

    def settle(self) -> None:
        """Gives every knob that wasn't given its value, as the family has it."""
        for name, value in (_DEFAULTS | self.language.knobs()).items():
            if getattr(self, name) is Default.OF_FAMILY:
                setattr(self, name, value)

    def rows(self, split: str) -> int | None:
        """The number of rows of a split; None: endless."""
        if isinstance(self.num_episodes, dict):
            return self.num_episodes.get(split, NUM_EPISODES[split])
        return self.num_episodes


class Metatrans(datasets.ArrowBasedBuilder):
    """Episodes of in-context translation of made-up languages, with the exact Bayes floor of every token."""

    # Methods with an underscore are those that `datasets` asks of a builder.

    BUILDER_CONFIG_CLASS = MetatransConfig
    DEFAULT_CONFIG_NAME = "kyrylov2023"
    BUILDER_CONFIGS = [
        MetatransConfig(name="kyrylov2023", description="The post's episodes: K=10, L=R=6, T=3."),
        MetatransConfig(
            name="ragged",
            description="As people type: sentences of 1–5 words, 2–6 words in use, a tenth of the lexicons held out.",
            sentence_length=(1, 5),
            num_active_words=(2, 6),
            held_out_languages=0.1,
        ),
    ]

    def _create_builder_config(self, *args: Any, **kwargs: Any) -> tuple[MetatransConfig, str]:
        names = {f.name for f in fields(MetatransConfig)} | {"config_name", "custom_features", "config_id"}
        for name in kwargs.keys() - names:
            near = difflib.get_close_matches(name, names, n=1)
            raise ValueError(f"metatrans has no knob {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        config, config_id = super()._create_builder_config(*args, **kwargs)
        config = copy.copy(config)  # without keywords it is the one of BUILDER_CONFIGS itself, which stays unsettled
        # `datasets` drops keywords that are None, but here None is a value: endless, or all words active.
        for name in names & {name for name, value in self.config_kwargs.items() if value is None}:
            setattr(config, name, None)
        config.check()
        config.settle()
        return config, config_id

    def _info(self) -> datasets.DatasetInfo:
        is_even = self.config.language.is_even
        length = self.config.language.max_episode_length if is_even else -1  # −1: rows differ in length

        def row(dtype: str, length: int = length) -> datasets.List:
            return datasets.List(datasets.Value(dtype), length=length)

        columns = {"input_ids": row(TOKEN_DTYPE), "labels": row(TOKEN_DTYPE), "bayes_nll": row("float32")}
        if self.config.render == "text":
            language = self.config.language
            names = {"source_words": language.num_source_words, "target_words": language.num_target_words}
            columns["text"] = datasets.Value("string")
            columns |= {name: row("string", number) for name, number in names.items()}
        if self.config.with_details:
            empty = sample_episodes(self.config.language, range(0)).latents  # of no episodes: their names and shapes
            columns |= {
                name: datasets.Value(TOKEN_DTYPE) if latents.ndim == 1 else row(TOKEN_DTYPE, latents.shape[1])
                for name, latents in empty.items()
            }
            columns |= {"determined": row("bool"), "episode_index": datasets.Value("int64")}
        return datasets.DatasetInfo(
            description=self.__doc__,
            features=datasets.Features(columns),
            homepage="https://proger.github.io/posts/meta/transducer.html",
            license="apache-2.0",
        )

    def download_and_prepare(self, *args: Any, **kwargs: Any) -> None:
        if self.config.num_episodes is None:
            raise ValueError("num_episodes=None is endless: pass streaming=True, or the number of rows wanted")
        super().download_and_prepare(*args, **kwargs)

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        generators = []
        for split in SPLITS:
            rows = self.config.rows(split)
            shards: list[Shard]
            if rows is None:
                shards = [(shard, None) for shard in range(NUM_SHARDS)]
            else:
                edges = np.linspace(0, rows, min(rows, NUM_SHARDS) + 1).astype(int).tolist()
                shards = list(itertools.pairwise(edges))
            generators.append(datasets.SplitGenerator(name=split, gen_kwargs={"split_name": split, "shards": shards}))
        return generators

    def _generate_shards(self, split_name: str, shards: list[Shard]) -> Iterator[str]:
        yield from (f"{split_name} episodes from {first}" for first, _ in shards)

    def _generate_tables(self, split_name: str, shards: list[Shard]) -> Iterator[tuple[Key, pa.Table]]:
        for number, (first, stop) in enumerate(shards):
            for batch, indices in enumerate(_index_ranges(first, stop)):
                yield Key(number, batch), self._table(split_name, indices)

    def _table(self, split: str, indices: range) -> pa.Table:
        """The rows of some episodes."""
        language = self.config.language
        episodes = sample_episodes(language, indices, split)
        counts = None if language.is_even else episodes.token_counts  # (N,)
        columns = {
            "input_ids": _list_array(episodes.input_ids, counts),
            "labels": _list_array(episodes.labels(self.config.loss_on), counts),
            "bayes_nll": _list_array(episodes.bayes_nll, counts),
        }
        if self.config.render == "text":
            names, L = draw_names(episodes), language.num_source_words
            columns["text"] = pa.array(write_episodes(episodes, names))
            columns |= {"source_words": _list_array(names[:, :L]), "target_words": _list_array(names[:, L:])}
        if self.config.with_details:
            latents = {name: array.astype(TOKEN_DTYPE) for name, array in episodes.latents.items()}
            columns |= {name: pa.array(x) if x.ndim == 1 else _list_array(x) for name, x in latents.items()}
            columns |= {
                "determined": _list_array(episodes.determined, counts),
                "episode_index": pa.array(np.asarray(indices, dtype=np.int64)),
            }
        return pa.table(columns, schema=self.info.features.arrow_schema)


def _index_ranges(first: int, stop: int | None) -> Iterator[range]:
    """The episode numbers of one shard, a range for each table: first…stop − 1, or with stop=None every NUM_SHARDS-th
    number from `first` on, without end.
    """
    if stop is not None:
        yield range(first, stop)
        return
    while True:
        yield range(first, first + NUM_SHARDS * ENDLESS_TABLE_ROWS, NUM_SHARDS)
        first += NUM_SHARDS * ENDLESS_TABLE_ROWS


def _list_array(rows: np.ndarray, counts: np.ndarray | None = None) -> pa.Array:
    """(N, S) → N lists: of S values each, or of the first `counts[n]`."""
    if counts is None:
        return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(rows[np.arange(rows.shape[1]) < counts[:, None]]))
