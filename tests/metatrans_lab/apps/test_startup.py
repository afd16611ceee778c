"""The command's start: what an exact answer needs, and what is left for later."""

import json
import subprocess
import sys

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
    for arguments in (["translate", *RULES, "--no_model", "blue red"], ["--help"], ["--version"], ["train", "--help"]):
        printed, ran = run_and_list_modules(*arguments)
        assert printed and "numpy" in ran
        assert not {"torch", "transformers", "datasets", "dataset_script", "modeling_metalstm"} & ran


def test_what_was_postponed_runs_when_it_is_asked_for(model):
    printed, ran = run_and_list_modules("translate", model, *RULES, "--json", "blue red")
    assert json.loads(printed)["model"]["words"] and {"torch", "transformers", "modeling_metalstm"} <= ran
