from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from metatrans_lab.config.command_line import describe_keys, parse_overrides, read_config
from metatrans_lab.config.keys import SYMBOLS, TrainingConfig
from metatrans_lab.config.names import ELSEWHERE, MODEL_KEYS, nearest_key
from metatrans_lab.config.typed import from_dict
from metatrans_lab.errors import UserError

CONFIGS = sorted((Path(__file__).parents[3] / "configs").rglob("*.yaml"))


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
        ("num_pairs: 3", "unknown key 'num_pairs'; did you mean 'language.num_pairs'?"),
        ("lr: 3", "unknown key 'lr'; did you mean 'learning_rate'?"),
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
        ("language: {seed: 3}", "language has no seed of its own; set seed at the top level"),
        ("language: {no: 3}", "language has no knob False"),
        ("language: {1: 2}", "language has no knob 1"),
        ("1: 2", "unknown key 1"),
        ("seed: 99999999999999999999", "seed must be between 0 and 9223372036854775807, got 99999999999999999999"),
        ("seed: -1", "seed must be between 0 and"),
        ("learning_rate: 1" + "0" * 400, "learning_rate must be a finite number"),
        ("decay_power: 0", "decay_power must be above 0, got 0.0"),
        ("muon_iterations: 0", "muon_iterations must be at least 1, got 0"),
        ("muon_momentum: 1.5", "muon_momentum must be in [0, 1), got 1.5"),
        ("muon_momentum: -1", "muon_momentum must be in [0, 1), got -1.0"),
        ("max_grad_norm: -1", "max_grad_norm must be above 0, or null for no clipping, got -1.0"),
        ("max_grad_norm: 0", "max_grad_norm must be above 0, or null for no clipping, got 0"),
        ('resume_from_checkpoint: ""', "resume_from_checkpoint is empty; give a folder, or leave it out"),
        ('output_dir: ""', "output_dir is empty; give a folder, or leave it out"),
        ("hub_dataset_id: metatrans", "hub_dataset_id must be like user/name, got 'metatrans'"),
        ("hub_dataset_id: a/b/c", "hub_dataset_id must be like user/name, got 'a/b/c'"),
        ("hub_dataset_id: ''", "hub_dataset_id must be like user/name, got ''"),
        ("hub_dataset_id: [a/b]", "hub_dataset_id must be a text, got ['a/b']"),
        ("name: 2026", "name must be a text, got 2026"),
        ("name: 2026-99-99", "the config"),
        ("language: {num_active_words: '2,6'}", "num_active_words must be an integer, got '2,6' (a pair is written ["),
        ("curriculum: [{until_accuracy: 85}]", "curriculum[0].until_accuracy must be a fraction in (0, 1], got 85"),
        ("curriculum: [{until_accuracy: 0}]", "curriculum[0].until_accuracy must be a fraction in (0, 1], got 0"),
        ("curriculum: [{until_step: -3}]", "curriculum[0].until_step must be at least 1, got -3"),
        ("curriculum: [{until_step: 9}, {until_step: 5}]", "curriculum[1].until_step must be at least 10, got 5"),
        ("curriculum: [{languages: [{held_out_languages: 0.0}]}]", "curriculum[0].languages can't set held_out_langu"),
        ("curriculum: [{languages: [{num_training_languages: 9}]}]", "curriculum[0].languages can't set num_training"),
        (
            "curriculum: [{languages: [{num_source_words: 5, num_target_words: 7}]}]",
            "curriculum[0].languages can't set",
        ),
        ("curriculum: [{languages: [{1: 2}]}]", "language has no knob 1"),
        ("curriculum: [{language: []}]", "unknown key 'language' in curriculum[0]; did you mean 'languages'?"),
        ("curriculum: [{languages: []}]", "curriculum[0].languages must name at least one set of knobs"),
        ("curriculum: [{}, {}]", "curriculum[0] needs until_step or until_accuracy to be followed by a stage"),
        ("curriculum: [{replay: 1.0}]", "curriculum[0].replay must be a fraction in [0, 1), got 1.0"),
        (
            "curriculum: [{languages: [{num_source_words: 3}]}]",
            "curriculum[0].languages can't set num_source_words, which is the run's; set it in language",
        ),
        ("curriculum: []", "curriculum must have at least one stage"),
        (
            "warmup_steps: 2000",
            "warmup_steps + decay_steps must be at most num_steps (1000), got 2000 + 0; lower them too",
        ),
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
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_numbers_are_read_as_in_yaml_1_2(tmp_path):
    text = "learning_rate: 1e-3\nlanguage: {held_out_languages: 1e-1}\nmodel: {model_type: gpt2, attn_pdrop: 5E-2}"
    config = read_config(write(tmp_path, text), {"weight_decay": "1e-5", "language.num_active_words": "(2, 6)"})
    assert (config.learning_rate, config.weight_decay) == (1e-3, 1e-5)
    assert config.language_config().held_out_languages == 0.1 and config.model["attn_pdrop"] == 0.05
    assert config.language_config().active_range == (2, 6)


