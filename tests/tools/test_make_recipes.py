import importlib.util
from pathlib import Path

import pytest

from metatrans_lab.config import read_config

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("make_recipes", ROOT / "tools" / "make_recipes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_made_is_up_to_date(tool):
    made = {name: tool.written(name) for name in tool.recipes()}
    there = {str(path.relative_to(tool.CONFIGS)) for path in tool.CONFIGS.rglob("words*.yaml")}
    assert there == set(made)
    for name, text in made.items():
        assert (tool.CONFIGS / name).read_text() == text, f"configs/{name}: run python tools/make_recipes.py"


def test_what_is_written_resolves_to_the_recipe(tool):
    for name, (_, _, recipe) in tool.recipes().items():
        config = read_config(str(tool.CONFIGS / name), {})
        assert all(getattr(config, key) == value for key, value in recipe.items() if key != "curriculum")
        stages = [
            {key: value for key, value in vars(stage).items() if key in given}
            for stage, given in zip(config.curriculum, recipe["curriculum"], strict=True)
        ]
        assert stages == recipe["curriculum"]
