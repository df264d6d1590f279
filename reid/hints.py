"""Learning from the maps inside a teacher (FitNets, Romero et al. 2015), at first every part of the trunk by itself.

The teacher and the student must be built alike: where a place is named, its maps have the same shape in both.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from reid.errors import ReidError
from reid.osnet import OSNet
from reid.preprocess import FloatArray

SMALLEST_SPREAD = 0.05
"""Of a channel, as a share of the channels' mean spread: a channel that is nearly always still is not blown up."""
SMALLEST_SHARE = 0.25
"""Of a channel's spread in its root mean square: one that is nearly always the same has first to be found there."""


def spreads(maps: Mapping[str, FloatArray]) -> dict[str, Tensor]:
    """Maps (n, c, h, w) by place -> by what every channel is divided, (c, 1, 1): mostly its standard deviation."""
    found = {}
    for place, values in maps.items():
        spread = values.std(axis=(0, 2, 3))
        spread = np.maximum(spread, SMALLEST_SHARE * np.hypot(spread, values.mean(axis=(0, 2, 3))))
        found[place] = torch.from_numpy(np.maximum(spread, SMALLEST_SPREAD * spread.mean() + 1e-6))[:, None, None]
    return found


def scaled(maps: Mapping[str, Tensor], spread: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The teacher's maps with every channel of the same size; ReLU networks are as good in any such unit."""
    return {place: values / spread[place].to(values.device) for place, values in maps.items()}


def followed(network: OSNet, images: Tensor, given: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """Features (n, d), and the map that the network makes at every place (OSNet.places). given: by place, what is seen
    behind it instead of ours, so that every part learns before its predecessors know theirs.
    """
    maps: dict[str, Tensor] = {}

    def watch(place: str) -> Callable[..., Tensor | None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
            maps[place] = output
            return given.get(place)

        return hook

    handles = [module.register_forward_hook(watch(place)) for place, module in network.places().items()]
    try:
        return network(images), maps
    finally:
        for handle in handles:
            handle.remove()


def hint_loss(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> Tensor:
    """The sum over the places of the mean squared difference of the maps, theirs being scaled."""
    parts = [(ours[place].float() - maps).square().mean() for place, maps in theirs.items()]
    return torch.stack(parts).sum()


def check_places(network: OSNet, shapes: Mapping[str, tuple[int, ...]], height: int, width: int) -> None:
    """Raises ReidError for a place that the network has not, or where its map has another shape (c, h, w)."""
    with torch.no_grad():
        _, own = followed(network.eval(), torch.zeros(1, 3, height, width), {})
    for place, shape in shapes.items():
        if place not in own:
            raise ReidError(f"hints: {place!r} is no place of this network; it has {', '.join(own)}")
        if tuple(own[place].shape[1:]) != shape:
            ours = "x".join(map(str, own[place].shape[1:]))
            raise ReidError(f"hints: at {place} the teacher's map is {'x'.join(map(str, shape))}, the network's {ours}")
