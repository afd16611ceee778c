from metatrans_lab.config import TrainingConfig
from metatrans_lab.training.schedule import learning_rate_factor


def test_learning_rates_rise_hold_and_fall():
    config = TrainingConfig(num_steps=10, warmup_steps=2, decay_steps=4)
    factors = [learning_rate_factor(config, step) for step in range(10)]
    assert factors == [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    assert {learning_rate_factor(TrainingConfig(num_steps=10), step) for step in range(10)} == {1.0}


def test_the_fall_is_to_a_power():
    config = TrainingConfig(num_steps=10, warmup_steps=2, decay_steps=4, decay_power=2)
    assert [learning_rate_factor(config, step) for step in range(10)] == [0.5, 1, 1, 1, 1, 1, 1, 0.5625, 0.25, 0.0625]
