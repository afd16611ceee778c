"""The oldest versions that setup.cfg allows are those that are tested."""

import re
from pathlib import Path

from packaging.version import Version

ROOT = Path(__file__).parents[1]


def test_make_test_oldest_pins_the_lower_bounds():
    bounds = re.findall(r"^ +([\w-]+)>=(\S+)$", (ROOT / "setup.cfg").read_text(), re.M)
    pins = dict(re.findall(r"^(\w+)==(\S+)$", (ROOT / "constraints-oldest.txt").read_text(), re.M))
    pinned = {name: Version(pins[name.replace("-", "_")]) for name, _ in bounds}
    assert pinned == {name: Version(bound) for name, bound in bounds} and len(pinned) >= 5
