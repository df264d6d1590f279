"""Augmentation of crops, in numpy: the same generator gives the same crop on every machine."""

from dataclasses import dataclass

import cv2
import numpy as np

from reid.preprocess import Image


@dataclass(frozen=True, slots=True)
class Augmentation:
    """enlarge: a crop is resized to this multiple of the input and cut at random (the paper's 1.25). The rest are
    probabilities of a mirror image, a change of colour, and an erased rectangle (Zhong et al. 2017).
    """

    enlarge: float = 1.25
    mirror: float = 0.5
    colour: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        if self.enlarge < 1:
            raise ValueError(f"enlarge must be at least 1, got {self.enlarge}")
        for name in ("mirror", "colour", "erase"):
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
        changed = _jitter(changed, rng)
    if rng.random() < options.erase:
        _erase(changed, rng)
    return changed


def _jitter(image: Image, rng: np.random.Generator) -> Image:
    """Brightness, contrast and saturation, each by a factor of 0.8 to 1.2."""
    brightness, contrast, saturation = rng.uniform(0.8, 1.2, 3)
    pixels = image.astype(np.float32) * brightness
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
