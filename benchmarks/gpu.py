"""All that waits for a GPU: is it right, how fast is it, what does it learn. The first four parts take seven minutes.

    python benchmarks/gpu.py [--parts equal training "the post"] [--rounds 3] [--quick] [--output DIR]

It needs torch, transformers, accelerate and matplotlib, and neither our package nor `datasets` installed: `make gpu`
runs it with the machine's own Python, from the repository. Without a GPU, `--quick` shows that each part runs.

1. *equal*: logits, loss and gradients of every stack of layers on the GPU against the reference recurrence on the CPU.
2. *training*: steps a second against the post's loop and the bare products (`training.py`).
3. *time to the optimum*: configs/cpu.yaml from several seeds (`time_to_optimum.py`).
4. *the post*: configs/kyrylov2023.yaml at its full width, 20,000 steps or as many as two minutes allow.
5. *64 words*: configs/words64.yaml.
6. *mixed*: steps a second of configs/mixed.yaml, whose soft labels the CPU makes; not a whole run.

A part that fails says why, and the others go on. OUTPUT gets gpu.json, which `report.py` reads, and a folder gpu with
the other benchmarks' JSON and each run's results, log and pictures. Parts that aren't run again are kept there, if
they are of the same machine and versions.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

import torch

from metatrans_lab.experiments.benchmarks import argument_parser, complete, report
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.goals import figure
from metatrans_lab.experiments.runs import read_log, run_training
from metatrans_lab.report.provenance import describe_device, versions
from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM

STACKS: dict[str, dict] = {
    "lstm": {"layer_types": ["lstm"]},
    "lstm, lstm": {"layer_types": ["lstm", "lstm"]},
    "mlstm": {"layer_types": ["mlstm"]},
    "mlstm_example": {"layer_types": ["mlstm_example"]},
    "delta": {"layer_types": ["delta"]},
    "delta_example": {"layer_types": ["delta_example"]},
    "lstm, mlstm_example, mlstm": {"layer_types": ["lstm", "mlstm_example", "mlstm"]},
    "as configs/mixed.yaml": {
        "layer_types": ["lstm", "mlstm_example", "delta", "delta_example", "delta", "delta_example"],
        "num_shifted_heads": 2,
        "empty_after_start": True,
    },
}
TOLERANCE = 1e-3
"""Of the norm of what is compared; TF32 would be off by more, which isn't allowed here."""

PARTS = ("equal", "training", "time to the optimum", "the post", "64 words", "mixed")

POST_SECONDS, POST_STEPS = 110, 20_000


def equal(quick: bool) -> tuple[dict, list[dict]]:
    """The largest difference of logits, loss and gradients, by stack, as a share of their norms."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    length = 30 if quick else 300  # of several chunks
    differences = {}
    for name, stack in STACKS.items():
        torch.manual_seed(0)
        config = MetaLSTMConfig(
            embedding_size=32, hidden_size=64, max_place_offset=32, initialization="metalstm", **stack
        )
        model = MetaLSTMForCausalLM(config).train()
        tokens = torch.randint(0, 14, (4, length))
        mask = torch.rand(4, length) < 0.9
        model.config.recurrence = "reference"
        expected = _outcome(model, tokens, mask)
        model.config.recurrence = "auto"
        actual = _outcome(model.to(device), tokens.to(device), mask.to(device))
        shares = [float((a - e).norm() / e.norm().clamp(min=1e-6)) for a, e in zip(actual, expected, strict=True)]
        differences[name] = max(shares)
        print(f"{name:<30} off by at most {max(shares):.2e} of the norm")
    figures = [figure("largest difference from the reference on the CPU, of the norm", [max(differences.values())])]
    figures[0] |= {"bar": TOLERANCE, "lower": True, "reached": "bar" if figures[0]["max"] <= TOLERANCE else "no"}
    return differences, figures


def _outcome(model: MetaLSTMForCausalLM, tokens: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
    """Logits, loss and all gradients of a training step, on the CPU."""
    model.zero_grad()
    outputs = model(tokens, attention_mask=mask, labels=tokens)
    outputs.loss.backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    return [x.detach().cpu().float() for x in (outputs.logits, outputs.loss, *gradients)]


def other(name: str, arguments: list[str], output: Path) -> tuple[dict, list[dict]]:
    """Another benchmark's measurements and figures; its JSON is in the output."""
    module = __import__(name)
    module.main([*arguments, "--output", str(output)])
    measured = json.loads((output / f"{name}.json").read_text())
    return measured["results"], measured["figures"]


def run(name: str, arguments: list[str], output: Path) -> dict:
    """The results of a run of train.py, whose results, log and pictures are kept."""
    with tempfile.TemporaryDirectory() as folder:
        made = run_training(Path(folder), arguments)
        (output / name).mkdir(parents=True, exist_ok=True)
        for kept in ("results.json", "log.jsonl", "loss.png", "shots.png"):
            if (made / kept).exists():
                shutil.copy(made / kept, output / name)
        results = json.loads((made / "results.json").read_text())
        results["log"] = read_log(made)
    return results


