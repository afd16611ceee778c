"""The command's start: what an exact answer needs, and what is left for later; and where it prints to."""

import json
import os
import subprocess
import sys

import pytest

RULES = ["--example", "red = dax", "--example", "blue red = wif dax"]


def run_and_list_modules(*arguments: str) -> tuple[str, set[str]]:
    """What the command prints, and the packages that it has run."""
    program = (
        "import json, sys\n"
        "from metatrans_lab.apps.startup import main\n"
        f"sys.argv = ['metatrans', *{list(arguments)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "waits = lambda module: getattr(vars(module).get('__getattr__'), '__name__', '') == 'run_first'\n"
        "ran = [name for name, module in sys.modules.items() if '.' not in name and not waits(module)]\n"
        "print(json.dumps(ran), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


def test_an_exact_answer_and_help_need_neither_torch_nor_transformers_nor_datasets():
    for arguments in (["translate", *RULES, "--no_model", "blue red"], ["--help"], ["--version"], ["puzzle"]):
        printed, ran = run_and_list_modules(*arguments)
        assert printed and "numpy" in ran
        assert not {"torch", "transformers", "datasets", "dataset_script", "modeling_metalstm"} & ran


def test_what_was_postponed_runs_when_it_is_asked_for(model):
    printed, ran = run_and_list_modules("translate", model, *RULES, "--json", "blue red")
    assert json.loads(printed)["model"]["words"] and {"torch", "transformers", "modeling_metalstm"} <= ran


def test_what_imports_transformers_at_once_has_torch_run_first():
    """The help of `train` tells the model's keys; a module of torch that is imported before torch has run crashes."""
    printed, ran = run_and_list_modules("train", "--help")
    assert "--model.recurrence" in printed and {"torch", "transformers"} <= ran


START = [sys.executable, "-c", "from metatrans_lab.apps.startup import main; main()"]
FEW = ["--num_episodes", "4"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["translate", "--help"],
        ["translate", "--no_model", *RULES, "blue red"],
        ["translate", "--no_model", *RULES, "blue red", "--json"],
        ["translate", "--no_model", "--check", "rules"],
        ["translate", "--no_model"],
        ["puzzle", "--seed", "7"],
        ["puzzle", "--check", "puzzle"],
        ["train", "--help"],
        ["evaluate", "--help"],
        ["evaluate", "unigram", *FEW],
        ["evaluate", "unigram", *FEW, "--json"],
        ["compare", "--help"],
        ["demo", "--help"],
        ["push-dataset", "--help"],
    ],
    ids=" ".join,
)
def test_a_reader_that_leaves_is_no_error(tmp_path, arguments):
    """Whether what is printed is kept back until the end, or not."""
    (tmp_path / "rules").write_text("red = dax\n? red = wif\n")
    (tmp_path / "puzzle").write_text("red = dax\nred = ?\n")
    for unbuffered in ("", "1"):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [*START, *arguments],
            input=b"red = dax\nred\n",
            stdout=writer,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            timeout=120,
        )
        os.close(writer)
        # argparse takes it for printed, where it prints at once.
        assert done.returncode in ((0, 141) if unbuffered else (141,))
        assert not [word for word in (b"Traceback", b"BrokenPipe", b"metatrans:") if word in done.stderr]


def test_where_nothing_can_be_printed(tmp_path):
    answer = [*START, "translate", "--no_model", *RULES, "blue red"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(answer, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 1 and done.stderr == "metatrans: can't print it: No space left on device\n"
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *answer]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == ""
