"""Metatraining: batches of episodes, gradients, and updates of the model."""