def the_post(quick: bool, output: Path) -> tuple[dict, list[dict]]:
    """The post's recipe: how many steps two minutes hold, and how near it gets in them."""
    config = ["--config", str(ROOT / "configs" / ("tiny.yaml" if quick else "kyrylov2023.yaml")), "--eval_every", "0"]
    bare = ["--warmup_steps", "0", "--decay_steps", "0", "--save_every", "0", "--mixed_precision", "auto"]
    few = 6 if quick else 400
    short = run("post-speed", [*config, *bare, "--num_steps", str(few), "--final_eval_episodes", "2"], output)
    log = short["log"]
    # The first lines hold what is done once.
    first, last = log[len(log) // 2 - 1], log[-1]
    steps_a_second = (last["step"] - first["step"]) / max(last["seconds"] - first["seconds"], 1e-9)
    steps = 12 if quick else min(POST_STEPS, int(steps_a_second * POST_SECONDS) // 100 * 100)
    whole = run("post", [*config, *bare, "--num_steps", str(steps)], output)
    figures = [
        figure("steps/s of the post's recipe at full width", [steps_a_second]),
        figure(f"determined_accuracy of the post's recipe after {steps} steps", [whole["determined_accuracy"]]),
        figure(f"target_regret of the post's recipe after {steps} steps", [whole["target_regret"]], lower=True),
    ]
    return {"steps": steps, "steps_a_second": steps_a_second, "seconds": whole["timing"]["train_seconds"]}, figures


def words(quick: bool, output: Path) -> tuple[dict, list[dict]]:
    """64 words: how near, and how long it took."""
    name = "tiny" if quick else "words64"
    few = ["--num_steps", "6", "--decay_steps", "0", "--warmup_steps", "0", "--eval_every", "0"] if quick else []
    results = run("words64", ["--config", str(ROOT / "configs" / f"{name}.yaml"), *few], output)
    seconds = results["timing"]["train_seconds"]
    figures = [
        figure("train_seconds of 64 words", [seconds], unit="s", lower=True),
        figure("determined_accuracy of 64 words", [results["determined_accuracy"]], 0.999),
        figure("target_regret of 64 words", [results["target_regret"]], lower=True),
    ]
    return {"seconds": seconds, "steps": results["steps"]}, figures


def mixed(quick: bool, output: Path) -> tuple[dict, list[dict]]:
    """Languages with grammar: how many steps a second, at the size of the last stage."""
    size = {"num_steps": 12 if quick else 200, "batch_size": 2 if quick else 16, "log_every": 4 if quick else 20}
    bare = {"warmup_steps": 0, "decay_steps": 0, "eval_every": 0, "save_every": 0, "final_eval_episodes": 2}
    changed = [str(word) for key, value in (size | bare).items() for word in (f"--{key}", value)]
    changed += ["--curriculum", "[{languages: [{}]}]"]  # as the last stage has them, the ones before are smaller
    if quick:
        changed += ["--language.num_pairs", "2", "--language.sentence_length", "[1, 3]"]
        changed += ["--model.lstm_size", "16", "--model.embedding_size", "16", "--model.hidden_size", "16"]
    results = run("mixed", ["--config", str(ROOT / "configs" / "mixed.yaml"), *changed], output)
    log = results["log"]
    first, last = log[len(log) // 2 - 1], log[-1]
    steps_a_second = (last["step"] - first["step"]) / max(last["seconds"] - first["seconds"], 1e-9)
    return {"steps_a_second": steps_a_second}, [figure("steps/s of configs/mixed.yaml", [steps_a_second])]


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


def measured_before(path: Path, options: argparse.Namespace) -> tuple[dict[str, dict], list[dict]]:
    """Results and figures of the parts that aren't to run, where a file has them of this machine and versions."""
    if not path.exists():
        return {}, []
    before = json.loads(path.read_text())
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    now = (describe_device(device), versions(), options.quick)
    if (before["machine"], before["versions"], before["options"]["quick"]) != now:
        return {}, []
    kept = {part: results for part, results in before["results"].items() if part not in options.parts}
    return kept, [row for row in before["figures"] if row["what"].partition(":")[0] in kept]


def main(arguments: list[str]) -> None:
    parser = argument_parser(__doc__, rounds=3)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS], help="all if not given")
    options = complete(parser.parse_args(arguments))
    options.output = options.output or Path(tempfile.mkdtemp())  # a quick run's that wasn't told where
    output = options.output / "gpu"
    quick = ["--quick"] if options.quick else []
    rounds = ["--rounds", str(options.rounds), *quick]
    parts: dict[str, Callable[[], tuple[dict, list[dict]]]] = {
        "equal": lambda: equal(options.quick),
        "training": lambda: other("training", rounds, output),
        "time to the optimum": lambda: other("time_to_optimum", rounds, output),
        "the post": lambda: the_post(options.quick, output),
        "64 words": lambda: words(options.quick, output),
        "mixed": lambda: mixed(options.quick, output),
    }
    results, figures = measured_before(options.output / "gpu.json", options)
    failed = []
    for name in options.parts:
        part = parts[name]
        print(f"\n{name}", flush=True)
        start = time.perf_counter()
        try:
            measured, rows = part()
        except (Exception, SystemExit) as error:  # the others' figures are worth having
            traceback.print_exc()
            # Of a process that failed the last line; its traceback, which is above, has this machine's folders.
            measured, rows = {"failed": f"{type(error).__name__}: {last_line(str(error))}"}, []
            failed.append(name)
        results[name] = {"seconds": time.perf_counter() - start, "measured": measured}
        figures += [row | {"what": f"{name}: {row['what']}"} for row in rows]
        # After each part, as a machine that is lent may be taken back at any time.
        report("gpu", options, figures, results)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
