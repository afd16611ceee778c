"""Metatraining: from languages and a model to updates."""
