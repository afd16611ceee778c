import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState

from dataset_script import LanguageConfig, sample_episodes
from metatrans_lab.models.build import build_model
from metatrans_lab.training.measures import Batch, loss_and_logits, to_batch
from metatrans_lab.training.parts import PartwiseGradients

RAGGED = LanguageConfig(num_pairs=3, sentence_length=(1, 4))


@pytest.fixture(params=[(False, 0.0), (True, 0.0), (True, 0.5)], ids=["labels", "soft labels", "and counterparts"])
def batch(request):
    torch.manual_seed(0)
    shape = {"embedding_size": 8, "hidden_size": 16, "num_hidden_layers": 2}
    model = build_model({"model_type": "metalstm", **shape}, RAGGED)
    soft, weight = request.param
    episodes = sample_episodes(RAGGED, range(10), device="cpu")
    return model, to_batch(episodes, "targets", soft, alignment_layer=1, alignment_weight=weight)


def gradients_of(model) -> list[torch.Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters()]


@pytest.mark.parametrize("num_parts", [1, 2, 3])
def test_parts_add_up_to_the_whole(batch, num_parts):
    model, batch = batch
    whole_loss, whole_logits = loss_and_logits(model, batch)
    whole_loss.backward()
    whole = gradients_of(model)
    model.zero_grad()
    loss, logits = PartwiseGradients(num_parts, num_parts, 1)(model, batch)
    torch.testing.assert_close(loss, whole_loss.detach())
    counted = batch.labels != -100  # further to the right there is padding, of which narrower parts have less
    torch.testing.assert_close(logits[:, :-1][counted[:, 1:]], whole_logits.detach()[:, :-1][counted[:, 1:]])
    for part, reference in zip(gradients_of(model), whole, strict=True):
        torch.testing.assert_close(part, reference, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("num_parts", [3, 4, 10])
def test_parts_are_all_rows_the_longest_first_and_no_wider_than_they_need(batch, num_parts):
    _, batch = batch
    parts, order = batch.parts(num_parts)
    lengths = (batch.labels != -100).long().cumsum(1).argmax(1) + 1
    assert sorted(order.tolist()) == list(range(10)) and len(set(lengths.tolist())) > 2
    assert lengths[order].tolist() == sorted(lengths.tolist(), reverse=True)
    assert len(parts) == len(torch.arange(10).chunk(num_parts))
    for rows, part in zip(order.split([len(part.labels) for part in parts]), parts, strict=True):
        width = int(lengths[rows].max())
        for name, tensor in part._asdict().items():
            if torch.is_tensor(tensor):
                assert torch.equal(tensor, getattr(batch, name)[rows, :width])
    assert sum(int((part.labels != -100).sum()) for part in parts) == int((batch.labels != -100).sum())


def test_the_number_of_threads_changes_nothing(batch):
    model, batch = batch
    results = []
    for num_threads in (1, 2, 3):
        model.zero_grad()
        PartwiseGradients(3, num_threads, 1)(model, batch)
        results.append(gradients_of(model))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_micro_batches_accumulate(batch):
    model, batch = batch
    partwise = PartwiseGradients(2, 2, 1)
    partwise(model, batch)
    once = gradients_of(model)
    model.zero_grad()
    for _ in range(2):
        partwise(model, batch, scale=0.5)
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
    model, batch = batch
    layouts = []
    model.model.lstm.register_forward_hook(lambda lstm, *_: layouts.append(lstm.layouts))
    PartwiseGradients(3, 2, 1)(accelerator.prepare(model), batch)
    assert len(layouts) == 3 * 2 and layouts[0] is not None and all(other is layouts[0] for other in layouts)
    assert model.model.lstm.layouts is None


def test_the_loss_of_labels_is_the_model_s_own(batch):
    model, batch = batch
    batch = batch._replace(soft_labels=None, counterparts=None)
    outputs = model(input_ids=batch.input_ids, labels=batch.labels)
    loss, logits = loss_and_logits(model, batch)
    assert torch.equal(loss, outputs.loss) and torch.equal(logits, outputs.logits)


def test_counterparts_count_in_the_gradient_alone(batch):
    """As the cross-entropy of what the head reads off the layer's vectors, by its definition."""
    model, batch = batch
    counterparts = sample_episodes(RAGGED, range(10)).counterparts
    counterparts = torch.as_tensor(counterparts)[:, : batch.input_ids.shape[1]].long()
    batch = batch._replace(counterparts=counterparts, alignment_layer=1, alignment_weight=0.5)
    loss, _ = loss_and_logits(model, batch)
    plain, _ = loss_and_logits(model, batch._replace(counterparts=None))
    assert loss.item() == pytest.approx(plain.item())
    vectors = model(batch.input_ids, output_hidden_states=True).hidden_states[1]
    vectors = (vectors - vectors.mean(-1, True)) / (vectors.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    log_q = model.lm_head(vectors).log_softmax(-1)
    rows, columns = (counterparts >= 0).nonzero().T
    total = -log_q[rows, columns, counterparts[rows, columns]].sum()
    expected = plain + 0.5 * total / (batch.labels[:, 1:] != -100).sum()
    parameters = list(model.parameters())
    for a, b in zip(torch.autograd.grad(loss, parameters), torch.autograd.grad(expected, parameters), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_soft_labels_that_are_certain_are_labels(batch):
    model, batch = batch
    first, R = RAGGED.num_source_words, RAGGED.num_target_words
    words = batch.input_ids - first
    one_hot = torch.nn.functional.one_hot(words.clamp(0, R - 1), R) * ((words >= 0) & (words < R))[..., None]
    certain, plain = (batch._replace(soft_labels=soft) for soft in (one_hot.float(), None))
    outcomes = []
    for variant in (certain, plain):
        model.zero_grad()
        loss, _ = loss_and_logits(model, variant)
        loss.backward()
        outcomes.append([loss.detach(), *gradients_of(model)])
    for a, b in zip(*outcomes, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_soft_labels_are_what_labels_are_on_average():
    """Over all lexicons, each as probable: brute force, by one sentence of two words."""
    language = LanguageConfig(num_source_words=3, num_target_words=3, num_pairs=1, sentence_length=2)
    model = build_model({"model_type": "metalstm", "embedding_size": 8, "hidden_size": 16}, language)
    a, b = 0, 1
    rows = [
        [language.soh, a, b, language.stx, 3 + x, 3 + y, language.soh] for x in range(3) for y in range(3) if x != y
    ]
    ids = torch.tensor(rows)
    p = torch.from_numpy(language.next_token_probabilities(ids.numpy())).float()[:, :-1, 3:6]
    soft = torch.nn.functional.pad(p, (0, 0, 1, 0)) * ((ids >= 3) & (ids < 6))[..., None]
    means = [loss_and_logits(model, Batch(ids, ids, labels, 3))[0].item() for labels in (soft, None)]
    assert means[0] == pytest.approx(means[1], abs=1e-6)
