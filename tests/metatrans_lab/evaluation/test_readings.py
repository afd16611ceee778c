import pytest

from dataset_script import LanguageConfig
from metatrans_lab.evaluation.figures import evaluate

POST = LanguageConfig(held_out_languages=0.1)


def test_bindings_even_out_what_a_model_prefers(bayes_model):
    model = bayes_model(POST)
    as_it_is = evaluate(model, POST, num_episodes=100, exact_match=False)
    bound = evaluate(model, POST, num_episodes=100, exact_match=False, num_bindings=3)
    assert bound["target_nll"] == pytest.approx(as_it_is["target_nll"], abs=1e-6)  # to whom all symbols are alike
    assert bound["accuracy_by_shot"][-1] == 1

    forward = model.forward

    def fond_of_one(*args, **kwargs):
        outputs = forward(*args, **kwargs)
        outputs.logits[..., POST.num_source_words] += 1.0
        return outputs

    model.forward = fond_of_one
    regrets = [
        evaluate(model, POST, num_episodes=100, exact_match=False, num_bindings=n)["target_regret"] for n in (0, 1, 16)
    ]
    assert regrets[1] == pytest.approx(regrets[0], rel=0.2) and regrets[2] < regrets[0] / 5
