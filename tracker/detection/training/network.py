"""The detector's architecture: YOLO11 (Jocher and Qiu, 2024) for one class, narrower and with fewer distance bins."""

from typing import Any

from tracker.detection.training.config import NetworkConfig

PEOPLE = {0: "person"}

_BACKBONE = (
    (-1, 1, "Conv", (64, 3, 2)),
    (-1, 1, "Conv", (128, 3, 2)),
    (-1, 2, "C3k2", (256, False, 0.25)),
    (-1, 1, "Conv", (256, 3, 2)),
    (-1, 2, "C3k2", (512, False, 0.25)),
    (-1, 1, "Conv", (512, 3, 2)),
    (-1, 2, "C3k2", (512, True)),
    (-1, 1, "Conv", (1024, 3, 2)),
    (-1, 2, "C3k2", (1024, True)),
    (-1, 1, "SPPF", (1024, 5)),
    (-1, 2, "C2PSA", (1024,)),
)
_HEAD = (
    (-1, 1, "nn.Upsample", (None, 2, "nearest")),
    ((-1, 6), 1, "Concat", (1,)),
    (-1, 2, "C3k2", (512, False)),
    (-1, 1, "nn.Upsample", (None, 2, "nearest")),
    ((-1, 4), 1, "Concat", (1,)),
    (-1, 2, "C3k2", (256, False)),
    (-1, 1, "Conv", (256, 3, 2)),
    ((-1, 13), 1, "Concat", (1,)),
    (-1, 2, "C3k2", (512, False)),
    (-1, 1, "Conv", (512, 3, 2)),
    ((-1, 10), 1, "Concat", (1,)),
    (-1, 2, "C3k2", (1024, True)),
    ((16, 19, 22), 1, "Detect", ("nc",)),
)


def architecture(network: NetworkConfig) -> dict[str, Any]:
    """What ultralytics builds its DetectionModel from; a layer is (from, repeats, module, arguments)."""
    return {
        "nc": len(PEOPLE),
        "reg_max": network.distances,
        "scale": "own",
        "scales": {"own": [network.depth, network.width, 1024]},
        "backbone": [_listed(layer) for layer in _BACKBONE],
        "head": [_listed(layer) for layer in _HEAD],
    }


def _listed(value: Any) -> Any:
    """Tuples as lists, which is what ultralytics expects."""
    return [_listed(item) for item in value] if isinstance(value, tuple) else value
