"""What the machine can do, and what it is."""

import importlib.metadata
import os
import platform
from pathlib import Path

import torch

from dataset_script.languages import GENERATOR_VERSION


def set_threads(wanted: int | None, num_processes: int) -> None:
    """Threads of torch on a CPU: as wanted, or this process's share of the cores."""
    torch.set_num_threads(wanted or max(1, len(os.sched_getaffinity(0)) // num_processes))


def choose_mixed_precision(wanted: str) -> str:
    """ "auto" is bf16 where it is multiplied natively, by GPUs since Ampere and CPUs with AVX512-BF16 or AMX."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if native else "no"


def describe_device(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{device.type} ({model}, {torch.get_num_threads()} threads)"


def versions() -> dict[str, str]:
    packages = ("torch", "transformers", "datasets", "accelerate", "huggingface_hub", "numpy")
    found = {package: importlib.metadata.version(package) for package in packages}
    return {"python": platform.python_version(), "generator": str(GENERATOR_VERSION)} | found
