"""The checkout of the repository, which experiments need: an installed package has no train.py, configs/ or pages."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

if not (ROOT / "train.py").is_file():
    raise ImportError(
        f"experiments run train.py and configs/ of a checkout of the repository, and {ROOT} is none: install the "
        "checkout with pip install --editable"
    )
