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
from reid.extractor import FeatureExtractor
from reid.preprocess import INPUTS, FloatArray, Image, InputSpec, resized

CROPS_AT_A_TIME = 8


class TaughtViews:
    """`count` views of every sample, cut and coloured at random, and the teachers' unit vectors of exactly these views.

    A teacher sees a view in its own resolution. Views are made when they are first needed and kept as memory-mapped
    files in `folder`: pictures (samples, count, h, w, 3) BGR uint8 in the size of `spec`, and features (samples,
    count, t) float16. They depend on the seed alone, not on when they are made, nor on interruptions.
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
        self._extractors = [FeatureExtractor.open(t.path, INPUTS[t.input], precision="bf16") for t in teachers]
        self.dimension = sum(extractor.dimension for extractor in self._extractors)
        shape = (len(samples), count)
        self._pictures = _mapped(folder / "pictures.npy", (*shape, spec.height, spec.width, 3), np.uint8)
        self._features = _mapped(folder / "features.npy", (*shape, self.dimension), np.float16)
        self._known = _mapped(folder / "known.npy", (len(samples),), np.bool_)

    def prepare(self, indices: Iterable[int], advance: Callable[[int], None] = lambda crops: None) -> None:
        """Make the views of these samples that are not there yet; advance is told how many samples were done."""
        missing = [index for index in sorted(set(indices)) if not self._known[index]]
        for start in range(0, len(missing), CROPS_AT_A_TIME):
            rows = missing[start : start + CROPS_AT_A_TIME]
            cuts = [view for index in rows for view in self._cuts(index)]
            self._pictures[rows] = resized(cuts, self._spec).reshape(len(rows), *self._pictures.shape[1:])
            self._features[rows] = self._described(cuts).reshape(len(rows), self.count, self.dimension)
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

    def _cuts(self, index: int) -> list[Image]:
        crop = read_crop(self._samples[index])
        return [
            cut(crop, self._augmentation, np.random.default_rng((self._seed, index, view)))
            for view in range(self.count)
        ]

    def _described(self, cuts: list[Image]) -> FloatArray:
        return normalise_rows(np.concatenate([extractor(cuts) for extractor in self._extractors], axis=1))


def _claim(record: Path, names: list[str]) -> None:
    if record.is_file() and json.loads(record.read_text()) != names:
        raise ReidError(f"{record.parent}: holds views of other crops, as the data have changed; remove the folder")
    record.write_text(json.dumps(names))


def _mapped(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[np.generic]:
    if path.is_file():
        return np.lib.format.open_memmap(path, mode="r+")
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
