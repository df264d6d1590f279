"""What a network looks at, which scales its gates choose, and whom it takes for whom, as sheets of pictures."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from torch import Tensor, nn

from reid.osnet import FixedGate, Gate, OSBlock, OSNet
from reid.preprocess import FloatArray, Image, InputSpec, to_batch
from reid.ranking import IntArray, Labels, distance_blocks

TILE_HEIGHT, TILE_WIDTH, MARGIN, FRAME = 192, 96, 8, 4
WHITE, GREEN, RED, BLUE = (255, 255, 255), (60, 160, 40), (40, 40, 210), (200, 120, 30)
"""BGR, as OpenCV draws."""
Tile = tuple[Image, tuple[int, int, int]]
"""A picture and the colour of its frame."""


def activation_maps(network: OSNet, pictures: Sequence[Image], spec: InputSpec) -> FloatArray:
    """Pictures (h, w, 3) BGR uint8 -> (n, spec.height / 16, spec.width / 16): sum over channels of the absolute last
    feature maps, each map of length 1 (the paper's Fig. 6, after Zagoruyko and Komodakis 2017).
    """
    with torch.inference_mode():
        maps = network.eval().feature_maps(torch.from_numpy(to_batch(pictures, spec))).abs().sum(1)
        unit: FloatArray = nn.functional.normalize(maps.flatten(1)).view_as(maps).numpy()
    return unit


def overlay(picture: Image, activation: FloatArray, weight: float = 0.5) -> Image:
    """The picture under its activation map (h', w') as a heat map from blue (lowest) to red (highest)."""
    spread = float(np.ptp(activation))
    scaled = (activation - activation.min()) / (spread if spread > 0 else 1.0)
    height, width = picture.shape[:2]
    enlarged = cv2.resize(scaled, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    heat = cv2.applyColorMap((enlarged * 255).astype(np.uint8), cv2.COLORMAP_JET)
    return cv2.addWeighted(heat, weight, picture, 1 - weight, 0).astype(np.uint8)


def has_gates(network: OSNet) -> bool:
    """Whether streams are weighted before they become one; added and concatenated ones are not."""
    return any(isinstance(module, Gate | FixedGate) for module in network.modules())


def gate_values(network: OSNet, pictures: Sequence[Image], spec: InputSpec) -> FloatArray:
    """(n, streams * gate channels): the gates of the last bottleneck side by side, in the order of the streams.

    Raises ValueError for a network without gates.
    """
    block = network.stages[-1][-1]  # type: ignore[index]
    assert isinstance(block, OSBlock)
    gates = [module for module in block.aggregate.modules() if isinstance(module, Gate | FixedGate)]
    if not gates:
        raise ValueError(f"a network that merges its streams by {network.spec.aggregation} has no gates")
    seen: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append(output.expand(len(inputs[0]), *output.shape[-3:]).flatten(1))

    handles = [gate.register_forward_hook(keep) for gate in gates]
    try:
        with torch.inference_mode():
            network.eval()(torch.from_numpy(to_batch(pictures, spec)))
    finally:
        for handle in handles:
            handle.remove()
    values: FloatArray = torch.cat(seen, dim=1).numpy()
    return values


def cluster(values: FloatArray, count: int, seed: int = 0) -> tuple[IntArray, ...]:
    """k-means (k-means++ start) of values (n, d) into at most `count` clusters, the largest first, empty ones left out:
    of each the rows that belong to it, nearest to its centre first, (m,) int64.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    if len(values) <= count:
        return tuple(np.array([row]) for row in range(len(values)))
    data = values.astype(np.float64)
    centres, labels = kmeans2(data, count, minit="++", rng=seed, missing="raise")
    distances = np.linalg.norm(data - centres[labels], axis=1)
    order = np.argsort(distances, kind="stable")
    members = [order[labels[order] == c] for c in range(count)]
    return tuple(sorted((m for m in members if len(m)), key=len, reverse=True))


def activation_sheet(pictures: Sequence[Image], maps: FloatArray, columns: int = 6) -> Image:
    """Every picture beside itself under its map; `columns` such pairs in a row."""
    pairs: list[list[Tile]] = [
        [(picture, WHITE), (overlay(_tile(picture), activation), WHITE)]
        for picture, activation in zip(pictures, maps, strict=True)
    ]
    starts = range(0, len(pairs), columns)
    return sheet([[tile for pair in pairs[start : start + columns] for tile in pair] for start in starts])


def cluster_sheet(pictures: Sequence[Image], clusters: Sequence[IntArray], columns: int = 10) -> Image:
    """A row per cluster: the pictures nearest to its centre."""
    return sheet([[(pictures[row], WHITE) for row in members[:columns]] for members in clusters])


def ranked_sheet(
    pictures: Sequence[Image],
    gallery_picture: Callable[[int], Image],
    features: tuple[FloatArray, FloatArray],
    labels: tuple[Labels, Labels],
    columns: int = 10,
) -> Image:
    """A row per query: the query (blue frame), then its nearest gallery crops, green where it is the same person and
    red where not. pictures: the queries'. gallery_picture: reads one of the gallery; only what is drawn is read.
    Each other pair is (queries, gallery); the query's person in the query's camera is left out, as in scoring.
    """
    queries, gallery = labels
    rows = []
    for block, distances in distance_blocks(*features):
        for row, distance in zip(range(block.start, block.stop), distances, strict=True):
            same = gallery.people == queries.people[row]
            order = np.argsort(distance, kind="stable")
            nearest = order[~(same & (gallery.cameras == queries.cameras[row]))[order]][:columns]
            found: list[Tile] = [(gallery_picture(place), GREEN if same[place] else RED) for place in nearest]
            rows.append([(pictures[row], BLUE), *found])
    return sheet(rows)


def sheet(rows: Sequence[Sequence[Tile]]) -> Image:
    """Framed pictures in rows on white, (height, width, 3) BGR uint8; no rows give one empty tile."""
    columns = max((len(row) for row in rows), default=1)
    step_x, step_y = TILE_WIDTH + MARGIN, TILE_HEIGHT + MARGIN
    canvas = np.full((max(len(rows), 1) * step_y + MARGIN, columns * step_x + MARGIN, 3), 255, np.uint8)
    for r, row in enumerate(rows):
        for c, (picture, colour) in enumerate(row):
            top, left = r * step_y + MARGIN, c * step_x + MARGIN
            canvas[top : top + TILE_HEIGHT, left : left + TILE_WIDTH] = _tile(picture)
            if colour != WHITE:
                _frame(canvas, top, left, colour)
    return canvas


def _frame(canvas: NDArray[np.uint8], top: int, left: int, colour: tuple[int, int, int]) -> None:
    low_right = (left + TILE_WIDTH - FRAME // 2, top + TILE_HEIGHT - FRAME // 2)
    cv2.rectangle(canvas, (left + FRAME // 2 - 1, top + FRAME // 2 - 1), low_right, colour, FRAME)


def _tile(picture: Image) -> Image:
    return cv2.resize(picture, (TILE_WIDTH, TILE_HEIGHT), interpolation=cv2.INTER_AREA).astype(np.uint8)
