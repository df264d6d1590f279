"""Tiny data sets of classes and attributes in the layout of the real ones; a colour tells what is in a picture."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

ATTRIBUTES = ("Female", "AgeOver60", "Hat")
COLOURS_BGR = np.array([(30, 30, 220), (30, 220, 30), (220, 30, 30)])
SYNSETS = ("n01440764", "n01443537", "n02102040")


def noisy(colour: NDArray[np.int64], height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    return np.clip(colour + rng.normal(0, 20, (height, width, 3)), 0, 255).astype(np.uint8)


def plant_cifar10(root: Path, per_file: int = 6) -> Path:
    """cifar-10-batches-bin: one byte of class, then the planes red, green, blue. The picture n is of class n % 3."""
    root.mkdir(parents=True)
    (root / "batches.meta.txt").write_text("airplane\nautomobile\nbird\n\n")
    rng = np.random.default_rng(0)
    for name in (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"):
        (root / name).write_bytes(b"".join(bytes([n % 3]) + record(n % 3, rng) for n in range(per_file)))
    return root


def plant_cifar100(root: Path) -> Path:
    """cifar-100-binary: a byte of coarse class, one of fine class, then the planes."""
    root.mkdir(parents=True)
    (root / "fine_label_names.txt").write_text("apple\naquarium_fish\nbaby\n")
    rng = np.random.default_rng(0)
    for name, count in (("train.bin", 6), ("test.bin", 3)):
        (root / name).write_bytes(b"".join(bytes([9, n % 3]) + record(n % 3, rng) for n in range(count)))
    return root


def record(label: int, rng: np.random.Generator) -> bytes:
    return noisy(COLOURS_BGR[label], 32, 32, rng)[..., ::-1].transpose(2, 0, 1).tobytes()


def plant_imagenet(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for label, synset in enumerate(SYNSETS):
        for part, names in (("train", (f"{synset}_18.JPEG", f"{synset}_36.JPEG")), ("val", (f"v_{label}.JPEG",))):
            (root / part / synset).mkdir(parents=True)
            for name in names:
                cv2.imwrite(str(root / part / synset / name), noisy(COLOURS_BGR[label], 40, 48, rng))
    return root


def plant_pa100k(root: Path, train: int = 24, test: int = 8) -> Path:
    """annotation.mat and data/: every attribute is a bright channel; the last one is rare."""
    (root / "data").mkdir(parents=True)
    rng = np.random.default_rng(0)
    content: dict[str, object] = {"attributes": cells(ATTRIBUTES)}
    number = 0
    for part, count in (("train", train), ("val", 2), ("test", test)):
        names, labels = [], []
        for _ in range(count):
            number += 1
            row = np.array([number % 2, number // 2 % 2, number % 8 == 0], np.uint8)
            names.append(f"{number:06d}.jpg")
            labels.append(row)
            cv2.imwrite(str(root / "data" / names[-1]), noisy(30 + 190 * row.astype(np.int64), 40, 20, rng))
        content |= {f"{part}_images_name": cells(names), f"{part}_label": np.array(labels)}
    savemat(root / "annotation.mat", content)
    return root


def cells(texts: "tuple[str, ...] | list[str]") -> NDArray[np.object_]:
    """A MATLAB cell array (n, 1)."""
    array = np.empty((len(texts), 1), object)
    array[:, 0] = list(texts)
    return array
