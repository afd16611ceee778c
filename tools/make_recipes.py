"""Makes the recipes for L source and L target words: configs/wordsL.yaml from the default one, configs/cpu.yaml, and
configs/lstm/wordsL.yaml from that of two LSTM layers, configs/lstm.yaml.

python tools/make_recipes.py
"""

from dataclasses import dataclass
from pathlib import Path

import yaml

from metatrans_lab.config.yaml_files import read_file
from metatrans_lab.experiments.recipes import all_or_some, scale_recipe, with_last_stage

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


@dataclass(frozen=True)
class Size:
    """How the recipe of LSTMs for a number of words differs from its base, apart from the size of the alphabet.

    Args:
        about: the file's first line.
        schedule: keys that have other values than the base's.
        pairs_per_word: the number of sentence pairs per word of the alphabet, by sentence length.
        long_sentences: whether the last stage keeps the base's languages of 3–5 words a sentence.
        settle_at: the step from which on training is mostly on the task itself, in a stage of its own; None: there is
            no such stage.
    """

    about: str
    schedule: dict[str, int]
    pairs_per_word: dict[int, float]
    long_sentences: bool = False
    settle_at: int | None = None


def _larger(num_words: int, settle_at: int | None = None, **schedule: int) -> Size:
    """A size with a sentence of three words per word of the alphabet, or with more, shorter ones that show as many."""
    about = (
        f"{num_words} source and {num_words} target words. In {num_words} sentences of three words, 95% of the words "
        "occur."
    )
    return Size(about, {"log_every": 50} | schedule, {1: 2, 2: 1.5, 3: 1}, settle_at=settle_at)


LSTM_SIZES = {
    6: Size(
        "Six words, in as few sentences as show 95% of them.",
        {"eval_every": 50},
        pairs_per_word={3: 1},
        long_sentences=True,
    ),
    8: _larger(8, num_steps=4000, decay_steps=2000, eval_every=200, save_every=1000),
    12: _larger(12, num_steps=14000, decay_steps=6500, eval_every=280, save_every=1400, settle_at=7500),
    16: _larger(16, num_steps=30000, decay_steps=14000, eval_every=600, save_every=2400, settle_at=16000),
    26: _larger(26, num_steps=60000, decay_steps=20000, eval_every=1500, save_every=6000),
}


def lstm_recipe(num_words: int) -> dict:
    """All keys and values of configs/lstm/wordsL.yaml, those of its base included."""
    size, base = LSTM_SIZES[num_words], read_file(CONFIGS / "lstm.yaml")
    if not size.long_sentences:
        words = base["language"]["num_source_words"]
        base = with_last_stage(base, [{}, {}, *all_or_some(words, sentence_length=[1, 5])])
    scaled = scale_recipe(base, num_words, size.pairs_per_word) | {"name": f"words{num_words}"} | size.schedule
    if size.settle_at is not None:
        *_, some = all_or_some(num_words, sentence_length=[1, 5])
        *earlier, last = scaled["curriculum"]
        last = {"languages": last["languages"], "until_step": size.settle_at, "replay": last["replay"]}
        scaled["curriculum"] = [*earlier, last, {"languages": [{}, {}, {}, some], "replay": 0.1}]
    return scaled


WIDE = {"hidden_size": 256, "muon_learning_rate": 0.03, "learning_rate": 5.0e-3, "batch_size": 32, "eval_every": 100}

MEMORY_SIZES: dict[int, dict[str, int | float]] = {
    6: {"num_steps": 300, "decay_steps": 200, "eval_every": 20},
    8: {"num_steps": 500, "decay_steps": 400, "eval_every": 20},
    12: {"num_steps": 1000, "decay_steps": 800, "eval_every": 50},
    16: {"num_steps": 2000, "decay_steps": 1600, "eval_every": 50},
    32: {"num_steps": 2000, "decay_steps": 1600} | WIDE,
    64: {"num_steps": 2400, "decay_steps": 1600, "final_eval_episodes": 2048} | WIDE,
}
"""By number of words: the width, and keys of the recipe that have other values than the default's."""

FEW = 16
"""With so many words in use at most, the first stages learn what a word and what a place is, whatever the alphabet."""


def memory_recipe(num_words: int) -> dict:
    """All keys and values of configs/wordsL.yaml, those of its base included: from few words in use to all."""
    base, size = read_file(CONFIGS / "cpu.yaml"), MEMORY_SIZES[num_words]
    language = {"num_pairs": num_words, "num_source_words": num_words, "num_target_words": num_words}
    few = {"num_active_words": [1, min(FEW, num_words)]}
    any_number = {"num_active_words": [1, num_words], "num_pairs": max(FEW, num_words // 2)}
    stages = [
        {"languages": [{"sentence_length": 1} | few | {"num_pairs": 24}], "until_accuracy": 0.85},
        {
            "languages": [
                {"sentence_length": 2} | few | {"num_pairs": 16},
                {"sentence_length": 2} | any_number,
            ],
            "until_accuracy": 0.85,
            "replay": 0.2,
        },
        {
            "languages": [
                {},
                {"num_active_words": [1, num_words]},
                {"sentence_length": [1, 5]} | few | {"num_pairs": 16},
                {"sentence_length": [1, 5]} | any_number,
            ],
            "replay": 0.2,
        },
    ]
    return (
        base
        | {
            "name": f"words{num_words}",
            "language": base["language"] | language,
            "model": base["model"] | {key: value for key, value in size.items() if key == "hidden_size"},
            "curriculum": stages,
            "log_every": 20,
            "eval_episodes": 128,
            "save_every": 400,
        }
        | {key: value for key, value in size.items() if key != "hidden_size"}
    )


def recipes() -> dict[str, tuple[str, str, dict]]:
    """By file name: the first line, the base, and all keys and values."""
    made = {
        f"lstm/words{number}.yaml": (size.about, "../lstm.yaml", lstm_recipe(number))
        for number, size in LSTM_SIZES.items()
    }
    for number in MEMORY_SIZES:
        about = f"{number} source and {number} target words, {number} sentences of three words an episode."
        made[f"words{number}.yaml"] = (about, "cpu.yaml", memory_recipe(number))
    return made


def written(name: str) -> str:
    """The text of a file: the keys whose values differ from those of its base."""
    about, base, recipe = recipes()[name]
    default = read_file((CONFIGS / name).parent / base)
    lines = [f"# {about}", "# Made by tools/make_recipes.py.", f"base: {base}"]
    for key, value in recipe.items():
        if value == default.get(key):
            continue
        if key == "curriculum":
            lines += ["curriculum:", *_stages(value)]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _stages(curriculum: list[dict]) -> list[str]:
    """The lines of the curriculum, a language a line."""
    lines = []
    for index, stage in enumerate(curriculum):
        settles = index > 0 and "until_step" in curriculum[index - 1]
        why = "  # while the rate falls, mostly the task itself" if settles else ""
        lines.append(f"  - languages:{why}")
        lines += [f"      - {_flow(knobs)}" for knobs in stage["languages"]]
        lines += [f"    {key}: {_flow(value)}" for key, value in stage.items() if key != "languages"]
    return lines


def _flow(value: object) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"))
    return text.removesuffix("...\n").strip()


if __name__ == "__main__":
    for file_name in recipes():
        (CONFIGS / file_name).write_text(written(file_name))
