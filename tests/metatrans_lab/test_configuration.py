from pathlib import Path

import pytest
import yaml

from metatrans_lab.configuration import TrainingConfig, from_dict, parse_overrides, read_config
from metatrans_lab.errors import UserError

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_recipe_is_valid_and_named_for_its_file(path):
    assert read_config(str(path), {}).name == path.stem


def test_the_post_s_recipe_is_unchanged():
    config = read_config(str(CONFIGS[0].parent / "kyrylov2023.yaml"), {})
    language = config.language_config()
    assert (language.num_pairs, language.num_source_words, language.num_target_words) == (10, 6, 6)
    assert (language.sentence_length, language.held_out_languages, language.active_range) == (3, 0.0, (6, 6))
    assert config.model["embedding_size"] == 512 and config.model["hidden_size"] == 1024
    assert config.model["num_hidden_layers"] == 1 and config.model["initialization"] == "torch"
    assert (config.optimizer, config.learning_rate, config.batch_size) == ("adam", 1e-3, 32)
    assert (config.num_steps, config.loss_on, len(config.curriculum)) == (20_000, "all", 1)
    assert config.warmup_steps == config.decay_steps == 0 and config.max_grad_norm is None
    assert config.weight_decay == 0 and config.adam_betas == [0.9, 0.999]


def test_a_yaml_round_trip_is_the_same_config():
    for path in CONFIGS:
        config = read_config(str(path), {})
        assert from_dict(TrainingConfig, yaml.safe_load(config.to_yaml())) == config


def write(tmp_path, text: str) -> str:
    (tmp_path / "config.yaml").write_text(text)
    return str(tmp_path / "config.yaml")


def test_overrides_reach_inside(tmp_path):
    path = write(tmp_path, "name: a\nmodel: {model_type: metalstm, hidden_size: 8}\n")
    arguments = [
        "--model.hidden_size",
        "16",
        "--learning_rate=1e-3",
        "--overwrite",
        "--language.sentence-length",
        "[1, 5]",
    ]
    config = read_config(path, parse_overrides(arguments))
    assert config.model == {"model_type": "metalstm", "hidden_size": 16}
    assert config.learning_rate == 1e-3 and config.overwrite is True
    assert config.language_config().sentence_length == (1, 5)


@pytest.mark.parametrize(
    "text, message",
    [
        ("num_step: 3", "unknown key 'num_step'; did you mean 'num_steps'?"),
        ("zzz: 3", "unknown key 'zzz'"),
        ("num_steps: many", "num_steps must be an integer, got 'many'"),
        ("num_steps: 1.5", "num_steps must be an integer, got 1.5"),
        ("num_steps: true", "num_steps must be an integer, got True"),
        ("num_steps: 0", "num_steps must be at least 1, got 0"),
        ("learning_rate: fast", "learning_rate must be a number, got 'fast'"),
        ("learning_rate: .nan", "learning_rate must be a finite number, got nan"),
        ("optimizer: sgd", "optimizer must be one of adam, adamw, muon, got 'sgd'"),
        ("loss_on: source", "loss_on must be one of all, targets, got 'source'"),
        ("model: 3", "model must be a mapping, got 3"),
        ("name: a/b", "name must be a plain folder name, got 'a/b'"),
        ("language: {num_pair: 3}", "language has no knob 'num_pair'; did you mean 'num_pairs'?"),
        ("language: {num_target_words: 3}", "num_target_words must be at least num_source_words (6)"),
        ("language: {sentence_length: 0}", "sentence_length must be at least 1, got 0"),
        ("language: {seed: 3}", "language has no knob 'seed'"),
        ("curriculum: [{language: []}]", "unknown key 'language' in curriculum[0]; did you mean 'languages'?"),
        ("curriculum: [{languages: []}]", "curriculum[0].languages must name at least one set of knobs"),
        ("curriculum: [{}, {}]", "curriculum[0] needs until_step or until_accuracy to be followed by a stage"),
        ("curriculum: [{replay: 1.0}]", "curriculum[0].replay must be a fraction in [0, 1), got 1.0"),
        ("curriculum: [{languages: [{num_source_words: 3}]}]", "the curriculum can't change num_source_words"),
        ("curriculum: []", "curriculum must have at least one stage"),
        ("warmup_steps: 2000", "warmup_steps + decay_steps must be at most num_steps (1000), got 2000 + 0"),
        (
            "language: {num_source_words: 1, num_target_words: 1, held_out_languages: 0.5}",
            "held_out_languages=0.5 leaves no lexicon for",
        ),
        ("[1, 2]", "the config"),
        ("a: b: c", "the config"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, text, message):
    with pytest.raises(UserError) as error:
        read_config(write(tmp_path, text), {})
    assert str(error.value).startswith(message)


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"can't read the config .*nowhere\.yaml: No such file or directory"):
        read_config(str(tmp_path / "nowhere.yaml"), {})


def test_stray_arguments_are_refused():
    with pytest.raises(UserError, match="expected --key value, got '3'"):
        parse_overrides(["--seed", "1", "3"])


def test_learning_rates_rise_hold_and_fall():
    config = TrainingConfig(num_steps=10, warmup_steps=2, decay_steps=4)
    factors = [config.learning_rate_factor(step) for step in range(10)]
    assert factors == [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    assert {TrainingConfig(num_steps=10).learning_rate_factor(step) for step in range(10)} == {1.0}
