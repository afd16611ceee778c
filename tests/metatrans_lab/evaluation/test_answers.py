from dataclasses import replace

from dataset_script import LanguageConfig
from metatrans_lab.evaluation.answers import ragged_exact_match

POST = LanguageConfig(held_out_languages=0.1)
RAGGED = replace(POST, sentence_length=(1, 5), num_active_words=(2, 6))


def test_prompts_as_people_type_them(bayes_model, uniform_model):
    perfect = ragged_exact_match(bayes_model(RAGGED), POST, num_prompts=60)
    assert perfect["ragged_exact_match"] == 1 and perfect["num_ragged_prompts"] == 60
    assert perfect["interval"][0] < 0.95 and perfect["interval"][1] == 1
    assert ragged_exact_match(uniform_model(POST), POST, num_prompts=30)["ragged_exact_match"] == 0
