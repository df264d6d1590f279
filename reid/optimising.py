"""The optimiser of a configuration, and its learning rate along the run."""

import math

import torch
from torch import nn

from reid.config import OptimiserConfig, ScheduleConfig

FACTOR = "factor"
"""Key of a group of parameters: by what its learning rate differs from the others'."""


def make_optimiser(config: OptimiserConfig, modules: list[nn.Module]) -> torch.optim.Optimizer:
    """The optimiser of a configuration; fused, since OSNet has many small tensors."""
    rate, decay = config.learning_rate, config.weight_decay
    groups = _groups(config, modules)
    if config.name == "sgd":
        return torch.optim.SGD(groups, rate, config.momentum, weight_decay=decay, fused=True)
    if config.name == "amsgrad":
        return torch.optim.Adam(groups, rate, weight_decay=decay, amsgrad=True, fused=True)
    return torch.optim.AdamW(groups, rate, weight_decay=decay, fused=True)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get(FACTOR, 1.0)  # a checkpoint from before there were factors has none


def rate_factor(schedule: ScheduleConfig, progress: float, epochs: int) -> float:
    """By what the learning rate is multiplied after `progress` epochs (a fraction) of `epochs`."""
    if progress < schedule.warmup_epochs:
        return (progress + 1e-3) / (schedule.warmup_epochs + 1e-3)
    if schedule.kind == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress / (schedule.span or epochs)))
    return float(0.1 ** sum(progress >= milestone for milestone in schedule.milestones))


def _groups(config: OptimiserConfig, modules: list[nn.Module]) -> list[dict[str, object]]:
    """One group of parameters, or two where normalisation layers learn at a rate of their own."""
    parameters = [parameter for module in modules for parameter in module.parameters()]
    if config.normalisation_factor == 1:
        return [{"params": parameters, FACTOR: 1.0}]
    norms = {
        id(parameter)
        for module in modules
        for part in module.modules()
        if isinstance(part, nn.BatchNorm2d | nn.InstanceNorm2d)
        for parameter in part.parameters()
    }
    return [
        {"params": [p for p in parameters if id(p) not in norms], FACTOR: 1.0},
        {"params": [p for p in parameters if id(p) in norms], FACTOR: config.normalisation_factor},
    ]
