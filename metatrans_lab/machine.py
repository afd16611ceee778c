"""The machine: its cores, its memory, and which arithmetic is fast on it."""

import contextlib
import ctypes
import os
from pathlib import Path

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h


def share_of_cores() -> int:
    """The cores that this process may use, shared among the processes that a launcher started on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def choose_mixed_precision(wanted: str) -> str:
    """`wanted`; for "auto", bf16 where the hardware multiplies it (GPUs since Ampere, CPUs with AVX512-BF16, AMX)."""
    if wanted != "auto":
        return wanted
    return "bf16" if multiplies_bf16("cuda" if torch.cuda.is_available() else "cpu") else "no"


def multiplies_bf16(device_type: str) -> bool:
    """Whether a device, "cuda" or a CPU, multiplies bfloat16 matrices in hardware. A CPU that doesn't is some thirty
    times slower at them than at float32.
    """
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def keep_memory() -> None:
    """Has this process keep the memory that it frees, where the C library is glibc.

    By default glibc returns every large buffer to the system when it is freed, and the next training step allocates it
    again, page fault by page fault.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    # One arena for all threads; buffers in its heap rather than mapped, up to the largest size allowed; never trimmed.
    for option, value in ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, 32 << 20), (M_TRIM_THRESHOLD, (1 << 31) - 1)):
        mallopt(option, value)


def memory_bytes() -> int | None:
    """The memory of the machine, or the container's limit if that is less; None where neither is known."""
    sizes = []
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):  # ValueError: the file says "max", which is no limit
        sizes.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(sizes, default=None)
