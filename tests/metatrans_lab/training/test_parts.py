import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState

from dataset_script import LanguageConfig, sample_episodes
from metatrans_lab.models.build import build_model
from metatrans_lab.training.parts import PartwiseGradients

RAGGED = LanguageConfig(num_pairs=3, sentence_length=(1, 4))


@pytest.fixture
def batch():
    torch.manual_seed(0)
    model = build_model({"model_type": "metalstm", "embedding_size": 8, "hidden_size": 16}, RAGGED)
    episodes = sample_episodes(RAGGED, range(10), device="cpu")
    return model, episodes.input_ids.long(), episodes.labels("targets").long()


def gradients_of(model) -> list[torch.Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters()]


@pytest.mark.parametrize("num_parts", [1, 2, 3])
def test_parts_add_up_to_the_whole(batch, num_parts):
    model, input_ids, labels = batch
    outputs = model(input_ids=input_ids, labels=labels)
    outputs.loss.backward()
    whole = gradients_of(model)
    model.zero_grad()
    loss, logits = PartwiseGradients(num_parts, num_parts, 1)(model, input_ids, labels)
    torch.testing.assert_close(loss, outputs.loss.detach())
    torch.testing.assert_close(logits, outputs.logits.detach())
    for part, reference in zip(gradients_of(model), whole, strict=True):
        torch.testing.assert_close(part, reference, rtol=1e-5, atol=1e-7)


def test_the_number_of_threads_changes_nothing(batch):
    model, input_ids, labels = batch
    results = []
    for num_threads in (1, 2, 3):
        model.zero_grad()
        PartwiseGradients(3, num_threads, 1)(model, input_ids, labels)
        results.append(gradients_of(model))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_micro_batches_accumulate(batch):
    model, input_ids, labels = batch
    partwise = PartwiseGradients(2, 2, 1)
    partwise(model, input_ids, labels)
    once = gradients_of(model)
    model.zero_grad()
    for _ in range(2):
        partwise(model, input_ids, labels, scale=0.5)
    for half, whole in zip(gradients_of(model), once, strict=True):
        torch.testing.assert_close(half, whole)


@pytest.fixture(params=["no", "bf16"])
def accelerator(request):
    """It shares a state with others of its process, which is to be new before and after."""
    states = (AcceleratorState, GradientState, PartialState)
    for state in states:
        state._reset_state()
    yield Accelerator(cpu=True, mixed_precision=request.param)
    for state in states:
        state._reset_state()


def test_all_parts_read_weights_that_are_laid_out_once(batch, accelerator):
    """Of the model as accelerate wraps it, which is asked for it."""
    model, input_ids, labels = batch
    layouts = []
    model.model.lstm.register_forward_hook(lambda lstm, *_: layouts.append(lstm.layouts))
    PartwiseGradients(3, 2, 1)(accelerator.prepare(model), input_ids, labels)
    assert len(layouts) == 3 and layouts[0] is not None and all(other is layouts[0] for other in layouts)
    assert model.model.lstm.layouts is None
