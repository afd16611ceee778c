"""Linguistic puzzles: a few sentences of an unknown language with their translations, which settle every question."""
