"""The settings that make two runs the same: one may resume from the other's checkpoint, or stand for it in a cache."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from dataset_script.families import FAMILIES
from dataset_script.families.contract import GENERATOR_VERSION
from metatrans_lab.config.keys import Stage, TrainingConfig
from metatrans_lab.errors import UserError, tell
from metatrans_lab.training.schedule import learning_rate_factor

# Keys that may differ between a run and its resumption, as they don't shape the weights. (num_threads does, by
# rounding, where an operation is divided among threads: a resumed run keeps its number unless it is given another.)
FREE_KEYS = (
    *("name", "output_dir", "num_threads", "log_every", "eval_every", "eval_episodes"),
    *("save_every", "keep_checkpoints", "save_errors", "max_rollbacks", "resume_from_checkpoint", "overwrite"),
    *("log_with", "push_to_hub", "hub_model_id", "hub_dataset_id", "hub_private", "hub_strategy", "hub_patience"),
)

SCHEDULE = ("num_steps", "warmup_steps", "decay_steps", "decay_power", "average_steps")
"""Keys that may differ between a run and its resumption as far as the steps already done would have been the same."""


def run_identity(config: TrainingConfig, num_processes: int, mixed_precision: str) -> dict:
    """The settings that checkpoints and results.json record, as plain values; of the config all but the free keys."""
    return {
        "config": {key: value for key, value in asdict(config).items() if key not in FREE_KEYS},
        "num_processes": num_processes,
        "mixed_precision": mixed_precision,
        "generator_version": GENERATOR_VERSION,
    }


@dataclass(frozen=True)
class Difference:
    """A key that another run's config has with another value. As text it is a clause about the other run.

    Attributes:
        key: its name.
        was: its value in the other run; the default, if that run was saved before there was such a key.
        asked: its value in the run that is asked for.
        known: whether this version of metatrans has the key; if not, `asked` is None.
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
    """The first key in which a config differs from a saved one, free keys aside; None: it is the same run.

    A key that one of them lacks was added after that one was saved, and counts as having its default. The same holds
    for the knobs of the language and the keys of a stage.

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


def _complete(key: str, value: Any) -> Any:
    """A key's value as JSON gives it back, with defaults filled in for the knobs and stage keys that it leaves out."""
    if key == "language" and isinstance(value, dict):
        family = value.get("family", "lexicon")
        knobs = {f.name: f.default for f in fields(FAMILIES[family])} if family in FAMILIES else {}
        value = {"family": family} | knobs | value
    if key == "curriculum" and isinstance(value, list | tuple):
        value = [asdict(Stage()) | stage if isinstance(stage, dict) else stage for stage in value]
    return json.loads(json.dumps(value))


def check_same_run(identity: dict, progress: dict) -> None:
    """Raises UserError if a run can't resume from a checkpoint.

    Args:
        identity: the run's, as of `run_identity`.
        progress: the checkpoint's, as of `load_checkpoint`.

    Raises:
        UserError: it was made with other settings, those of SCHEDULE aside as long as its steps are no others by them,
            or by another version; the message names the first difference.
    """
    advice = "resume with the settings that it was made with, or start anew"
    for name, value in identity.items():
        if name != "config" and progress[name] != value:
            raise UserError(f"the checkpoint was made with {name} {progress[name]!r}, not {value!r}; {advice}")
    asked, saved, step = identity["config"], progress["config"], progress["step"]
    shared = _steps_in_common(asked, saved)
    if step <= shared:
        saved = saved | {key: asked[key] for key in SCHEDULE}
    difference = differing_key(asked, saved)
    if difference is None:
        return
    if not difference.known:
        advice = "resume with the version that it was made with, or start anew"
    elif difference.key in SCHEDULE:
        advice = (
            f"they are the same up to step {shared}, and it is of step {step}; resume from one up to there, or start "
            "a new run with its model as initial_weights"
        )
    raise UserError(f"the checkpoint is of another run: {difference}; {advice}")


def _steps_in_common(asked: dict, saved: dict) -> int:
    """How many steps two runs that differ in nothing but their schedules begin with alike."""
    defaults = asdict(TrainingConfig())
    runs = [TrainingConfig(**{key: run.get(key, defaults[key]) for key in SCHEDULE}) for run in (asked, saved)]
    ends = min(run.num_steps - run.average_steps for run in runs)
    for step in range(ends):
        if learning_rate_factor(runs[0], step) != learning_rate_factor(runs[1], step):
            return step
    return ends


def share_out(micro_batches: int, before: int, now: int) -> int:
    """The number of micro-batches that each process takes a step when a run resumes with another number of processes.
    All processes together take as many as before, so that each step has the same episodes.

    Args:
        micro_batches: the number that each process took before.
        before, now: numbers of processes.

    Raises:
        UserError: the micro-batches can't be divided equally.
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
