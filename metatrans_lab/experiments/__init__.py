"""Shared by studies and benchmarks: runs of train.py, recipes, timing, and the pages that show the results."""
