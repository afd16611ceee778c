"""A run from start to end: its folder, checkpoints, log, signals, rollbacks and export."""
