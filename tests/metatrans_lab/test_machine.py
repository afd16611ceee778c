import os

import pytest
import torch

from metatrans_lab.machine import choose_mixed_precision, share_of_cores
from metatrans_lab.training.random_state import random_state, set_random_state


def test_cores_are_shared_among_the_processes_of_a_machine(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    for processes, cores in (("1", 6), ("2", 3), ("12", 1)):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
        assert share_of_cores() == cores


@pytest.mark.parametrize("native", [True, False])
def test_auto_precision_follows_the_processor(monkeypatch, native):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert choose_mixed_precision("auto") == ("bf16" if native else "no")
    assert choose_mixed_precision("no") == "no"


def test_random_state_round_trip():
    state = random_state()
    first = torch.rand(3)
    set_random_state(state)
    assert torch.equal(torch.rand(3), first)
