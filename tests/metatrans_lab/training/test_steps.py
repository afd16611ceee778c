"""The fast ways of taking a step stand beside the plain one of train.py, and make the same update."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from accelerate.state import AcceleratorState, GradientState, PartialState
from accelerate.utils import DistributedType

from metatrans_lab.config import Stage, TrainingConfig
from metatrans_lab.errors import UserError
from metatrans_lab.training.captured import CapturedSteps
from metatrans_lab.training.parts import step_in_parts
from metatrans_lab.training.prepare import fresh_model, prepare
from metatrans_lab.training.training import Training

DRAWN = [{"sentence_length": [1, 3]}, {"num_active_words": [2, 5]}]


@pytest.fixture(autouse=True)
def own_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def config_of(seed: int, **keys) -> TrainingConfig:
    language = {"num_pairs": 3, "num_source_words": 5, "num_target_words": 5, "sentence_length": 2}
    model = {"model_type": "metalstm", "embedding_size": 8, "hidden_size": 16, "num_hidden_layers": 2}
    keys = {"optimizer": "adamw", "batch_size": 8, "max_grad_norm": 0.5, "warmup_steps": 1, "num_steps": 3} | keys
    return TrainingConfig(
        seed=seed, language=language, model=model, curriculum=[Stage(DRAWN)], log_every=1, loss_on="targets", **keys
    )


def steps_of(take_of, config: TrainingConfig) -> tuple[list[dict], list[torch.Tensor]]:
    """Each step's measures, and the weights after the last."""
    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
    training = prepare(config, num_threads=1, cpu=True)
    take = take_of(training)
    measures = [training.step(take) for _ in range(config.num_steps)]
    return measures, [parameter.detach().clone() for parameter in training.model.parameters()]


@pytest.mark.parametrize(
    "seed, num_parts, micro_batches, optimizer",
    [
        (0, 1, 1, "muon"),
        (1, 1, 2, "adamw"),
        (0, 2, 1, "adamw"),
        (1, 2, 2, "adamw"),
        (2, 3, 1, "adamw"),
        (3, 2, 1, "muon"),
    ],
)
def test_in_parts(train_script, seed, num_parts, micro_batches, optimizer):
    keys = {"gradient_accumulation_steps": micro_batches, "optimizer": optimizer}
    plain, weights = steps_of(lambda _: train_script.plain_step, config_of(seed, **keys))
    parts, others = steps_of(lambda _: step_in_parts, config_of(seed, num_parts=num_parts, **keys))
    # Muon's bfloat16 iterations magnify rounding.
    relative, absolute = (1e-2, 5e-3) if optimizer == "muon" else (1e-4, 1e-5)
    for ours, theirs in zip(parts, plain, strict=True):
        assert ours == pytest.approx(theirs, rel=relative)
    for ours, theirs in zip(others, weights, strict=True):
        assert num_parts > 1 or torch.equal(ours, theirs)  # of one part, the same sums in the same order
        torch.testing.assert_close(ours, theirs, rtol=0, atol=absolute)


def test_other_episodes_make_another_update(train_script):
    """Else the test above would notice nothing."""
    (_, one), (_, other) = (steps_of(lambda _: train_script.plain_step, config_of(seed)) for seed in (0, 7))
    assert not torch.allclose(one[1], other[1], atol=1e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_on_batches_of_the_device_s_own(train_script, seed):
    """On a CPU, where nothing is captured; on a GPU: test_captured.py."""

    def captured(training):
        steps = CapturedSteps(partial(train_script.update, training), training.config.batch_size, torch.device("cpu"))
        return lambda training: steps(
            training.curriculum.choose(training.num_done)[1], training.num_done * training.config.batch_size
        )

    plain, weights = steps_of(lambda _: train_script.plain_step, config_of(seed))
    again, others = steps_of(captured, config_of(seed))
    assert again == plain and all(torch.equal(a, b) for a, b in zip(others, weights, strict=True))


def test_train_py_takes_the_fast_one_where_it_can(train_script):
    for num_parts, step in ((1, train_script.plain_step), (2, step_in_parts)):
        for state in (AcceleratorState, GradientState, PartialState):
            state._reset_state()
        training = prepare(config_of(0, num_parts=num_parts), num_threads=2, cpu=True)
        assert train_script.choose_step(training) is step


@pytest.mark.parametrize("kind", ["DEEPSPEED", "FSDP"])
def test_processes_that_share_the_weights_out_are_refused(kind):
    config = config_of(0)
    accelerator = SimpleNamespace(distributed_type=DistributedType[kind])
    with pytest.raises(UserError, match=f"(?i)by {kind} each process has a share of the weights"):
        Training(config, accelerator, fresh_model(config))
