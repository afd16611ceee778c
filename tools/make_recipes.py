"""Makes configs/wordsL.yaml, the default recipe for L source and L target words, from configs/cpu.yaml.

python tools/make_recipes.py
"""

from dataclasses import dataclass
from pathlib import Path

import yaml

from metatrans_lab.config.yaml_files import read_file
from metatrans_lab.experiments.recipes import all_or_some, scale_recipe, with_last_stage

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
DEFAULT = "cpu.yaml"


@dataclass(frozen=True)
class Size:
    """How the recipe for a number of words differs from the default, apart from the size of the alphabet.

    Args:
        about: the file's first line.
        schedule: keys that have other values than the default recipe's.
        pairs_per_word: the number of sentence pairs per word of the alphabet, by sentence length.
        long_sentences: whether the last stage keeps the default's languages of 3–5 words a sentence.
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


SIZES = {
    6: Size(
        "The default's six words, in as few sentences as show 95% of them.",
        {"eval_every": 50},
        pairs_per_word={3: 1},
        long_sentences=True,
    ),
    8: _larger(8, num_steps=4000, decay_steps=2000, eval_every=200, save_every=1000),
    12: _larger(12, num_steps=14000, decay_steps=6500, eval_every=280, save_every=1400, settle_at=7500),
    16: _larger(16, num_steps=30000, decay_steps=14000, eval_every=600, save_every=2400, settle_at=16000),
    26: _larger(26, num_steps=60000, decay_steps=20000, eval_every=1500, save_every=6000),
}


def recipe(num_words: int) -> dict:
    """All keys and values of configs/wordsL.yaml, those of its base included."""
    size, default = SIZES[num_words], read_file(CONFIGS / DEFAULT)
    if not size.long_sentences:
        words = default["language"]["num_source_words"]
        default = with_last_stage(default, [{}, {}, *all_or_some(words, sentence_length=[1, 5])])
    scaled = scale_recipe(default, num_words, size.pairs_per_word) | {"name": f"words{num_words}"} | size.schedule
    if size.settle_at is not None:
        *_, some = all_or_some(num_words, sentence_length=[1, 5])
        *earlier, last = scaled["curriculum"]
        last = {"languages": last["languages"], "until_step": size.settle_at, "replay": last["replay"]}
        scaled["curriculum"] = [*earlier, last, {"languages": [{}, {}, {}, some], "replay": 0.1}]
    return scaled


def written(num_words: int) -> str:
    """The text of configs/wordsL.yaml: the keys whose values differ from those of its base."""
    default = read_file(CONFIGS / DEFAULT)
    lines = [f"# {SIZES[num_words].about}", "# Made by tools/make_recipes.py.", f"base: {DEFAULT}"]
    for key, value in recipe(num_words).items():
        if value == default[key]:
            continue
        if key == "curriculum":
            settles = SIZES[num_words].settle_at is not None
            lines += ["curriculum:", *_stages(value, settles)]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _stages(curriculum: list[dict], settles: bool) -> list[str]:
    """The lines of the curriculum, a language a line."""
    lines = []
    for stage in curriculum:
        why = "  # while the rate falls, mostly the task itself" if settles and stage is curriculum[-1] else ""
        lines.append(f"  - languages:{why}")
        lines += [f"      - {_flow(knobs)}" for knobs in stage["languages"]]
        lines += [f"    {key}: {_flow(value)}" for key, value in stage.items() if key != "languages"]
    return lines


def _flow(value: object) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"))
    return text.removesuffix("...\n").strip()


if __name__ == "__main__":
    for number in SIZES:
        (CONFIGS / f"words{number}.yaml").write_text(written(number))
