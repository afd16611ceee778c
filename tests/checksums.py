import hashlib
from pathlib import Path


def reseal(checkpoint: Path) -> None:
    """Writes a checkpoint's checksums anew, as somebody could who changed its files and means it."""
    names = ("model.safetensors", "state.pt", "progress.json")
    lines = [f"{hashlib.sha256((checkpoint / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (checkpoint / "SHA256SUMS").write_text("".join(lines))
