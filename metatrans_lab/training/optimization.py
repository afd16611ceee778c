"""Optimisers by name, and the learning rates of a step."""

from concurrent.futures import Executor
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from metatrans_lab.config.keys import TrainingConfig
from metatrans_lab.training.muon import Muon
from modeling_metalstm.matrix_layer_metalstm import MatrixMemoryLayer


def build_optimizers(
    model: PreTrainedModel, config: TrainingConfig, pool: Executor | None = None
) -> list[torch.optim.Optimizer]:
    """One optimiser, or with "muon" two: Muon for the matrices inside the model, AdamW for the rest.

    Embeddings and the head are AdamW's: each of their rows belongs to a token or a position and has its own gradient.
    So are the gates of a matrix memory, a row a head. An LSTM's matrices are orthogonalised gate by gate, and so are
    those of a matrix memory's queries, keys, values and output gates, by the threads of a `pool` if there is one.
    """
    # Fused, Adam reads and writes the weights once a step instead of a dozen times.
    adam: dict[str, Any] = {
        "fused": True,
        "lr": config.learning_rate,
        "betas": tuple(config.adam_betas),
        "weight_decay": config.weight_decay,
    }
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimizers: list[torch.optim.Optimizer]
    if config.optimizer == "adam":
        optimizers = [torch.optim.Adam(parameters.values(), **adam)]
    elif config.optimizer == "adamw":
        optimizers = [torch.optim.AdamW(parameters.values(), **adam)]
    else:
        tables = [m for m in model.modules() if isinstance(m, nn.Embedding)] + [model.get_output_embeddings()]
        memories = [module for module in model.modules() if isinstance(module, MatrixMemoryLayer)]
        tables += [memory.gates for memory in memories]
        rows = {id(table.weight) for table in tables if table is not None}
        inner = [p for p in parameters.values() if p.ndim == 2 and id(p) not in rows]
        outer = [p for p in parameters.values() if p.ndim != 2 or id(p) in rows]
        fours = {id(p) for m in model.modules() if isinstance(m, nn.LSTM) for p in m.parameters()}
        fours |= {id(memory.in_proj.weight) for memory in memories}
        groups = [
            {"params": [p for p in inner if id(p) in fours], "blocks": 4},
            {"params": [p for p in inner if id(p) not in fours], "blocks": 1},
        ]
        muon = Muon(
            [group for group in groups if group["params"]],
            lr=config.muon_learning_rate,
            momentum=config.muon_momentum,
            iterations=config.muon_iterations,
            weight_decay=config.weight_decay,
            pool=pool,
        )
        optimizers = [muon, torch.optim.AdamW(outer, **adam)]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers


def set_learning_rates(optimizers: list, factor: float) -> None:
    """Sets every learning rate to `factor` × the one that the optimiser was built with."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            if isinstance(group["lr"], torch.Tensor):  # in place, for CUDA graphs that read it
                group["lr"].fill_(group["base_lr"] * factor)
            else:
                group["lr"] = group["base_lr"] * factor


def make_capturable(optimizers: list, device: torch.device) -> None:
    """Makes the learning rates and Adam's step counts tensors on the device, where CUDA graphs of steps read them.

    Call it before the first step, and again after a state was loaded.
    """
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32, device=device).clone()
            if "capturable" in group:
                group["capturable"] = True
