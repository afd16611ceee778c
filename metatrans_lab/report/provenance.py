"""What figures were measured on: the device, and the versions of the packages."""

import importlib.metadata
import importlib.util
import platform
from pathlib import Path

import torch

from dataset_script.families.contract import GENERATOR_VERSION
from metatrans_lab.machine import share_of_cores


def describe_device(device: torch.device) -> str:
    """A device in words: the GPU's name, or the CPU's with the number of cores."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{device.type} ({model}, {share_of_cores()} cores)"


def versions() -> dict[str, str]:
    """The versions of Python, of the packages that matter and are there, and of the generator of episodes."""
    packages = ("torch", "transformers", "datasets", "accelerate", "huggingface_hub", "numpy")
    there = [package for package in packages if importlib.util.find_spec(package) is not None]
    found = {package: importlib.metadata.version(package) for package in there}
    return {"python": platform.python_version(), "generator": str(GENERATOR_VERSION)} | found
