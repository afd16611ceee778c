import json

import pytest

from metatrans_lab.config.command_line import read_config
from metatrans_lab.errors import UserError
from metatrans_lab.experiments.checkout import ROOT

CPU = str(ROOT / "configs" / "cpu.yaml")


def words(number: int) -> dict[str, str]:
    return {"language.num_source_words": str(number), "language.num_target_words": str(number)}


def active(config) -> list:
    """The numbers of active words of all stages, without those that are the language's own."""
    knobs = [knobs for stage in config.curriculum for knobs in stage.languages]
    return [entry["num_active_words"] for entry in knobs if "num_active_words" in entry]


@pytest.mark.parametrize("number", [1, 3, 4, 6, 8, 16])
def test_the_curriculum_follows_the_number_of_words(number):
    config = read_config(CPU, words(number) | {"language.held_out_languages": "0"})
    assert active(config) == [[1, number]] * 4
    assert config.curriculum[0].until_accuracy == 0.85 and config.curriculum[1].replay == 0.3


def test_fewer_active_words_than_all_stay_as_far_as_there_are_so_many(tmp_path):
    stages = "curriculum: [{languages: [{num_active_words: [2, 5]}, {num_active_words: 12}, {num_active_words: 7}]}]"
    (tmp_path / "a.yaml").write_text(f"language: {{num_source_words: 12, num_target_words: 12}}\n{stages}\n")
    assert active(read_config(str(tmp_path / "a.yaml"), words(16))) == [[2, 5], 16, 7]
    assert active(read_config(str(tmp_path / "a.yaml"), words(4))) == [[2, 4], 4, 4]


def test_a_file_s_language_moves_the_curriculum_of_its_base(tmp_path):
    language = "language: {num_source_words: 8, num_target_words: 9}"
    (tmp_path / "wide.yaml").write_text(f"base: {CPU}\n{language}\n")
    assert active(read_config(str(tmp_path / "wide.yaml"), {})) == [[1, 8]] * 4
    own = "curriculum: [{languages: [{num_active_words: [1, 6]}]}]"
    (tmp_path / "own.yaml").write_text(f"base: {CPU}\n{language}\n{own}\n")
    assert active(read_config(str(tmp_path / "own.yaml"), {})) == [[1, 6]]


def test_a_curriculum_that_was_asked_for_stays():
    asked = [{"languages": [{"num_active_words": [1, 6]}], "until_step": None, "until_accuracy": None, "replay": 0.0}]
    config = read_config(CPU, words(8) | {"curriculum": json.dumps(asked)})
    assert active(config) == [[1, 6]]
    with pytest.raises(UserError, match="num_active_words must be between 1 and 4, got 6"):
        read_config(CPU, words(4) | {"curriculum": json.dumps(asked)})


@pytest.mark.parametrize(
    "steps, schedule",
    [
        ({"num_steps": "2"}, (0, 1)),
        ({"num_steps": "30"}, (2, 15)),
        ({"num_steps": "170"}, (20, 150)),  # there is room for them
        ({"num_steps": "3000"}, (20, 150)),
        ({"num_steps": "29", "decay_steps": "10"}, (1, 10)),
        ({"num_steps": "30", "warmup_steps": "10"}, (10, 15)),
    ],
)
def test_warm_up_and_decay_have_room(steps, schedule):
    config = read_config(CPU, steps)
    assert (config.warmup_steps, config.decay_steps) == schedule


def test_a_schedule_that_was_asked_for_stays(tmp_path):
    with pytest.raises(UserError, match=r"at most num_steps \(30\), got 20 \+ 150; lower them too"):
        read_config(CPU, {"num_steps": "30", "warmup_steps": "20", "decay_steps": "150"})
    (tmp_path / "short.yaml").write_text(f"base: {CPU}\nnum_steps: 30\ndecay_steps: 30\n")
    with pytest.raises(UserError, match=r"at most num_steps \(30\), got 2 \+ 30"):
        read_config(str(tmp_path / "short.yaml"), {})


@pytest.mark.parametrize(
    "text",
    ["language: 3", "language: {num_source_words: many}", "num_steps: many", "curriculum: [3]", "curriculum: 3"],
)
def test_rubbish_moves_nothing_and_is_a_sentence(tmp_path, text):
    (tmp_path / "a.yaml").write_text(f"base: {CPU}\n{text}\n")
    with pytest.raises(UserError) as error:
        read_config(str(tmp_path / "a.yaml"), {"language": "{num_source_words: 4}"} if "curr" in text else {})
    assert text.split(":")[0] in str(error.value) or "num_source_words" in str(error.value)
