"""Every key of a training run, its default, and what it may be."""

import json
import typing
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import yaml

from dataset_script.episodes import LOSS_ON
from dataset_script.families import family_class, make_language, owner_of
from dataset_script.families.contract import Language
from metatrans_lab.config.checks import check_config
from metatrans_lab.errors import UserError, nearest

SYMBOLS = {"K": "num_pairs", "L": "num_source_words", "R": "num_target_words", "T": "sentence_length"}
"""The knobs that the post and the docs have letters for."""


@dataclass(frozen=True)
class Stage:
    """One step of the curriculum: which episodes a batch is made of, and when to move on.

    Args:
        languages: a list of knob sets, each laid over the run's `language`; every batch draws one of them. The
            alphabet and the held-out languages are the run's: a stage can't set them.
        until_step: the stage ends before this step;
        until_accuracy: or as soon as the accuracy on determined tokens, averaged over the stage's latest batches,
            is at least this. With neither, the stage lasts to the end of training.
        replay: fraction of batches that are drawn from a random earlier stage instead.
    """

    languages: list[dict] = field(default_factory=lambda: [{}])
    until_step: int | None = None
    until_accuracy: float | None = None
    replay: float = 0.0


@dataclass(frozen=True)
class TrainingConfig:
    """Every key of `configs/*.yaml`. Units: steps are optimiser updates, seconds are wall-clock.

    Args:
        name: the run's; its folder is outputs/NAME unless `output_dir` says otherwise.
        seed: of the episodes, the initial weights and the choices of the curriculum.
        language: its `family` (the post's, "lexicon", if it names none) and that family's knobs: the task that is
            evaluated, and on which the stages build.
        loss_on: "all" tokens, as in the post, or "targets": source words, which can't be predicted, left out.
        soft_labels: whether the loss of a target word is that of the exact predictor's distribution, not of the word
            that came.
        alignment_layer: a layer of the model, counted from 1, that learns which words say the same: off its vectors
            the model's head is to read a source word's translation, or a translation's source word, heard before.
        alignment_weight: of that in the loss; 0: nothing learns it.
        model: `model_type` and the keyword arguments of its configuration class.
        initial_weights: a saved model of the same shape, whose weights training starts from; None: they are drawn.
        curriculum: the stages, in order. Where a file's language is set anew, and its curriculum isn't, the stages'
            active words follow the number of source words.
        num_steps: optimiser updates. Where a file's are set anew and leave no room for its warm-up and decay, these
            shrink alike.
        batch_size: episodes a process and micro-batch.
        optimizer: "adam", "adamw" or "muon" (Muon on the hidden matrices, AdamW on the rest).
        learning_rate: of Adam(W). muon_learning_rate, muon_momentum: of Muon.
        muon_iterations: by how many Muon orthogonalises an update.
        warmup_steps: steps of linear rise from 0. decay_steps: last steps, of fall to 0; 0: held to the end.
        decay_power: of the fall, as a power of the linear one.
        average_steps: last steps, over whose weights the model is averaged, evaluated and saved; 0: it isn't.
        max_grad_norm: gradients are clipped to it; None: not at all.
        num_parts: on a CPU, and in one process, a batch's parts are computed side by side in threads.
        mixed_precision: "no", "bf16", or "auto": bf16 where the processor multiplies it natively, else "no".
        num_threads: of torch on a CPU; None: the cores this process may use, shared among the processes of a machine.
        log_every, eval_every, save_every: steps between lines of the log, evaluations (0: only the last), checkpoints
            (0: none).
        read_every: steps after which their losses and accuracies are read, and the curriculum may move on. On a GPU, 1
            has every step wait for the one before. They are read when a line is logged, too.
        eval_episodes: of an evaluation on the way (split "validation"); final_eval_episodes: of the last one ("test").
        keep_checkpoints: how many are kept; older ones go after a new one is complete.
        resume_from_checkpoint: a checkpoint's folder, or "latest": the run's newest, or, where the run was cut short
            before its first or hasn't begun, its beginning.
        save_errors: "stop", or "go_on": what training does when a checkpoint, the log or a plot can't be written.
        max_rollbacks: how often a run whose numbers have gone wrong goes back to its last checkpoint and on from there
            with half the learning rates, before it gives up.
        overwrite: start anew in a folder that holds another run, which is removed.
        log_with: a tracker that gets the log's figures too: "tensorboard", "trackio", "wandb" or "none".
        push_to_hub: pushes the run to the Hub; the token is that of `hf auth login` or HF_TOKEN.
        hub_model_id: user/name of the repository; None: the run's name, under the token's user.
        hub_dataset_id: user/name of the data set on the Hub, which the card and the Hub's `.eval_results` name; None:
            the card names none, and the figures are in it alone.
        hub_private: whether a new repository is private.
        hub_strategy: "end", or "every_save": each checkpoint a commit too.
        hub_patience: seconds of pauses between tries, when the Hub fails.
    """

    name: str = "metatrans"
    output_dir: str | None = None
    seed: int = 0
    language: dict = field(default_factory=dict)
    # The values are listed in one place, with what they mean: a checker would have them here once more.
    loss_on: typing.Literal[LOSS_ON] = "all"  # type: ignore[valid-type]
    soft_labels: bool = False
    alignment_layer: int = 1
    alignment_weight: float = 0.0
    model: dict = field(default_factory=lambda: {"model_type": "metalstm"})
    initial_weights: str | None = None
    curriculum: list[Stage] = field(default_factory=lambda: [Stage()])
    num_steps: int = 1000
    batch_size: int = 32
    gradient_accumulation_steps: int = 1
    num_parts: int = 1
    optimizer: typing.Literal["adam", "adamw", "muon"] = "adamw"
    learning_rate: float = 1e-3
    adam_betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    muon_learning_rate: float = 0.02
    muon_momentum: float = 0.95
    muon_iterations: int = 5
    weight_decay: float = 0.0
    warmup_steps: int = 0
    decay_steps: int = 0
    decay_power: float = 1.0
    average_steps: int = 0
    max_grad_norm: float | None = None
    mixed_precision: typing.Literal["auto", "no", "bf16"] = "no"
    num_threads: int | None = None
    log_every: int = 10
    read_every: int = 1
    eval_every: int = 0
    eval_episodes: int = 1024
    final_eval_episodes: int = 8192
    save_every: int = 0
    keep_checkpoints: int = 2
    resume_from_checkpoint: str | None = None
    save_errors: typing.Literal["stop", "go_on"] = "stop"
    max_rollbacks: int = 3
    overwrite: bool = False
    log_with: typing.Literal["none", "tensorboard", "trackio", "wandb"] = "none"
    push_to_hub: bool = False
    hub_model_id: str | None = None
    hub_dataset_id: str | None = None
    hub_private: bool = False
    hub_strategy: typing.Literal["end", "every_save"] = "end"
    hub_patience: float = 300.0

    def __post_init__(self) -> None:
        check_config(self)

    def language_config(self, knobs: dict | None = None) -> Language:
        """The run's languages, or those of a stage: with the stage's knobs in place of the run's.

        Raises:
            UserError: an unknown knob. ValueError: an unknown family, or an impossible value.
        """
        merged = self.language | (knobs or {})
        family = merged.pop("family", "lexicon")
        known = [f.name for f in fields(family_class(family)) if f.name != "seed"]
        for name in merged:
            if name == "seed":
                raise UserError("language has no seed of its own; set seed at the top level")
            if name not in known:
                hint = owner_of(name) or nearest(SYMBOLS.get(name, name), [*known, "family"])
                raise UserError(f"language has no knob {name!r}{hint}")
        return make_language(family, **merged, seed=self.seed)

    @property
    def batch_settings(self) -> dict:
        """How `measures.to_batch` makes batches of episodes."""
        names = ("loss_on", "soft_labels", "alignment_layer", "alignment_weight")
        return {name: getattr(self, name) for name in names}

    @property
    def max_episode_length(self) -> int:
        """Tokens of the longest episode that training or evaluation may draw."""
        languages = [{}, *(knobs for stage in self.curriculum for knobs in stage.languages)]
        return max(self.language_config(knobs).max_episode_length for knobs in languages)

    @property
    def folder(self) -> Path:
        return Path(self.output_dir or f"outputs/{self.name}")

    def flat(self) -> dict[str, int | float | str]:
        """All keys with plain values, on one level, as trackers want them: {'name': …, 'model.hidden_size': …, …}."""
        values = {}
        for name, value in asdict(self).items():
            inner = value if isinstance(value, dict) else {"": value}
            for key, entry in inner.items():
                plain = entry if isinstance(entry, int | float | str) else json.dumps(entry)
                values[f"{name}.{key}" if key else name] = plain
        return values

    def to_yaml(self) -> str:
        return yaml.safe_dump(asdict(self), sort_keys=False, allow_unicode=True)
