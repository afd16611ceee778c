import json

from metatrans_lab.experiments.runs import first_at, read_evaluations, read_log


def test_the_lines_of_a_log(tmp_path):
    training = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]
    evaluations = [
        {"step": 1, "eval_loss": 2.0, "determined_accuracy": 0.5, "seconds": 0.1},
        {"step": 2, "eval_loss": 1.0, "determined_accuracy": 0.9, "seconds": 0.2},
    ]
    lines = [training[0], evaluations[0], {"step": 1, "rolled_back_from": 2}, training[1], evaluations[1]]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert read_log(tmp_path) == training and read_evaluations(tmp_path) == evaluations
    assert first_at(evaluations, 0.9, "step") == 2 and first_at(evaluations, 0.4, "seconds") == 0.1
    assert first_at(evaluations, 0.99, "step") == "–"
