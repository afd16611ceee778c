"""A run's folder and its life: claims, checkpoints, signals, going back."""
