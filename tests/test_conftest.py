"""What the options of conftest.py do."""

import subprocess
import sys
from pathlib import Path

import pytest

FILES = {
    "test_whole.py": "import pytest\n\npytest.skip('no browser', allow_module_level=True)\n",
    "test_parts.py": """import pytest

@pytest.mark.skip(reason='no disk')
def test_marked():
    pass

def test_midway():
    pytest.skip('no network')

def test_fine():
    pass
""",
}


@pytest.mark.parametrize(
    "options, code, closing", [((), 0, "1 passed, 3 skipped in"), (("--no-skips",), 1, "1 failed, 1 passed, 2 errors")]
)
def test_no_skips_makes_a_skip_a_failure(tmp_path, options, code, closing):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "-p", "tests.conftest", "-ra"]
    command += ["--continue-on-collection-errors", *options, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == code and closing in done.stdout, done.stdout + done.stderr
    assert all(reason in done.stdout for reason in ("no browser", "no disk", "no network"))
