"""From boxes in pictures to the input of a network; numpy and OpenCV only. The convention of a network is a row."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from reid.errors import ReidError

Image = NDArray[np.uint8]
"""(height, width, 3) uint8, BGR as OpenCV has it."""
FloatArray = NDArray[np.float32]

SMALLEST_SIDE_PIXELS = 2


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network expects: a crop resized to height x width pixels, channels in `order`, and then
    (pixel * scale - mean) / std per channel of that order.
    """

    height: int = 256
    width: int = 128
    order: Literal["rgb", "bgr"] = "rgb"
    scale: float = 1 / 255
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ValueError(f"height and width must be at least 1 pixel, got {self.height} x {self.width}")
        if self.order not in ("rgb", "bgr"):
            raise ValueError(f"order must be 'rgb' or 'bgr', got {self.order!r}")
        if self.scale <= 0 or min(self.std) <= 0:
            raise ValueError(f"scale and std must be positive, got {self.scale} and {self.std}")

    def to_metadata(self) -> dict[str, str]:
        """As strings, for the metadata of a weight file or of an exported network."""
        return {f"input.{key}": _text(value) for key, value in asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "InputSpec":
        """The inverse of to_metadata; keys that are missing keep their defaults. Raises ValueError."""
        given = {key.removeprefix("input."): text for key, text in metadata.items() if key.startswith("input.")}
        default = cls()
        return cls(
            height=int(given.get("height", default.height)),
            width=int(given.get("width", default.width)),
            order="bgr" if given.get("order", default.order) == "bgr" else "rgb",
            scale=float(given.get("scale", default.scale)),
            mean=_triple(given.get("mean", _text(default.mean))),
            std=_triple(given.get("std", _text(default.std))),
        )


OSNET_INPUT = InputSpec()
OPEN_MODEL_ZOO_INPUT = InputSpec(order="bgr", scale=1.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
"""person-reidentification-retail-*: raw BGR values 0..255."""
INPUTS: Mapping[str, InputSpec] = {"osnet": OSNET_INPUT, "open_model_zoo": OPEN_MODEL_ZOO_INPUT}


def _text(value: object) -> str:
    return " ".join(str(part) for part in value) if isinstance(value, tuple) else str(value)


def _triple(text: str) -> tuple[float, float, float]:
    first, second, third = (float(part) for part in text.split())
    return first, second, third


def read_picture(path: Path) -> Image:
    """(h, w, 3) BGR uint8. Raises ReidError for a file that is no picture."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise ReidError(f"{path}: cannot be read as a picture")
    return picture.astype(np.uint8, copy=False)


def crop(image: Image, box_xyxy: NDArray[np.floating]) -> Image | None:
    """The part of `image` inside the box, clipped to the image; None if less than 2 pixels wide or high remain.

    box_xyxy: (4,) pixels of `image`; a fractional edge is rounded to the nearest pixel.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = np.clip(np.rint(box_xyxy), 0, (width, height, width, height)).astype(int).tolist()
    if x2 - x1 < SMALLEST_SIDE_PIXELS or y2 - y1 < SMALLEST_SIDE_PIXELS:
        return None
    return image[y1:y2, x1:x2]


def resized(crops: Sequence[Image], spec: InputSpec) -> Image:
    """Crops of any size -> (n, height, width, 3) BGR uint8, in the network's size."""
    pictures = np.empty((len(crops), spec.height, spec.width, 3), np.uint8)
    for row, image in enumerate(crops):
        cv2.resize(image, (spec.width, spec.height), dst=pictures[row], interpolation=cv2.INTER_LINEAR)
    return pictures


def to_batch(crops: Sequence[Image], spec: InputSpec) -> FloatArray:
    """Crops of any size, BGR uint8 -> (n, 3, height, width) float32 as the network expects it."""
    return normalised(resized(crops, spec), spec)


def normalised(pictures: Image, spec: InputSpec) -> FloatArray:
    """(n, height, width, 3) BGR uint8 -> (n, 3, height, width) float32: values and order that the network expects."""
    pixels = pictures[..., ::-1] if spec.order == "rgb" else pictures
    gain = np.float32(spec.scale) / np.array(spec.std, np.float32)
    offset = -np.array(spec.mean, np.float32) / np.array(spec.std, np.float32)
    # One pass per channel into the planar layout: the interleaved picture is never converted to float.
    batch = np.empty((len(pictures), 3, spec.height, spec.width), np.float32)
    for channel in range(3):
        np.multiply(pixels[..., channel], gain[channel], out=batch[:, channel], casting="unsafe")
        batch[:, channel] += offset[channel]
    return batch
