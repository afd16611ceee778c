"""What studies and benchmarks share: runs of train.py, recipes, timing, and the pages that show what came out."""
