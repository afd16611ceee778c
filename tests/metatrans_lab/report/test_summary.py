from pathlib import Path

from metatrans_lab.report.summary import summary

RESULTS = {
    "determined_accuracy": 0.99987654,
    "target_regret": 0.0041,
    "target_bayes_nll": 0.2193,
    "exact_match": 1.0,
    "ragged_exact_match": 0.998,
    "num_ragged_prompts": 4096,
    "intervals": {"determined_accuracy": [0.9998, 0.9999]},
    "steps": 1200,
    "timing": {"train_seconds": 61.23},
}


def test_the_figures_that_matter():
    assert summary(RESULTS, Path("outputs/mine")).splitlines() == [
        "determined accuracy  0.99988   (95%: 0.99980…0.99990)",
        "target regret        0.00410 nats above the Bayes optimum of 0.21930 a target word",
        "exact match          1.0000 of last sentences, 0.9980 of 4096 prompts as people type them",
        "training             1200 steps in 61.2 s",
        "all of it            outputs/mine",
    ]


def test_what_was_not_measured_is_a_dash():
    nothing = {"determined_accuracy": None, "exact_match": None, "intervals": {"determined_accuracy": None}}
    lines = summary(RESULTS | nothing, Path("outputs/mine")).splitlines()
    assert lines[0] == "determined accuracy  –" and lines[2].startswith("exact match          – of last sentences")
