"""A wheel, built from the tree as it is, does what README promises of it where nothing else of ours is."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from metatrans_lab.page import SCRIPTS

ROOT = Path(__file__).parents[1]
PAGES = ("README", "docs/tutorial", "docs/your-own-language", "docs/your-own-model", "docs/language-families")
PACKAGES = ("dataset_script", "modeling_metalstm", "metatrans_lab")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A built wheel."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in (*PACKAGES, "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "train.py"):
        shutil.copy(ROOT / name, source)
    # By way of a source distribution, as an index of packages has it: what that lacks, the wheel can't have.
    build = (
        "import os, tarfile\n"
        "from setuptools import build_meta\n"
        "archive = tarfile.open(build_meta.build_sdist('.'))\n"
        "archive.extractall('unpacked', filter='data')\n"
        "os.chdir(os.path.join('unpacked', *os.listdir('unpacked')))\n"
        f"build_meta.build_wheel({str(folder)!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def run(wheel, tmp_path_factory):
    """`run(code)` runs a Python program, where the wheel's packages are the ones that are found; gives its stdout."""
    site, folder = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("run")
    zipfile.ZipFile(wheel).extractall(site)

    def run(code: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(site)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.folder, run.site = folder, site
    return run


def command(*arguments: str) -> str:
    """A program that runs the command `metatrans`."""
    return f"import sys\nfrom metatrans_lab.apps.startup import main\nsys.argv[1:] = {list(arguments)!r}\nmain()"


def test_it_has_the_script_the_recipes_the_models_the_page_and_the_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    recipes = {f"metatrans_lab/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "configs").rglob("*.yaml")}
    assert recipes <= names and {name for name in names if "/configs/" in name} == recipes
    assert {"metatrans_lab/train.py", "metatrans_lab/pretrained/translator/model.safetensors"} <= names
    page = {f"metatrans_lab/page/{path.name}" for path in (ROOT / "metatrans_lab" / "page").iterdir()}
    assert page <= names and "metatrans_lab/page/model.js" in page
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert {f"metatrans_lab/page/{script}" for script in SCRIPTS} <= names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)


def test_it_trains(run):
    where = run("import metatrans_lab.shipped as shipped; print(shipped.TRAIN, shipped.CONFIGS)")
    assert where.split() == [f"{run.site}/metatrans_lab/{name}" for name in ("train.py", "configs")]
    few = ["--num_steps", "4", "--warmup_steps", "1", "--decay_steps", "2", "--num_threads", "1"]
    said = run(command("train", "--config", "tiny", "--name", "few", *few))
    assert "4 steps" in said and said.splitlines()[-1].split() == ["all", "of", "it", "outputs/few"]
    assert (run.folder / "outputs/few/model.safetensors").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_pages_python_runs(run, page):
    code = "".join(re.findall(r"```python\n(.*?)```", (ROOT / f"{page}.md").read_text(), re.S))
    code = code.replace("STEPS = 400", "STEPS = 9")
    found = run(f"{code}\nimport metatrans_lab\nprint(metatrans_lab.__file__)")
    assert found.splitlines()[-1] == f"{run.site}/metatrans_lab/__init__.py"
