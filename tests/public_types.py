"""What a type checker makes of our public names in a user's file: checked by `make quality`, and never run."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, assert_type

import torch

import metatrans_lab
from dataset_script import Episodes, Language, LanguageConfig, make_language, pad_rows, sample_episodes
from dataset_script.baselines import induction
from dataset_script.predictor import levels
from metatrans_lab.config import Stage, TrainingConfig, parse_overrides, read_config
from metatrans_lab.evaluation import evaluate, evaluate_words
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.models import build_model, load_model, pretrained
from metatrans_lab.training.muon import Muon
from modeling_metalstm import InContextTranslationPipeline, TranslationError, TranslatorSession

assert_type(metatrans_lab.__version__, str)

language = LanguageConfig(num_pairs=8, sentence_length=(1, 5))
assert_type(make_language("order", num_pairs=3), Language)
assert_type(sample_episodes(language, range(2), "test", device="cpu"), Episodes)
assert_type(levels(language, "targets"), dict[str, float])
collate: Callable[[list[dict[str, Any]]], dict[str, torch.Tensor]] = partial(pad_rows, pad=8)

model = build_model({"model_type": "metalstm", "hidden_size": 64}, language)
optimizer: torch.optim.Optimizer = Muon([{"params": list(model.parameters()), "blocks": 4}], lr=0.03)
for figures in (evaluate(model, language, "test", 512), evaluate_words(induction, language, "test", 512)):
    regret: float = figures["target_regret"]

assert_type(pretrained("translator"), str)
session = TranslatorSession(load_model("translator"), [("red", "dax")], num_bindings=2)
try:
    assert_type(session("red"), dict[str, Any])
    assert_type(session(["red", "blue"]), list[dict[str, Any]])
    assert_type(session(word for word in ("red", "blue")), list[dict[str, Any]])
    assert_type(session({"source": "red", "target": "dax"}), dict[str, Any])
    assert_type(session.shots(), list[list[dict[str, Any]]])
except TranslationError as error:
    print(error)
pipe = InContextTranslationPipeline(model=load_model("translator"))
assert_type(pipe("red", examples={"red": "dax"}), dict[str, Any])
assert_type(pipe(["red", "blue"], num_bindings=2), list[dict[str, Any]])
assert_type(pipe((word for word in ("red", "blue")), batch_size=2), Iterator[dict[str, Any]])
assert_type(ExactTranslator([("the cat", "neko")])("the cat").text, str)

assert_type(TrainingConfig(curriculum=[Stage(until_step=3), Stage()]).folder, Path)
assert_type(read_config("cpu", parse_overrides(["--seed", "1"])), TrainingConfig)
