"""Public data sets whose pictures have a class or attributes instead of an identity, by their authors' file names."""

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from reid.datasets import RECORD_BYTES, UNLABELLED, Sample, pictures
from reid.errors import ReidError


@dataclass(frozen=True, slots=True)
class LabelledData:
    """names: of the classes, Sample.person being the index of one, or of the attributes, one per Sample.attributes."""

    train: tuple[Sample, ...]
    test: tuple[Sample, ...]
    names: tuple[str, ...]
    has_attributes: bool = False


def _imagenet(root: Path) -> LabelledData:
    """train/nXXXXXXXX/*.JPEG and val/nXXXXXXXX/*.JPEG: a class per synset, numbered in the order of their names."""
    train = root / "train"
    if not train.is_dir():
        raise ReidError(f"{train}: no such folder; ImageNet has a folder per synset in train and in val")
    names = tuple(sorted(path.name for path in train.iterdir() if re.fullmatch(r"n\d{8}", path.name)))
    if not names:
        raise ReidError(f"{train}: holds no folder of a synset (n and eight digits)")
    parts = []
    for part in ("train", "val"):
        absent = [name for name in names if not (root / part / name).is_dir()]
        if absent:
            raise ReidError(f"{root / part / absent[0]}: no such folder; sort the pictures into a folder per synset")
        samples = (Sample(path, n, 0) for n, name in enumerate(names) for path in pictures(root / part / name))
        parts.append(tuple(samples))
    return LabelledData(parts[0], parts[1], names)


def _cifar10(root: Path) -> LabelledData:
    """The binary version: data_batch_1.bin to data_batch_5.bin, test_batch.bin, batches.meta.txt."""
    names = _names(root / "batches.meta.txt")
    train = [sample for n in range(1, 6) for sample in _records(root / f"data_batch_{n}.bin", 1, len(names))]
    return LabelledData(tuple(train), tuple(_records(root / "test_batch.bin", 1, len(names))), names)


def _cifar100(root: Path) -> LabelledData:
    """The binary version: train.bin, test.bin, fine_label_names.txt; the coarse label goes unused."""
    names = _names(root / "fine_label_names.txt")
    train, test = (tuple(_records(root / name, 2, len(names))) for name in ("train.bin", "test.bin"))
    return LabelledData(train, test, names)


def _names(path: Path) -> tuple[str, ...]:
    return tuple(_bytes(path).decode("utf-8", errors="replace").split())


def _records(path: Path, label_bytes: int, classes: int) -> list[Sample]:
    """Records of `label_bytes` labels, the last of which counts, and a picture (3, 32, 32) RGB."""
    content = np.frombuffer(_bytes(path), np.uint8)
    size = label_bytes + RECORD_BYTES
    if not len(content) or len(content) % size:
        raise ReidError(f"{path}: damaged ({len(content)} bytes are no multiple of {size}); unpack the archive again")
    labels = content.reshape(-1, size)[:, label_bytes - 1].tolist()
    if max(labels) >= classes:
        raise ReidError(f"{path}: has class {max(labels)}, but only {classes} have a name; unpack the archive again")
    return [Sample(path, label, 0, offset=n * size + label_bytes) for n, label in enumerate(labels)]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReidError(f"{path}: cannot be read ({error.strerror}); CIFAR is read in its binary version") from error


def _pa100k(root: Path) -> LabelledData:
    """annotation.mat beside the pictures, which lie in data or release_data/release_data, as archives unpack.

    Of the usual three parts training and test are read; the validation part stays unused.
    """
    path = root / "annotation.mat"
    content = _annotation(path)
    folders = [root / "data", root / "release_data" / "release_data"]
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        raise ReidError(f"{folders[0]}: no such folder; the pictures of PA-100K belong into it")
    names = _texts(content["attributes"])
    train, test = (_attributed(path, folder, content, part, len(names)) for part in ("train", "test"))
    return LabelledData(train, test, names, has_attributes=True)


def _annotation(path: Path) -> Mapping[str, NDArray[np.generic]]:
    if not path.is_file():
        raise ReidError(f"{path}: missing; PA-100K has it beside its pictures")
    try:
        content: dict[str, NDArray[np.generic]] = loadmat(path)
    except (OSError, ValueError, TypeError, NotImplementedError, EOFError, zlib.error, MatReadError) as error:
        raise ReidError(f"{path}: cannot be read as a MATLAB file ({error}); fetch it again") from error
    wanted = ["attributes", *(f"{part}_{key}" for part in ("train", "test") for key in ("images_name", "label"))]
    absent = [key for key in wanted if key not in content]
    if absent:
        raise ReidError(f"{path}: has no {', '.join(absent)}; this is not the annotation of PA-100K")
    return content


def _attributed(
    path: Path, folder: Path, content: Mapping[str, NDArray[np.generic]], part: str, attributes: int
) -> tuple[Sample, ...]:
    files, labels = _texts(content[f"{part}_images_name"]), content[f"{part}_label"]
    if labels.shape != (len(files), attributes) or not np.isin(labels, (0, 1)).all():
        raise ReidError(
            f"{path}: {part}_label must be 0 or 1 for {len(files)} pictures and {attributes} attributes, "
            f"and has shape {labels.shape}; fetch it again"
        )
    rows: Sequence[Sequence[int]] = labels.astype(int).tolist()
    return tuple(
        Sample(folder / name, UNLABELLED, 0, attributes=tuple(row)) for name, row in zip(files, rows, strict=True)
    )


def _texts(cells: NDArray[np.generic]) -> tuple[str, ...]:
    """A cell array (n, 1) of texts."""
    return tuple(str(np.squeeze(cell)) for cell in cells.ravel())


LABELLED_READERS: Mapping[str, Callable[[Path], LabelledData]] = {
    "imagenet": _imagenet,
    "cifar10": _cifar10,
    "cifar100": _cifar100,
    "pa100k": _pa100k,
}
