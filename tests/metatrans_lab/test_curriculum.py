import numpy as np
import pytest

from metatrans_lab.configuration import Stage, TrainingConfig
from metatrans_lab.curriculum import Curriculum


def config() -> TrainingConfig:
    return TrainingConfig(
        batch_size=4,
        num_steps=100,
        curriculum=[
            Stage(languages=[{"sentence_length": 1}, {"sentence_length": 1, "num_active_words": 2}], until_step=10),
            Stage(languages=[{"sentence_length": 2}], until_accuracy=0.8, replay=0.5),
            Stage(languages=[{}]),
        ],
    )


def test_a_batch_is_a_function_of_stage_step_and_part():
    for stage in range(3):
        one, other = Curriculum(config()), Curriculum(config())
        one.stage = other.stage = stage
        for step in (3, 50, 51):
            assert np.array_equal(one.batch(step, 1, 2).input_ids, other.batch(step, 1, 2).input_ids)


def test_parts_and_steps_share_no_episode():
    curriculum = Curriculum(config())
    curriculum.stage = 2
    rows = [
        row.tobytes() for step in range(20) for part in range(3) for row in curriculum.batch(step, part, 3).input_ids
    ]
    stage_two = [row for row in rows if len(row) == 81 * 2]
    assert len(set(stage_two)) == len(stage_two) == 20 * 3 * 4


def test_two_halves_of_a_batch_are_the_whole():
    halves, whole = config(), TrainingConfig(**{**config().__dict__, "batch_size": 8})
    parts = [Curriculum(halves).batch(5, part, 2).input_ids for part in range(2)]
    assert np.array_equal(np.concatenate(parts), Curriculum(whole).batch(5, 0, 1).input_ids)


def test_stages_end_by_step_or_by_mastery():
    curriculum = Curriculum(config())
    for step in range(10):
        assert curriculum.stage == 0
        curriculum.update(step, accuracy=1.0)
    assert (curriculum.stage, curriculum.accuracy) == (1, 0.0)
    step = 10
    while curriculum.stage == 1:
        curriculum.update(step, accuracy=0.9)
        step += 1
    # 1 − 0.95ⁿ of 0.9 reaches 0.8 at the 43rd batch of the stage, and every second batch is a replayed one.
    assert 60 < step - 10 < 120
    for later in range(step, step + 50):
        curriculum.update(later, accuracy=1.0)
    assert curriculum.stage == 2


def test_no_mastery_without_accuracy():
    curriculum = Curriculum(config())
    curriculum.stage = 1
    for step in range(500):
        curriculum.update(step, accuracy=0.79)
    assert curriculum.stage == 1


def test_replay_draws_as_often_as_asked():
    curriculum = Curriculum(config())
    curriculum.stage = 1
    lengths = [curriculum.batch(step, 0, 1).config.sentence_length for step in range(1000)]
    assert lengths.count(1) == pytest.approx(500, abs=4 * 16)
    active = [curriculum.batch(step, 0, 1).config.active_range for step in range(1000)]
    assert active.count((2, 2)) == pytest.approx(250, abs=4 * 14)


def test_state_round_trip():
    curriculum, other = Curriculum(config()), Curriculum(config())
    for step in range(30):
        curriculum.update(step, accuracy=0.5)
    other.load_state_dict(curriculum.state_dict())
    assert (other.stage, other.accuracy) == (curriculum.stage, curriculum.accuracy) and other.accuracy > 0