def test_texts_are_taken_as_they_are_from_the_command_line(tmp_path):
    path = write(tmp_path, "output_dir: elsewhere")
    for name in ("2026", "1e-3", "no", "2026-11-23"):
        assert read_config(path, {"name": name}).name == name
    assert read_config(path, {"output_dir": "null"}).output_dir is None


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--language.sentence_length", "[1"], "--language.sentence_length '[1' is no value; write it like"),
        (["--resume_from_checkpoint", ""], "resume_from_checkpoint is empty"),
        (["--name", "--overwrite"], "name must be a text, got True"),
        (["--seed.x", "1"], "seed must be an integer, got {'x': 1}"),
        (["--num_step", "3"], "unknown key '--num_step'; did you mean '--num_steps'?"),
        (["--num_pairs", "5"], "unknown key '--num_pairs'; did you mean '--language.num_pairs'?"),
        (["--num_pair", "5"], "unknown key '--num_pair'; did you mean '--language.num_pairs'?"),
        (["--orders", "x"], "unknown key '--orders'; did you mean '--language.orders'?"),
        (["--hidden-size", "5"], "unknown key '--hidden_size'; did you mean '--model.hidden_size'?"),
        (["--until_step", "5"], "unknown key '--until_step'; did you mean '--curriculum'?"),
        (["--K", "5"], "unknown key '--K'; did you mean '--language.num_pairs'?"),
        (["--lr", "1e-3"], "unknown key '--lr'; did you mean '--learning_rate'?"),
        (["--max_steps=3"], "unknown key '--max_steps'; did you mean '--num_steps'?"),
        (["--language.T", "5"], "language has no knob 'T'; did you mean 'sentence_length'?"),
        (["--zzz.num_pairs", "5"], "unknown key '--zzz'"),
    ],
)
def test_mistakes_on_the_command_line(tmp_path, arguments, message):
    with pytest.raises(UserError) as error:
        read_config(write(tmp_path, "{}"), parse_overrides(arguments))
    assert str(error.value).startswith(message)


def test_every_hint_is_a_key():
    keys = {f.name for f in fields(TrainingConfig)} | {f"language.{knob}" for knob in SYMBOLS.values()}
    keys |= {*MODEL_KEYS, "language.num_pairs", "language.num_source_words"}
    assert set(ELSEWHERE.values()) <= keys
    for name, key in ELSEWHERE.items():
        assert nearest_key(name) == key and name not in keys
    assert all(nearest_key(f.name) == f.name for f in fields(TrainingConfig)) and nearest_key("zzz") is None


def test_help_has_every_key_with_its_meaning_and_its_default():
    text = describe_keys()
    of_model = ("model.hidden_size 1024", 'model.model_type "metalstm"', "model.layer_types null")
    for key in ("num_steps 1000", "max_grad_norm null", 'optimizer "adamw"', "language.num_pairs 10", *of_model):
        assert f"\n  --{key}\n" in text
    for name in TrainingConfig.__dataclass_fields__.keys() - {"language", "model"}:
        assert f"\n  --{name} " in text
    assert "language.seed" not in text and "model.vocab_size" not in text and "length of a token's embedding" in text
    assert "optimiser updates" in text and "fraction of all lexicons" in text


def test_a_file_is_laid_over_its_base(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "small.yaml").write_text("base: ../middle.yaml\nmodel: {model_type: gpt2, n_layer: 1}\n")
    (tmp_path / "middle.yaml").write_text("base: base.yaml\nnum_steps: 7\n")
    (tmp_path / "base.yaml").write_text("num_steps: 5\nbatch_size: 3\nmodel: {hidden_size: 8}\n")
    config = read_config(str(tmp_path / "inner" / "small.yaml"), {"batch_size": "2"})
    assert (config.num_steps, config.batch_size) == (7, 2)
    assert config.model == {"model_type": "gpt2", "n_layer": 1}  # a key's value is replaced as a whole
    for text, message in (
        ("base: config.yaml", "config.yaml is its own base"),
        ("base: inner/loop.yaml", "loop.yaml is its own base"),
        ("base: nowhere.yaml", "nowhere.yaml: No such file or directory"),
        ("base: [a]", "base must be a file, got ['a']"),
    ):
        (tmp_path / "inner" / "loop.yaml").write_text("base: ../config.yaml\n")
        with pytest.raises(UserError) as stop:
            read_config(write(tmp_path, text), {})
        assert message in str(stop.value)


def test_the_longest_episode_is_that_of_any_stage(tmp_path):
    path = write(tmp_path, "curriculum: [{languages: [{}, {sentence_length: [1, 5]}], until_step: 3}, {}]")
    assert read_config(path, {}).max_episode_length == 10 * 12 + 1
    assert TrainingConfig().max_episode_length == 81


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"can't read the config .*nowhere\.yaml: No such file or directory"):
        read_config(str(tmp_path / "nowhere.yaml"), {})


def test_stray_arguments_are_refused():
    with pytest.raises(UserError, match="expected --key value, got '3'"):
        parse_overrides(["--seed", "1", "3"])
