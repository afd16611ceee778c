"""Cached runs of train.py: a run in the folder is used if it is the one that is asked for; else it is trained."""

import argparse
import json
import reprlib
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from transformers import PreTrainedModel

from dataset_script.families.contract import GENERATOR_VERSION
from metatrans_lab.config.command_line import parse_overrides, read_config
from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.config.typed import from_dict
from metatrans_lab.config.yaml_files import read_file
from metatrans_lab.errors import UserError, exit_with
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.models.load import load_model
from metatrans_lab.runs.identity import FREE_KEYS
from metatrans_lab.runs.storage import CONFIG, RESULTS

LOG_KEYS = ("log_every", "eval_every", "eval_episodes")
"""Keys that don't shape a model, but the lines of its log, which studies read."""


def trained(
    options: argparse.Namespace, name: str, *overrides: str, config: str | None = None
) -> tuple[PreTrainedModel, dict]:
    """A run's model and its results.json, as of `finished_run`.

    Raises:
        SystemExit: the config can't be read, or train.py failed; the reason was printed.
    """
    results = finished_run(options, name, *overrides, config=config)
    return load_model(str(options.runs / name)), results


def finished_run(
    options: argparse.Namespace,
    name: str,
    *overrides: str,
    config: str | None = None,
    script: tuple[str, ...] = ("train.py",),
) -> dict:
    """A run's results.json; the run is trained first, unless it is in its folder already.

    Args:
        options: the study's, as of `studies.read_arguments`: the folder of the `runs`, and the study's `config`.
        name: the run's folder in it.
        overrides: of train.py, as `--key value`.
        config: name of a file of configs/; None: the study's.
        script: train.py, or another script with its first arguments, which takes what train.py takes.

    Raises:
        SystemExit: the config can't be read, or the script failed; the reason was printed.
    """
    folder = options.runs / name
    recipe = ROOT / "configs" / f"{config or options.config}.yaml"
    try:
        asked = read_config(str(recipe), parse_overrides(list(overrides)))
    except UserError as error:
        exit_with(error, name)
    reason = why_not(folder, asked)
    if reason is not None:
        print(f"training {name}: {reason}", flush=True)
        command = [sys.executable, str(ROOT / script[0]), *script[1:]]
        command += ["--config", str(recipe), "--output_dir", str(folder), "--overwrite", "true", *overrides]
        done = subprocess.run(command, stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            sys.exit(done.returncode)
    return json.loads((folder / RESULTS).read_text())


def why_not(folder: Path, asked: TrainingConfig) -> str | None:
    """The first difference between the run in a folder and the one that is asked for, in words; None: it is that run.

    A key that the run's config lacks was added after the run, and counts as having its default.
    """
    try:
        results = json.loads((folder / RESULTS).read_text())
    except OSError:
        return f"{folder} has no finished run"
    except ValueError:
        return f"{folder / RESULTS} is not JSON"
    try:
        generator = results["versions"]["generator"]
        logged = read_file(folder / CONFIG)
        values = results["config"] | {key: logged[key] for key in LOG_KEYS if key in logged}
        found = _settings(from_dict(TrainingConfig, values))
    except (KeyError, TypeError, ValueError) as error:
        return f"the run in {folder} doesn't say what it was made with ({error})"
    if generator != str(GENERATOR_VERSION):
        return f"the run in {folder} was made with generator {generator}, not {GENERATOR_VERSION}"
    difference = _difference(found, _settings(asked))
    return None if difference is None else f"the run in {folder} was made with {difference}"


def _settings(config: TrainingConfig) -> dict:
    """All settings that shape a run and its log, as JSON gives them back; of languages every knob, given or not."""
    values = {key: value for key, value in asdict(config).items() if key not in FREE_KEYS or key in LOG_KEYS}
    values["language"] = _knobs(config, {})
    for stage in values["curriculum"]:
        stage["languages"] = [_knobs(config, knobs) for knobs in stage["languages"]]
    return json.loads(json.dumps(values))


def _knobs(config: TrainingConfig, knobs: dict) -> dict:
    """All knobs of the run's languages, or of a stage's."""
    language = config.language_config(knobs)
    return {"family": language.family} | language.knobs()


def _difference(found: object, asked: object, where: str = "") -> str | None:
    """The first place where two JSON values differ: 'language.num_pairs 10, not 16'."""
    if found == asked:
        return None
    places = []
    if isinstance(found, dict) and isinstance(asked, dict):
        prefix = f"{where}." if where else ""
        places = [(found.get(key), asked.get(key), f"{prefix}{key}") for key in found | asked]
    elif isinstance(found, list) and isinstance(asked, list) and len(found) == len(asked):
        places = [(a, b, f"{where}[{i}]") for i, (a, b) in enumerate(zip(found, asked, strict=True))]
    inside = (_difference(*place) for place in places)
    return next(filter(None, inside), f"{where} {reprlib.repr(found)}, not {reprlib.repr(asked)}")
