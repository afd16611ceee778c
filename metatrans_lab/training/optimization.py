"""Optimisers by name, and the learning rates of a step."""

from concurrent.futures import Executor

import torch
from torch import nn

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.training.muon import Muon


def build_optimizers(
    model: nn.Module, config: TrainingConfig, pool: Executor | None = None
) -> list[torch.optim.Optimizer]:
    """One optimiser, or with "muon" two: Muon for the matrices inside the model, AdamW for the rest.

    Embeddings and the head, whose rows are words or places, stay with AdamW. An LSTM's matrices are orthogonalised
    gate by gate, by the threads of a `pool` if there is one.
    """
    # Fused, Adam goes over the weights once instead of a dozen times.
    adam = {
        "fused": True,
        "lr": config.learning_rate,
        "betas": tuple(config.adam_betas),
        "weight_decay": config.weight_decay,
    }
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if config.optimizer == "adam":
        optimizers = [torch.optim.Adam(parameters.values(), **adam)]
    elif config.optimizer == "adamw":
        optimizers = [torch.optim.AdamW(parameters.values(), **adam)]
    else:
        tables = [m for m in model.modules() if isinstance(m, nn.Embedding)] + [model.get_output_embeddings()]
        words = {id(table.weight) for table in tables if table is not None}
        inner = [p for p in parameters.values() if p.ndim == 2 and id(p) not in words]
        outer = [p for p in parameters.values() if p.ndim != 2 or id(p) in words]
        gates = {id(p) for m in model.modules() if isinstance(m, nn.LSTM) for p in m.parameters()}
        groups = [
            {"params": [p for p in inner if id(p) in gates], "blocks": 4},
            {"params": [p for p in inner if id(p) not in gates], "blocks": 1},
        ]
        muon = Muon(
            [group for group in groups if group["params"]],
            lr=config.muon_learning_rate,
            momentum=config.muon_momentum,
            weight_decay=config.weight_decay,
            pool=pool,
        )
        optimizers = [muon, torch.optim.AdamW(outer, **adam)]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers


def set_learning_rates(optimizers: list, factor: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(group["base_lr"] * factor)
            else:
                group["lr"] = group["base_lr"] * factor


def make_capturable(optimizers: list, device: torch.device) -> None:
    """Has a CUDA graph of their steps follow the learning rates: as tensors on the device, as are Adam's step counts.

    Before the first step, and after a state was loaded.
    """
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32, device=device).clone()
            if "capturable" in group:
                group["capturable"] = True
