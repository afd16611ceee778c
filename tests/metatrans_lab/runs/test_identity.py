import json
from dataclasses import asdict, fields, replace

import pytest

from metatrans_lab.config.keys import Stage, TrainingConfig
from metatrans_lab.errors import UserError
from metatrans_lab.runs.identity import FREE_KEYS, check_same_run, differing_key, run_identity, share_out

CONFIG = TrainingConfig(
    name="one",
    language={"num_pairs": 4, "sentence_length": (1, 3)},
    curriculum=[Stage(languages=[{"num_pairs": 2}], until_step=5), Stage()],
    seed=3,
)
ASKED = asdict(CONFIG)


def saved(config: TrainingConfig = CONFIG) -> dict:
    """As a checkpoint or results.json has it."""
    return json.loads(json.dumps(run_identity(config, 1, "no")["config"]))


def test_free_keys_are_keys():
    assert set(FREE_KEYS) < {field.name for field in fields(TrainingConfig)}
    assert saved().keys().isdisjoint(FREE_KEYS)


def test_a_run_is_the_same_as_what_was_saved_of_it():
    assert differing_key(ASKED, saved()) is None and differing_key(saved(), ASKED) is None
    assert differing_key(ASKED, ASKED) is None


def test_free_keys_make_no_difference():
    other = replace(CONFIG, name="other", num_threads=7, log_every=3, overwrite=True)
    assert differing_key(asdict(other), ASKED) is None and differing_key(ASKED, saved(other)) is None


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"num_steps": 7}, "its num_steps is 1000, not 7"),
        ({"loss_on": "targets"}, "its loss_on is 'all', not 'targets'"),
        ({"language": {}}, "its language is {'num_pairs': 4, 'sentence_length': [1, 3]}, not {}"),
        ({"max_grad_norm": 1.0}, "its max_grad_norm is None, not 1.0"),
    ],
)
def test_the_first_difference_is_named(change, sentence):
    assert str(differing_key(ASKED | change, saved())) == sentence


@pytest.mark.parametrize("key", sorted({"num_steps", "optimizer", "language", "curriculum", "model"}))
def test_a_key_that_did_not_exist_yet_counts_as_its_default(key):
    plain = asdict(TrainingConfig())
    old = json.loads(json.dumps(plain))
    del old[key]
    assert differing_key(plain, old) is None and differing_key(old, plain) is None


def test_a_key_that_did_not_exist_yet_and_is_not_at_its_default():
    old = saved()
    del old["seed"]
    difference = differing_key(ASKED, old)
    assert (difference.key, difference.was, difference.asked, difference.known) == ("seed", 0, 3, True)


def test_knobs_that_did_not_exist_yet():
    assert differing_key(ASKED | {"language": {}}, saved() | {"language": {"num_pairs": 10}}) is None
    assert differing_key(ASKED | {"language": {"num_pairs": 10}}, saved() | {"language": {}}) is None
    assert differing_key(ASKED | {"language": {"num_pairs": 9}}, saved() | {"language": {}}).key == "language"


def test_keys_of_a_stage_that_did_not_exist_yet():
    old = saved()
    del old["curriculum"][0]["replay"]
    assert differing_key(ASKED, old) is None
    del old["curriculum"][0]["until_step"]
    assert differing_key(ASKED, old).key == "curriculum"


@pytest.mark.parametrize("broken", [3, [1], [[1]], None])
def test_values_of_another_kind_are_a_difference(broken):
    for key in ("language", "curriculum", "model"):
        assert differing_key(ASKED, saved() | {key: broken}).key == key


def test_a_key_that_is_no_longer_known_is_refused():
    progress = run_identity(CONFIG, 1, "no") | {"config": saved() | {"momentum": 0.5}, "step": 20}
    with pytest.raises(UserError) as error:
        check_same_run(run_identity(CONFIG, 1, "no"), progress)
    assert str(error.value) == (
        "the checkpoint is of another run: it has a key 'momentum', which this version of metatrans doesn't know; "
        "resume with the version that it was made with, or start anew"
    )


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"generator_version": 0}, "the checkpoint was made with generator_version 0, not 1"),
        ({"mixed_precision": "bf16"}, "the checkpoint was made with mixed_precision 'bf16', not 'no'"),
        ({"num_processes": 2}, "the checkpoint was made with num_processes 2, not 1"),
        ({"config": saved() | {"seed": 4}}, "the checkpoint is of another run: its seed is 4, not 3"),
    ],
)
def test_what_a_run_can_not_go_on_from(change, sentence):
    identity = run_identity(CONFIG, 1, "no")
    check_same_run(identity, json.loads(json.dumps(identity)) | {"step": 20})
    with pytest.raises(UserError) as error:
        check_same_run(identity, identity | {"step": 20} | change)
    assert str(error.value) == f"{sentence}; resume with the settings that it was made with, or start anew"


@pytest.mark.parametrize("each, before, now, then", [(1, 1, 1, 1), (3, 2, 2, 3), (2, 2, 4, 1), (1, 4, 1, 4)])
def test_processes_take_as_many_micro_batches_together(each, before, now, then, capsys):
    assert share_out(each, before, now) == then and each * before == then * now
    assert ("goes on with" in capsys.readouterr().err) == (before != now)


def test_processes_that_can_not_share_alike():
    with pytest.raises(UserError, match=r"a step of this run is 4 micro-batches, .* resume it with 1 or 2 or 4$"):
        share_out(2, 2, 3)


FALLING = {"num_steps": 100, "warmup_steps": 10, "decay_steps": 40}


@pytest.mark.parametrize(
    "schedule, shared",
    [
        ({"num_steps": 200}, 61),  # the rates fall from step 60 on, and step 61 is the first whose rate is lower
        ({"num_steps": 80}, 41),
        ({"decay_steps": 50}, 51),
        ({"decay_power": 2.0}, 61),
        ({"num_steps": 200, "decay_steps": 140}, 61),
        ({"num_steps": 160, "decay_steps": 100, "decay_power": 3.0}, 61),
        ({"warmup_steps": 9}, 0),
        ({"average_steps": 30}, 70),
        ({"num_steps": 50, "decay_steps": 0}, 50),
    ],
)
def test_a_schedule_may_change_as_long_as_no_step_was_another(schedule, shared):
    before = run_identity(replace(CONFIG, **FALLING), 1, "no")
    after = run_identity(replace(CONFIG, **FALLING | schedule), 1, "no")
    check_same_run(after, before | {"step": shared})
    check_same_run(before, after | {"step": shared})
    with pytest.raises(UserError) as error:
        check_same_run(after, before | {"step": shared + 1})
    assert str(error.value).endswith(
        f"; they are the same up to step {shared}, and it is of step {shared + 1}; resume from one up to there, or "
        "start a new run with its model as initial_weights"
    )


def test_another_key_still_counts_where_the_schedule_may_change():
    before, after = (run_identity(replace(CONFIG, num_steps=n, seed=n), 1, "no") for n in (100, 200))
    with pytest.raises(UserError, match="its seed is 100, not 200"):
        check_same_run(after, before | {"step": 20})
