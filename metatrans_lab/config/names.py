"""The key that was meant by another name: by one inside a mapping, a symbol, or what it is called elsewhere."""

import difflib
from dataclasses import fields

from dataset_script.families import FAMILIES
from metatrans_lab.config.keys import SYMBOLS, Stage, TrainingConfig
from modeling_metalstm.configuration_metalstm import MetaLSTMConfig

ELSEWHERE = {
    "lr": "learning_rate",
    "bs": "batch_size",
    "B": "batch_size",
    "per_device_train_batch_size": "batch_size",
    "steps": "num_steps",
    "max_steps": "num_steps",
    "num_train_steps": "num_steps",
    "max_train_steps": "num_steps",
    "epochs": "num_steps",
    "num_epochs": "num_steps",
    "num_train_epochs": "num_steps",
    "warmup": "warmup_steps",
    "num_warmup_steps": "warmup_steps",
    "decay": "decay_steps",
    "wd": "weight_decay",
    "betas": "adam_betas",
    "momentum": "muon_momentum",
    "clip": "max_grad_norm",
    "grad_clip": "max_grad_norm",
    "grad_accum": "gradient_accumulation_steps",
    "fp16": "mixed_precision",
    "bf16": "mixed_precision",
    "dtype": "mixed_precision",
    "threads": "num_threads",
    "logging_steps": "log_every",
    "eval_steps": "eval_every",
    "save_steps": "save_every",
    "save_total_limit": "keep_checkpoints",
    "output": "output_dir",
    "out_dir": "output_dir",
    "run_name": "name",
    "report_to": "log_with",
    "tracker": "log_with",
    "wandb": "log_with",
    "resume": "resume_from_checkpoint",
    "init_from": "initial_weights",
    "warm_start": "initial_weights",
    "pretrained": "initial_weights",
    "model_name_or_path": "initial_weights",
    "hub_repo": "hub_model_id",
    "H": "model.hidden_size",
    "num_layers": "model.num_hidden_layers",
    "layers": "model.layer_types",
    "num_words": "language.num_source_words",
    "num_examples": "language.num_pairs",
    "num_shots": "language.num_pairs",
    "shots": "language.num_pairs",
}
"""By what it is called in transformers' Trainer, in other training scripts or by a symbol: the key."""

OF_LANGUAGE = {"vocab_size", "num_source_words", "num_target_words", "pad_token_id", "bos_token_id", "eos_token_id"}
OF_TRAINING = {"loss_on"}

MODEL_KEYS = {
    f"model.{f.name}": f.default
    for f in fields(MetaLSTMConfig)
    if f.name in MetaLSTMConfig.__annotations__ and f.name not in OF_LANGUAGE | OF_TRAINING
}
"""What may be set of a MetaLSTM, with its default: all but what follows from the language or the run."""


def nearest_key(name: str) -> str | None:
    """The key that a name is most like, in full ('language.num_pairs' of 'num_pair'); None: it is like none."""
    full = {f.name: "curriculum" for f in fields(Stage)}
    full |= {key.removeprefix("model."): key for key in (*MODEL_KEYS, "model.model_type")}
    full |= {f.name: f"language.{f.name}" for family in FAMILIES.values() for f in fields(family)}
    full |= {"family": "language.family"} | {symbol: f"language.{knob}" for symbol, knob in SYMBOLS.items()}
    full |= ELSEWHERE | {f.name: f.name for f in fields(TrainingConfig)}
    near = difflib.get_close_matches(name, full, n=1)
    return full[near[0]] if near else None
