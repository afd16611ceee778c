"""The learning rates over a run, as a factor: a trapezium from 0 to 1 to 0, its fall to a power."""

from metatrans_lab.config.keys import TrainingConfig


def learning_rate_factor(config: TrainingConfig, step: int) -> float:
    """The factor of the learning rates at a step, counted from 0."""
    rise = (step + 1) / config.warmup_steps if step < config.warmup_steps else 1.0
    falls_from = config.num_steps - config.decay_steps
    fall = (config.num_steps - step) / config.decay_steps if step >= falls_from else 1.0
    return min(rise, fall**config.decay_power)
