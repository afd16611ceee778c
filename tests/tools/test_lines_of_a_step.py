"""What CONTRIBUTING says one can count, counted."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_lists_what_a_step_runs():
    command = [sys.executable, str(ROOT / "tools" / "lines_of_a_step.py"), "--config", str(ROOT / "configs/tiny.yaml")]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout
    *rows, total = printed.splitlines()
    lines = {path: (int(read), int(whole)) for read, whole, path in re.findall(r"(\d+) of +(\d+)  (\S+)", printed)}
    assert len(lines) == len(rows) and total.split()[0] == str(sum(read for read, _ in lines.values()))
    assert lines["train.py"] == (len((ROOT / "train.py").read_text().splitlines()),) * 2
    for path in ("dataset_script/families/lexicon.py", "metatrans_lab/training/training.py"):
        assert 20 < lines[path][0] < lines[path][1]
    assert not any(path.startswith(("tools/", "tests/", "metatrans_lab/runs/")) for path in lines)
