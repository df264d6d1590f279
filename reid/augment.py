"""Augmentation of crops, in numpy: the same generator gives the same crop on every machine."""

from dataclasses import dataclass

import cv2
import numpy as np

from reid.preprocess import Image


@dataclass(frozen=True, slots=True)
class Augmentation:
    """enlarge: a crop is resized to this multiple of the input and cut at random (the paper's 1.25). mirror, colour and
    erase are probabilities of a mirror image, a change of colour, and an erased rectangle (Zhong et al. 2017).
    colour_range: brightness, contrast, saturation and the balance of the channels change by at most this share.
    """

    enlarge: float = 1.25
    mirror: float = 0.5
    colour: float = 0.0
    erase: float = 0.0
    colour_range: float = 0.2

    def __post_init__(self) -> None:
        if self.enlarge < 1:
            raise ValueError(f"enlarge must be at least 1, got {self.enlarge}")
        for name in ("mirror", "colour", "erase", "colour_range"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be within [0, 1], got {getattr(self, name)}")


def enlarge(image: Image, height: int, width: int, options: Augmentation) -> Image:
    """A crop (h, w, 3) BGR uint8 of any size -> the size that `augment` cuts (height, width) from."""
    size = (round(width * options.enlarge), round(height * options.enlarge))
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def augment(enlarged: Image, height: int, width: int, options: Augmentation, rng: np.random.Generator) -> Image:
    """An enlarged crop (h, w, 3) BGR uint8 -> (height, width, 3), changed at random."""
    high, wide = enlarged.shape[:2]
    top, left = rng.integers(high - height + 1), rng.integers(wide - width + 1)
    changed: Image = enlarged[top : top + height, left : left + width].copy()
    if rng.random() < options.mirror:
        changed = np.ascontiguousarray(changed[:, ::-1])
    if rng.random() < options.colour:
        changed = _jitter(changed, options.colour_range, rng)
    if rng.random() < options.erase:
        _erase(changed, rng)
    return changed


def cut(crop: Image, options: Augmentation, rng: np.random.Generator) -> Image:
    """A random window of a crop (h, w, 3) BGR uint8, its sides 1 / enlarge of the crop's, in its own resolution, with a
    random mirror image and change of colour: what `augment` does before networks of different input sizes look at it.
    """
    high, wide = (max(round(side / options.enlarge), 1) for side in crop.shape[:2])
    top, left = rng.integers(crop.shape[0] - high + 1), rng.integers(crop.shape[1] - wide + 1)
    window = crop[top : top + high, left : left + wide]
    if rng.random() < options.mirror:
        window = np.ascontiguousarray(window[:, ::-1])
    return _jitter(window, options.colour_range, rng) if rng.random() < options.colour else window


def _jitter(image: Image, extent: float, rng: np.random.Generator) -> Image:
    """Brightness, contrast, saturation, each by a factor of 1 - extent to 1 + extent, and channels by half of that."""
    brightness, contrast, saturation = rng.uniform(1 - extent, 1 + extent, 3)
    balance = rng.uniform(1 - extent / 2, 1 + extent / 2, 3).astype(np.float32)
    pixels = image.astype(np.float32) * (brightness * balance)
    pixels = (pixels - pixels.mean()) * contrast + pixels.mean()
    grey = pixels @ np.array([0.114, 0.587, 0.299], np.float32)
    pixels = grey[..., None] + (pixels - grey[..., None]) * saturation
    jittered: Image = np.clip(pixels, 0, 255).astype(np.uint8)
    return jittered


def _erase(image: Image, rng: np.random.Generator) -> None:
    """Overwrite a rectangle of .02 to .4 of the area, aspect .3 to 3.3, with ImageNet's mean colour."""
    height, width = image.shape[:2]
    area = rng.uniform(0.02, 0.4) * height * width
    aspect = np.exp(rng.uniform(np.log(0.3), np.log(1 / 0.3)))
    high, wide = min(round(np.sqrt(area * aspect)), height), min(round(np.sqrt(area / aspect)), width)
    top, left = rng.integers(height - high + 1), rng.integers(width - wide + 1)
    image[top : top + high, left : left + wide] = (104, 116, 124)
