"""torch's random generators, as a checkpoint holds them."""

import torch


def random_state() -> dict:
    """torch's generators on the CPU and every GPU: dropout draws from them."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}


def set_random_state(state: dict) -> None:
    torch.set_rng_state(state["cpu"])
    if len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
