import pytest
import torch
from torch.func import functional_call, grad

from modeling_metalstm import labels_metalstm

EPISODE = torch.tensor([[12, 0, 1, 13, 6, 7, 12]])  # ␁ two source words ␂ two target words ␁
WITHOUT_SOURCES = torch.tensor([[0, -100, -100, 13, 6, 7, 12]])  # the first label of a row counts for nothing


@pytest.fixture
def told(monkeypatch):
    """The sentences that were said."""
    sentences = []
    monkeypatch.setattr(labels_metalstm.logger, "warning_once", sentences.append)
    return sentences


@pytest.mark.parametrize("loss_on, says", [("targets", True), ("all", False), (None, False)])
def test_labels_that_were_never_learned_are_told(make_model, told, loss_on, says):
    model = make_model(loss_on=loss_on)
    model(input_ids=EPISODE)
    model(input_ids=EPISODE, labels=WITHOUT_SOURCES)
    assert told == []
    model(input_ids=EPISODE, labels=EPISODE)
    assert len(told) == says
    if says:
        assert "(its `config.loss_on` is 'targets')" in told[0] and "Set their labels to -100" in told[0]


def test_it_is_told_once(make_model, monkeypatch):
    said = []
    monkeypatch.setattr(labels_metalstm.logger, "warning", lambda sentence, *_, **__: said.append(sentence))
    for _ in range(2):
        make_model(loss_on="targets")(input_ids=EPISODE, labels=EPISODE)
    assert len(said) <= 1  # none if another test was told: it is once a process


def test_a_graph_and_a_transformation_go_on_without_it(make_model, told):
    model = make_model(loss_on="targets").requires_grad_(False)
    weights = dict(model.named_parameters())

    def loss(weights):
        return functional_call(model, weights, kwargs={"input_ids": EPISODE, "labels": EPISODE}).loss

    assert set(grad(loss)(weights)) == set(weights)
    traced = torch.compile(
        lambda labels: labels_metalstm.notice_unlearned(model, labels), backend="eager", fullgraph=True
    )
    traced(EPISODE)
    labels_metalstm.notice_unlearned(model, EPISODE.to("meta"))
    assert told == []


def test_on_a_gpu_a_model_s_first_labels_are_looked_at(make_model, told):
    class Labels(torch.Tensor):
        """As if they were on a GPU."""

        device = torch.device("cuda")

    model, other = make_model(loss_on="targets"), make_model(loss_on="targets")
    labels_metalstm.notice_unlearned(model, WITHOUT_SOURCES.as_subclass(Labels))
    labels_metalstm.notice_unlearned(model, EPISODE.as_subclass(Labels))
    assert told == []
    labels_metalstm.notice_unlearned(other, EPISODE.as_subclass(Labels))
    assert len(told) == 1
