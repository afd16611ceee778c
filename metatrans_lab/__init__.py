"""Everything around the data and the model: configuration, training, evaluation, reports, runs, the Hub, the apps."""

__version__ = "0.1.0"
