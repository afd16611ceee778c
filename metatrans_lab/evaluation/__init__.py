"""Any causal language model, measured against the Bayes optimum."""

from metatrans_lab.evaluation.answers import ragged_exact_match
from metatrans_lab.evaluation.figures import evaluate, evaluate_words

__all__ = ["evaluate", "evaluate_words", "ragged_exact_match"]
