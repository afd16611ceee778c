"""The curriculum: stages of languages that batches are drawn from; a stage ends at a step, or once it is mastered.

A batch is a function of (stage, step, part, number of parts) alone, so that a resumed run, or one on several
processes, sees the same episodes without any state of a generator.
"""

import numpy as np
import torch

from dataset_script.arrays import on_host
from dataset_script.episodes import Episodes, sample_episodes
from dataset_script.families.contract import Language
from dataset_script.streams import draw_below, index_keys
from metatrans_lab.config.keys import TrainingConfig

SMOOTHING = 0.9
"""Decay of the running mean of a stage's accuracy, which so averages over about 10 batches."""

MIN_BATCHES = 5
"""A stage counts as mastered after no fewer of its batches: the mean of one or two may be high by chance."""

EPISODES_AT_ONCE, STEPS_AHEAD = 64, 32
"""The exact predictor is asked of about so many episodes at once, which is faster: of the next steps of the same
language, no more than so many ahead.
"""

PURPOSE_REPLAY, PURPOSE_STAGE, PURPOSE_LANGUAGE = 0, 1, 2


class Curriculum:
    """The stages of a run, and the one it is in.

    The `state_dict` is the stage's number, its running accuracy, and the number of batches in that mean.
    """

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config
        self.stages = config.curriculum
        self.languages = [[config.language_config(knobs) for knobs in stage.languages] for stage in self.stages]
        self.stage = 0
        self.accuracy, self.num_batches = 0.0, 0
        self._ahead: dict[int, tuple[Language, Episodes]] = {}  # by the micro-batch's number

    def choose(self, step: int) -> tuple[int, Language]:
        """The stage, the current one or an earlier one that is replayed, and the languages of a step's batches."""
        keys = index_keys(f"metatrans curriculum {self.config.seed}", np.array([step], dtype=np.int64))

        def below(purpose: int, bound: int) -> int:
            return int(draw_below(keys, purpose, 1, bound)[0, 0])

        stage = self.stage
        if stage > 0 and below(PURPOSE_REPLAY, 1 << 30) < self.stages[stage].replay * (1 << 30):
            stage = below(PURPOSE_STAGE, stage)
        languages = self.languages[stage]
        return stage, languages[below(PURPOSE_LANGUAGE, len(languages))]

    def batch(self, step: int, part: int, num_parts: int, device: torch.device | str | None = None) -> Episodes:
        """A micro-batch of `batch_size` training episodes.

        Args:
            part, num_parts: its number among all micro-batches of the step, over all processes.
            device: where the episodes are made, as torch tensors; None: they are numpy's.
        """
        if self.config.soft_labels:
            return self._batch_with_probabilities(step, part, num_parts, device)
        return self._sample(self.choose(step)[1], step * num_parts + part, device)

    def _sample(self, language: Language, number: int, device: torch.device | str | None) -> Episodes:
        """The micro-batch of this number, over all steps and parts."""
        first = number * self.config.batch_size
        return sample_episodes(language, range(first, first + self.config.batch_size), "train", device)

    def _batch_with_probabilities(
        self, step: int, part: int, num_parts: int, device: torch.device | str | None
    ) -> Episodes:
        """A micro-batch whose `probabilities` are known; and, for later, those of the same part of steps ahead."""
        language, number = self.choose(step)[1], step * num_parts + part
        known = self._ahead.pop(number, None)
        if known is not None and known[0] == language:  # the stage may have ended since
            return known[1]
        later = range(step + 1, min(step + STEPS_AHEAD, self.config.num_steps))
        numbers = [number, *(ahead * num_parts + part for ahead in later if self.choose(ahead)[1] == language)]
        numbers = numbers[: max(1, EPISODES_AT_ONCE // self.config.batch_size)]
        batches = [self._sample(language, ahead, device) for ahead in numbers]
        tokens = np.concatenate([on_host(batch.input_ids).astype(np.int64) for batch in batches])
        probabilities = np.split(language.next_token_probabilities(tokens), len(batches))
        for batch, of_batch in zip(batches, probabilities, strict=True):
            batch.probabilities = of_batch
        self._ahead |= {ahead: (language, batch) for ahead, batch in zip(numbers, batches, strict=True)}
        self._ahead = {ahead: kept for ahead, kept in self._ahead.items() if ahead >= step * num_parts}
        return self._ahead.pop(number)[1]

    def update(self, step: int, accuracy: float, drawn_from: int | None = None) -> None:
        """Takes in a step's accuracy on determined tokens, and goes to the next stage if this one is over.

        Args:
            drawn_from: the stage that the step's batch was drawn from; None: as `choose` says now, which is right if
                the stage hasn't changed since.
        """
        stage = self.stages[self.stage]
        if (self.choose(step)[0] if drawn_from is None else drawn_from) == self.stage:
            self.num_batches += 1
            # The newest batch's weight in a mean that begins with the first batch, not with 0.
            weight = (1 - SMOOTHING) / (1 - SMOOTHING**self.num_batches)
            self.accuracy += weight * (accuracy - self.accuracy)
        enough = self.num_batches >= MIN_BATCHES
        mastered = stage.until_accuracy is not None and enough and self.accuracy >= stage.until_accuracy
        over = stage.until_step is not None and step + 1 >= stage.until_step
        if (mastered or over) and self.stage < len(self.stages) - 1:
            self.stage, self.accuracy, self.num_batches = self.stage + 1, 0.0, 0

    def ends_at(self, step: int) -> bool:
        """Whether the current stage ends before this step, whatever its accuracy."""
        return step == self.stages[self.stage].until_step

    def state_dict(self) -> dict:
        """What a checkpoint holds of it."""
        return {"stage": self.stage, "accuracy": self.accuracy, "num_batches": self.num_batches}

    def load_state_dict(self, state: dict) -> None:
        """Goes to where `state_dict` was taken."""
        self.stage, self.accuracy, self.num_batches = state["stage"], state["accuracy"], state["num_batches"]
