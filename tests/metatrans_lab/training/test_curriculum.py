import numpy as np
import pytest

from dataset_script import sample_episodes
from metatrans_lab.config.keys import Stage, TrainingConfig
from metatrans_lab.training.curriculum import Curriculum


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


def test_soft_labels_made_ahead_are_those_of_each_batch_by_itself():
    """In whichever order steps are asked for, as after a resumption, and when the stage ends meanwhile."""
    small = {"family": "grammar", "num_pairs": 2, "num_nouns": 2, "num_verbs": 1, "num_adjectives": 1}
    stages = [Stage(languages=[{"sentence_length": 2}], until_step=6), Stage(languages=[{}, {"sentence_length": 3}])]
    soft = TrainingConfig(batch_size=4, num_steps=14, soft_labels=True, language=small, curriculum=stages)
    calls = []
    curriculum = Curriculum(soft)
    for step in [*range(14), 9, 3, 30]:
        curriculum.stage = 0 if step < 6 else 1
        for part in range(2):
            language = curriculum.choose(step)[1]
            first = (2 * step + part) * 4
            expected = sample_episodes(language, range(first, first + 4))
            batch = curriculum.batch(step, part, 2)
            calls.append("probabilities" in batch.__dict__)
            assert batch.config == language and np.array_equal(batch.input_ids, expected.input_ids)
            assert np.array_equal(batch.target_probabilities, expected.target_probabilities)
    assert all(calls)


def test_parts_and_steps_share_no_episode():
    curriculum = Curriculum(config())
    curriculum.stage = 2
    rows = [
        row.tobytes() for step in range(20) for part in range(3) for row in curriculum.batch(step, part, 3).input_ids
    ]
    stage_two = [row for row in rows if len(row) == 81 * 2]
    assert len(set(stage_two)) == len(stage_two) == 20 * 3 * 4


def test_measures_that_are_read_late_count_for_the_stage_they_were_drawn_from():
    curriculum = Curriculum(config())
    for step in range(10):
        curriculum.update(step, 1.0, drawn_from=0)
    assert curriculum.stage == 1
    curriculum.update(10, 1.0, drawn_from=0)
    assert curriculum.num_batches == 0
    curriculum.update(11, 0.5, drawn_from=1)
    assert (curriculum.num_batches, curriculum.accuracy) == (1, 0.5)


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
    # The fifth batch of the stage; every second batch is a replayed one.
    assert 5 <= step - 10 < 25
    for later in range(step, step + 50):
        curriculum.update(later, accuracy=1.0)
    assert curriculum.stage == 2


def test_accuracy_is_the_mean_of_the_latest_batches():
    curriculum = Curriculum(TrainingConfig(curriculum=[Stage(until_accuracy=0.8), Stage()]))
    accuracies = [0.1, 0.7, 0.4, 0.6, 0.9, 0.2, 0.5]
    for number, accuracy in enumerate(accuracies, 1):
        curriculum.update(number, accuracy)
        weights = 0.9 ** np.arange(number)[::-1]
        assert curriculum.accuracy == pytest.approx(np.average(accuracies[:number], weights=weights))


def test_mastery_takes_five_batches():
    curriculum = Curriculum(TrainingConfig(curriculum=[Stage(until_accuracy=0.8), Stage()]))
    stages = []
    for step in range(6):
        curriculum.update(step, accuracy=1.0)
        stages.append(curriculum.stage)
    assert stages == [0, 0, 0, 0, 1, 1]


def test_no_batch_has_a_lexicon_of_the_test_split():
    config = TrainingConfig(
        language={"num_source_words": 4, "num_target_words": 4, "held_out_languages": 0.5},
        curriculum=[Stage([{"sentence_length": 1}], until_step=10), Stage([{}, {"num_active_words": 2}], replay=0.5)],
    )
    curriculum = Curriculum(config)
    trained, tested = set(), sample_episodes(config.language_config(), range(500), "test").lexicons
    for step in range(40):
        trained |= {tuple(lexicon) for lexicon in curriculum.batch(step, 0, 1).lexicons}
        curriculum.update(step, accuracy=0.0)
    assert curriculum.stage == 1 and len(trained) > 8
    assert not trained & {tuple(lexicon) for lexicon in tested}


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
    assert other.state_dict() == curriculum.state_dict() and other.accuracy > 0 and other.num_batches > 0
