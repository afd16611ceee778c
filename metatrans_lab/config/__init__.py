"""A training run's configuration: a YAML file and `--key value` overrides, checked before anything is built."""

from metatrans_lab.config.command_line import parse_overrides, read_config, read_value
from metatrans_lab.config.keys import Stage, TrainingConfig

__all__ = ["Stage", "TrainingConfig", "parse_overrides", "read_config", "read_value"]
