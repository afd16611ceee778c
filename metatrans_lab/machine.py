"""What the machine can do: its cores, its memory, its arithmetic."""

import contextlib
import ctypes
import os
from pathlib import Path

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8


def share_of_cores() -> int:
    """The cores that this process may use, shared among the processes that a launcher started on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def choose_mixed_precision(wanted: str) -> str:
    """ "auto" is bf16 where it is multiplied natively, by GPUs since Ampere and CPUs with AVX512-BF16 or AMX."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if native else "no"


def keep_memory() -> None:
    """Has this process keep the memory that it frees, where the C library is glibc.

    By default every large buffer is given back and comes anew, page fault by page fault, at every training step.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    # From malloc.h: one arena for all threads, in the heap up to the largest size allowed, never trimmed.
    for option, value in ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, 32 << 20), (M_TRIM_THRESHOLD, (1 << 31) - 1)):
        mallopt(option, value)


def memory_bytes() -> int | None:
    """Of the machine, or of the container if that is allowed less; None where it can't be told."""
    sizes = []
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):  # the word "max": no limit
        sizes.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(sizes, default=None)
