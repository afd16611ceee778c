from dataclasses import replace

import pytest
import torch

from dataset_script import LanguageConfig
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation.answers import check_generation, ragged_exact_match

POST = LanguageConfig(held_out_languages=0.1)
RAGGED = replace(POST, sentence_length=(1, 5), num_active_words=(2, 6))


def test_prompts_as_people_type_them(bayes_model, uniform_model):
    perfect = ragged_exact_match(bayes_model(RAGGED), POST, num_prompts=60)
    assert perfect["ragged_exact_match"] == 1 and perfect["num_ragged_prompts"] == 60
    assert perfect["interval"][0] < 0.95 and perfect["interval"][1] == 1
    assert ragged_exact_match(uniform_model(POST), POST, num_prompts=30)["ragged_exact_match"] == 0


def test_a_model_that_generates_passes_and_stays_in_training(uniform_model):
    model = uniform_model(POST).train()
    check_generation(model, POST)
    assert model.training


def test_a_model_that_can_not_generate_is_a_sentence(uniform_model):
    def fail(**_):
        raise RuntimeError("index 1 is out of bounds.\nmore")

    def new_alone(input_ids, **_):
        return torch.zeros(len(input_ids), 2, dtype=torch.long)

    def other_prompts(input_ids, **_):
        return torch.zeros(len(input_ids), 6, dtype=torch.long)

    model = uniform_model(POST)
    for generate, message in (
        (fail, r"^the model can't generate\(\), by which it is evaluated: index 1 is out of bounds$"),
        (lambda **_: "text", "the model can't generate"),
        (new_alone, r"generate\(\) must give the prompts, \(N, S\), with new tokens after them"),
        (other_prompts, r"generate\(\) must give the prompts"),
    ):
        model.generate = generate
        with pytest.raises(UserError, match=message):
            check_generation(model, POST)
