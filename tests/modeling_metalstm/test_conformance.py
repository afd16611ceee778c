"""
transformers' own model, generation and configuration tests, run against our classes.

They come with transformers' source distribution, of the installed version, from the package registry; or from a
checkout of it, if `METATRANS_TRANSFORMERS` names one. The distribution carries `tests/test_*.py` but no folder below:
where a file is missing that these import, a stand-in of ours says so by a skip.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest
import transformers

pytestmark = pytest.mark.conformance

CASES = Path(__file__).with_name("conformance_cases.py")
ROOT = Path(__file__).parents[2]
MISSING = "transformers' source distribution doesn't carry {}; a checkout at METATRANS_TRANSFORMERS does"

# What stands in for a file that isn't in the distribution, by its path in `tests`.
STAND_INS = {
    "exporters/test_export.py": """
class ExportTesterMixin:
    def test_export_mixin(self):
        self.skipTest({missing!r})
""",
    "generation/test_utils.py": """
class GenerationTesterMixin:
    def test_generation_mixin(self):
        self.skipTest({missing!r})

    test_generation_tester_mixin_inheritance = test_left_padding_compatibility = test_generation_mixin
""",
    "utils/test_configuration_utils.py": """
config_common_kwargs = {{
    "architectures": ["Some"],
    "chunk_size_feed_forward": 3,
    "dtype": "float16",
    "id2label": {{0: "zero"}},
    "label2id": {{"zero": 0}},
    "output_hidden_states": True,
    "problem_type": "regression",
    "return_dict": False,
    "bos_token_id": 5,
    "eos_token_id": 6,
    "pad_token_id": 7,
}}
""",
}


def run(*command, **kwargs):
    return subprocess.run(command, capture_output=True, text=True, timeout=1800, **kwargs)


def pip(*arguments):
    """Asks the package registry; skips the test, with pip's own last word, where it doesn't answer."""
    result = run(sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", *arguments)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        pytest.skip(f"pip {arguments[0]} {arguments[-1]} failed: {reason}")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder to import from: `tests`, and what it needs that we don't."""
    folder = tmp_path_factory.mktemp("conformance")
    tests = folder / "tests"
    checkout = os.environ.get("METATRANS_TRANSFORMERS")
    if checkout:
        for name in ("tests", "utils"):
            (folder / name).symlink_to(Path(checkout).absolute() / name)
    else:
        # The metadata that pip insists on is built with the setuptools at hand; nothing is compiled.
        source = ("--no-deps", "--no-binary", "transformers", "--no-build-isolation", "--dest", str(folder))
        pip("download", *source, f"transformers=={transformers.__version__}")
        with tarfile.open(next(folder.glob("transformers-*.tar.gz"))) as archive:
            archive.extractall(folder, filter="data")
        next(folder.glob("transformers-*/tests")).rename(tests)
        (tests / "__init__.py").touch()
        for name, code in STAND_INS.items():
            path = tests / name
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(code.format(missing=MISSING.format(f"tests/{name}")))
    pip("install", "--quiet", "--no-deps", "--target", str(folder), "parameterized")
    return folder


def test_transformers_own_tests_pass(library, capsys):
    cases, report = library / "test_metalstm.py", library / "report.xml"
    shutil.copyfile(CASES, cases)  # away from our conftest.py, which isn't meant for it
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(library), str(ROOT)]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    options = ("-q", "-p", "no:cacheprovider", "--override-ini=addopts=", f"--rootdir={library}")
    result = run(
        sys.executable, "-m", "pytest", *options, f"--junitxml={report}", str(cases), cwd=library, env=environment
    )
    assert report.is_file(), result.stdout + result.stderr
    results = list(ElementTree.parse(report).iter("testcase"))
    skips = Counter(skip.get("message") for test in results for skip in test.findall("skipped"))
    failed = [test.get("name") for test in results if test.findall("failure") or test.findall("error")]
    num_passed = sum(len(test.findall("skipped")) == 0 for test in results) - len(failed)
    with capsys.disabled():
        print(f"\ntransformers {transformers.__version__}: {num_passed} passed, {len(failed)} failed")
        for reason, count in skips.most_common():
            print(f"{count:4} skipped: {reason}")
    assert not failed, result.stdout[-10_000:]
    assert num_passed > 100, result.stdout[-10_000:]
