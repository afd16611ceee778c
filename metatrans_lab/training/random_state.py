"""torch's random generators, as a checkpoint holds them."""

import torch


def random_state() -> dict:
    """The states of torch's generators on the CPU and every GPU, from which dropout draws."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}


def set_random_state(state: dict) -> None:
    """Puts the generators into these states; those of GPUs only if there are as many as there were."""
    torch.set_rng_state(state["cpu"])
    if len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
