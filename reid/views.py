"""Augmented views of the training crops with what the teachers say about each: made once, kept beside the run."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from reid.augment import Augmentation, cut
from reid.config import TeacherConfig
from reid.datasets import Sample, read_crop
from reid.embedder import normalise_rows
from reid.errors import ReidError
from reid.preprocess import FloatArray, Image, InputSpec, resized
from reid.teachers import Description, open_teacher

CROPS_AT_A_TIME = 8


class TaughtViews:
    """`count` views of every sample, cut and coloured at random, and the teachers' unit vectors of exactly these views.

    A teacher sees a view in its own resolution. Views are made when they are first needed and kept as memory-mapped
    files in `folder`: pictures (samples, count, h, w, 3) BGR uint8 in the size of `spec`, features (samples, count, t)
    float16, and where a teacher gives hints its maps (samples, count, c, h, w) float16, which need much room (3 MB
    for every view of 256x128 with all places of OSNet x0.25). They depend on the seed alone, not on when they are made,
    nor on interruptions.
    """

    def __init__(
        self,
        folder: Path,
        samples: Sequence[Sample],
        teachers: Sequence[TeacherConfig],
        spec: InputSpec,
        augmentation: Augmentation,
        count: int,
        seed: int,
    ) -> None:
        """Raises ReidError where `folder` holds views of other crops."""
        folder.mkdir(parents=True, exist_ok=True)
        _claim(folder / "samples.json", [f"{sample.path} {sample.box_cxcywh}" for sample in samples])
        self._samples = samples
        self._spec = spec
        self._augmentation = augmentation
        self._seed = seed
        self.count = count
        self._teachers = [open_teacher(teacher, spec) for teacher in teachers]
        self._weights = [teacher.weight for teacher in teachers]
        probe = self._described([np.zeros((spec.height, spec.width, 3), np.uint8)])
        self.dimension = probe.features.shape[1]
        self.map_shapes = {place: values.shape[1:] for place, values in probe.maps.items()}
        shape = (len(samples), count)
        self._pictures = _mapped(folder / "pictures.npy", (*shape, spec.height, spec.width, 3), np.uint8)
        self._features = _mapped(folder / "features.npy", (*shape, self.dimension), np.float16)
        self._maps = {
            place: _mapped(folder / f"{place}.npy", (*shape, *size), np.float16)
            for place, size in self.map_shapes.items()
        }
        self._known = _mapped(folder / "known.npy", (len(samples),), np.bool_)

    @property
    def gives_hints(self) -> bool:
        return bool(self.map_shapes)

    def prepare(self, indices: Iterable[int], advance: Callable[[int], None] = lambda crops: None) -> None:
        """Make the views of these samples that are not there yet; advance is told how many samples were done."""
        missing = [index for index in sorted(set(indices)) if not self._known[index]]
        for start in range(0, len(missing), CROPS_AT_A_TIME):
            rows = missing[start : start + CROPS_AT_A_TIME]
            cuts = [view for index in rows for view in self._cuts(index)]
            self._pictures[rows] = resized(cuts, self._spec).reshape(len(rows), *self._pictures.shape[1:])
            described = self._described(cuts)
            self._features[rows] = described.features.reshape(len(rows), self.count, self.dimension)
            for place, values in described.maps.items():
                self._maps[place][rows] = values.reshape(len(rows), self.count, *values.shape[1:])
            self._known[rows] = True  # after what it promises
            advance(len(rows))

    def picture(self, index: int, view: int) -> Image:
        """(h, w, 3) BGR uint8. The sample must have been prepared."""
        picture: Image = self._pictures[index, view]
        return picture

    def features(self, indices: NDArray[np.int64], view: int) -> FloatArray:
        """(n, t) float32, the teachers' unit vectors side by side. The samples must have been prepared."""
        rows: FloatArray = self._features[indices, view].astype(np.float32)
        return rows

    def maps(self, indices: NDArray[np.int64], view: int) -> dict[str, FloatArray]:
        """By place in the trunk (n, c, h, w) float32. The samples must have been prepared."""
        return {place: kept[indices, view].astype(np.float32) for place, kept in self._maps.items()}

    def _cuts(self, index: int) -> list[Image]:
        crop = read_crop(self._samples[index])
        return [
            cut(crop, self._augmentation, np.random.default_rng((self._seed, index, view)))
            for view in range(self.count)
        ]

    def _described(self, cuts: list[Image]) -> Description:
        found = [teacher.describe(cuts) for teacher in self._teachers]
        maps = {place: values for one in found for place, values in one.maps.items()}
        # The cosine of two rows is the mean of the teachers' cosines by their weights.
        weighted = [one.features * weight**0.5 for one, weight in zip(found, self._weights, strict=True)]
        return Description(normalise_rows(np.concatenate(weighted, axis=1)), maps)


def _claim(record: Path, names: list[str]) -> None:
    if record.is_file() and json.loads(record.read_text()) != names:
        raise ReidError(f"{record.parent}: holds views of other crops, as the data have changed; remove the folder")
    record.write_text(json.dumps(names))


def _mapped(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[np.generic]:
    if path.is_file():
        return np.lib.format.open_memmap(path, mode="r+")
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
