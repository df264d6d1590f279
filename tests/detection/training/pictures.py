"""A data set of a few drawn people, in the YOLO layout."""

import random
from pathlib import Path

import cv2
import numpy as np


def write_data(root: Path, train: int = 6, val: int = 2, size: int = 64) -> Path:
    """Dark upright rectangles on noise; the first picture of each split shows nobody."""
    random.seed(0)
    noise = np.random.default_rng(0)
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for split, count in (("train", train), ("val", val)):
        names = []
        for number in range(count):
            image = noise.integers(100, 255, (size, size, 3)).astype(np.uint8)
            lines = []
            for _ in range(min(number, 2)):
                x, y = random.uniform(0.2, 0.8), random.uniform(0.3, 0.7)
                left, top = int((x - 0.1) * size), int((y - 0.25) * size)
                cv2.rectangle(image, (left, top), (int((x + 0.1) * size), int((y + 0.25) * size)), (30, 20, 10), -1)
                lines.append(f"0 {x:.4f} {y:.4f} 0.2 0.5\n")
            name = f"{split}_{number}"
            cv2.imwrite(str(root / "images" / f"{name}.jpg"), image)
            (root / "labels" / f"{name}.txt").write_text("".join(lines))
            names.append(f"./images/{name}.jpg\n")
        (root / f"{split}.txt").write_text("".join(names))
    return root
