"""Parameters and multiply-adds of a network, counted where they happen."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Complexity:
    """parameters counts every tensor once; parameters_by_use counts a layer again each time that it runs, as the
    reference implementation does with the gate that all streams share. multiply_adds: convolutions and fully
    connected layers of one image with their biases; normalisation and the classifier left out.
    """

    parameters: int
    parameters_by_use: int
    multiply_adds: int


def measure(network: nn.Module, height: int, width: int) -> Complexity:
    """Count one forward pass of an image (1, 3, height, width). Runs on the meta device: no arithmetic happens.

    The network must be on the meta device (build it under `torch.device("meta")`) or on the CPU.
    """
    multiply_adds = 0
    by_use = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal multiply_adds, by_use
        by_use += sum(parameter.numel() for parameter in module.parameters(recurse=False))
        if isinstance(module, nn.Conv2d | nn.Linear):
            # Every output element is a sum over one row of the weight tensor, plus the bias.
            multiply_adds += output.numel() * (module.weight[0].numel() + (module.bias is not None))

    handles = [module.register_forward_hook(count) for module in network.modules()]
    training = network.training
    device = next(network.parameters()).device
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, height, width, device=device))
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    heads = [module for name, module in network.named_children() if name == "classifier"]
    head = sum(parameter.numel() for module in heads for parameter in module.parameters())
    return Complexity(sum(p.numel() for p in network.parameters()) - head, by_use, multiply_adds)
