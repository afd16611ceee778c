"""What surrounds the data and the model: configuration, curriculum, evaluation, plots, checkpoints, the shell."""
