"""What makes two runs the same run: one may go on from the other's checkpoint, or be taken for it."""

import json
from dataclasses import asdict, dataclass, fields

from dataset_script.families import FAMILIES
from dataset_script.families.contract import GENERATOR_VERSION
from metatrans_lab.config.keys import Stage, TrainingConfig
from metatrans_lab.errors import UserError, tell

# What may differ between a run and its resumption. None of it shapes the weights but num_threads, by rounding, where
# operations divide among threads: so a resumed run keeps its number unless it is told another.
FREE_KEYS = (
    *("name", "output_dir", "num_threads", "log_every", "eval_every", "eval_episodes"),
    *("save_every", "keep_checkpoints", "save_errors", "max_rollbacks", "resume_from_checkpoint", "overwrite"),
    *("log_with", "push_to_hub", "hub_model_id", "hub_dataset_id", "hub_private", "hub_strategy", "hub_patience"),
)


def run_identity(config: TrainingConfig, num_processes: int, mixed_precision: str) -> dict:
    """As checkpoints and results.json have it: plain values, the config without its free keys."""
    return {
        "config": {key: value for key, value in asdict(config).items() if key not in FREE_KEYS},
        "num_processes": num_processes,
        "mixed_precision": mixed_precision,
        "generator_version": GENERATOR_VERSION,
    }


@dataclass(frozen=True)
class Difference:
    """A key by which one run is another than the one that was asked for; in text, a clause about the other.

    Attributes:
        key: its name.
        was: its value in the other run, or the default if that was saved before there was such a key.
        asked: its value in the one asked for; None if the key is no longer known.
        known: whether it is.
    """

    key: str
    was: object
    asked: object = None
    known: bool = True

    def __str__(self) -> str:
        if self.known:
            return f"its {self.key} is {self.was!r}, not {self.asked!r}"
        return f"it has a key {self.key!r}, which this version of metatrans doesn't know"


def differing_key(asked: dict, saved: dict) -> Difference | None:
    """The first key, free ones aside, in which a config differs from a saved one; None: it is the same run.

    A key that one of them lacks has its default there: it was added after that was saved. So has a knob that the
    language lacks, and a key of a stage.

    Args:
        asked, saved: as of `dataclasses.asdict(config)`, or as JSON gives that back.
    """
    defaults = asdict(TrainingConfig())
    for key in saved:
        if key not in defaults:
            return Difference(key, saved[key], known=False)
    for key in defaults:
        was, value = (config.get(key, defaults[key]) for config in (saved, asked))
        if key not in FREE_KEYS and _complete(key, was) != _complete(key, value):
            return Difference(key, was, value)
    return None


def _complete(key: str, value):
    """A key's value as JSON would give it back, with the defaults of what is left out inside it."""
    if key == "language" and isinstance(value, dict):
        family = value.get("family", "lexicon")
        knobs = {f.name: f.default for f in fields(FAMILIES[family])} if family in FAMILIES else {}
        value = {"family": family} | knobs | value
    if key == "curriculum" and isinstance(value, list | tuple):
        value = [asdict(Stage()) | stage if isinstance(stage, dict) else stage for stage in value]
    return json.loads(json.dumps(value))


def check_same_run(identity: dict, progress: dict) -> None:
    """Refuses a checkpoint that a run can't go on from.

    Args:
        identity: the run's, as of `run_identity`.
        progress: the checkpoint's, as of `load_checkpoint`.

    Raises:
        UserError: it was made with other settings, or by another version; the message names the first difference.
    """
    advice = "resume with the settings that it was made with, or start anew"
    for name, value in identity.items():
        if name != "config" and progress[name] != value:
            raise UserError(f"the checkpoint was made with {name} {progress[name]!r}, not {value!r}; {advice}")
    difference = differing_key(identity["config"], progress["config"])
    if difference is not None:
        advice = advice if difference.known else "resume with the version that it was made with, or start anew"
        raise UserError(f"the checkpoint is of another run: {difference}; {advice}")


def share_out(micro_batches: int, before: int, now: int) -> int:
    """Micro-batches that each of `now` processes takes, to take together what `before` of them took: so a run that
    goes on with another number has the same episodes, step by step.

    Args:
        micro_batches: that each of the processes took before.

    Raises:
        UserError: they can't all take as many.
    """
    together = before * micro_batches
    if now == before:
        return micro_batches
    if together % now:
        fitting = [number for number in range(1, together + 1) if together % number == 0]
        raise UserError(
            f"a step of this run is {together} micro-batches, which {now} processes can't share alike; resume it "
            f"with {' or '.join(map(str, fitting))}"
        )
    each = together // now
    tell(
        "train.py",
        f"the run began with {before} processes and goes on with {now}: {each} micro-batches each make the same step",
    )
    return each
