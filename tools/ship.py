"""Copies a trained run to the models that come with metatrans.

    python tools/ship.py outputs/optimum-0 translator

Its code is the package's, to which one file refers, and the paths of the machine that it was trained on are left out.
"""

import json
import shutil
import sys
from pathlib import Path

import yaml

from metatrans_lab.model_names import PRETRAINED

CODE = '''"""The code of this model is that of the package that it comes with."""

try:
    from modeling_metalstm import InContextTranslationPipeline, MetaLSTMConfig, MetaLSTMForCausalLM, MetaLSTMModel
except ImportError as error:
    raise ImportError(
        "This folder has no code of its own: install the package `metatrans`, or load the model where that is "
        "installed and `save_pretrained` it, which puts its code beside it."
    ) from error

__all__ = ["InContextTranslationPipeline", "MetaLSTMConfig", "MetaLSTMForCausalLM", "MetaLSTMModel"]
'''
"""What `trust_remote_code=True` runs where the package is installed and not imported yet."""

COPIED = ("model.safetensors", "generation_config.json", "chat_template.jinja", "loss.png", "shots.png")


def main(run: str, name: str) -> None:
    """Copies the run in a folder as the model of that name.

    The card's example then loads it by `pretrained` instead of by its folder.
    """
    source, folder = Path(run), PRETRAINED / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in COPIED:
        shutil.copyfile(source / file, folder / file)
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (folder / file).write_text(_refer_to_package((source / file).read_text()))
    (folder / "package_code.py").write_text(CODE)
    results = json.loads((source / "results.json").read_text())
    _forget_folders(results["config"])
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    config = yaml.safe_load((source / "training_config.yaml").read_text())
    _forget_folders(config)
    (folder / "training_config.yaml").write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    card = (source / "README.md").read_text().replace("- custom_code\n", "")
    card = card.replace(f"\n# {config['name']}\n", f"\n# {name}\n").replace(
        f"- name: {config['name']}\n", f"- name: {name}\n"
    )
    if "from transformers import pipeline\n" not in card:  # of languages that aren't a word for a word
        (folder / "README.md").write_text(card)
        return
    began, rest = card.split("from transformers import pipeline\n")
    _, rest = rest.split('translator = pipeline("in-context-translation",', 1)
    rest = rest.split("\n", 1)[1]
    card = (
        f"{began}import modeling_metalstm\nfrom metatrans_lab.models import pretrained\n"
        "from transformers import pipeline\n\n"
        f'translator = pipeline("in-context-translation", model=pretrained("{name}"))\n{rest}'
    )
    (folder / "README.md").write_text(card)


def _refer_to_package(text: str) -> str:
    """A JSON file's text, with the classes that it names, of its own code, in `package_code.py`."""
    values = json.loads(text)
    for auto_class, name in values.get("auto_map", {}).items():
        values["auto_map"][auto_class] = f"package_code.{name.split('.')[-1]}"
    for task in values.get("custom_pipelines", {}).values():
        task["impl"] = f"package_code.{task['impl'].split('.')[-1]}"
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _forget_folders(config: dict) -> None:
    """Leaves of a run's folders the names alone, or nothing."""
    config["output_dir"] = None
    if config.get("initial_weights") is not None:
        config["initial_weights"] = Path(config["initial_weights"]).name


if __name__ == "__main__":
    main(*sys.argv[1:])
