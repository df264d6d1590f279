"""Samples from disk to batches, the same whatever number of processes loads them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from reid.augment import Augmentation, augment, enlarge
from reid.datasets import UNLABELLED, Sample, read_crop
from reid.preprocess import Image, InputSpec, to_batch
from reid.samplers import Batch
from reid.views import TaughtViews

Draw = tuple[int, tuple[int, ...]]
"""A sample's index, and the entropy of the generator that augments it."""
Target = int | tuple[int, ...]
"""A class, UNLABELLED where unknown, or a 0 or 1 for every attribute."""


@dataclass(frozen=True, slots=True)
class CropBatch:
    """images (n, 3, h, w) float32; targets int64, classes (n,) or attributes (n, a); indices (n,) of the samples."""

    images: Tensor
    targets: Tensor
    indices: Tensor


def class_numbers(samples: Sequence[Sequence[Sample]]) -> list[int]:
    """One class per person of each data set, numbered from 0 over all of them; UNLABELLED stays."""
    classes: dict[tuple[int, int], int] = {}
    return [
        UNLABELLED if sample.person == UNLABELLED else classes.setdefault((source, sample.person), len(classes))
        for source, data in enumerate(samples)
        for sample in data
    ]


class CropDataset(Dataset[tuple[Image, Target, int]]):
    """Augmented crops (height, width, 3) with target and index. Enlarged crops are kept while memory is cheap."""

    KEPT_BYTES = 512 * 1024**2

    def __init__(
        self, samples: Sequence[Sample], targets: Sequence[Target], spec: InputSpec, augmentation: Augmentation
    ) -> None:
        self._samples = samples
        self._targets = targets
        self._spec = spec
        self._augmentation = augmentation
        self._kept: dict[int, Image] = {}
        self._kept_bytes = 0

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, draw: Draw) -> tuple[Image, Target, int]:
        index, entropy = draw
        rng = np.random.default_rng(entropy)
        spec = self._spec
        changed = augment(self._enlarged(index), spec.height, spec.width, self._augmentation, rng)
        return changed, self._targets[index], index

    def teacher(self, indices: Tensor) -> Tensor | None:
        """No teacher has described these crops."""
        return None

    def hints(self, indices: Tensor) -> dict[str, Tensor]:
        return {}

    def _enlarged(self, index: int) -> Image:
        if index in self._kept:
            return self._kept[index]
        spec = self._spec
        crop = enlarge(read_crop(self._samples[index]), spec.height, spec.width, self._augmentation)
        if self._kept_bytes + crop.nbytes <= self.KEPT_BYTES:
            self._kept[index] = crop
            self._kept_bytes += crop.nbytes
        return crop


class ViewDataset(Dataset[tuple[Image, Target, int]]):
    """One view of every crop, as the teachers know it; each draw only mirrors it or erases a rectangle anew.

    Where a teacher gives hints it is shown as it is, since the maps of a mirrored picture would be others.
    """

    def __init__(
        self, views: TaughtViews, view: int, targets: Sequence[Target], spec: InputSpec, augmentation: Augmentation
    ) -> None:
        self._views = views
        self._view = view
        self._targets = targets
        self._spec = spec
        mirror = 0.0 if views.gives_hints else augmentation.mirror
        self._augmentation = replace(augmentation, enlarge=1, colour=0, mirror=mirror)

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, draw: Draw) -> tuple[Image, Target, int]:
        index, entropy = draw
        picture = self._views.picture(index, self._view)
        rng = np.random.default_rng(entropy)
        return (
            augment(picture, self._spec.height, self._spec.width, self._augmentation, rng),
            self._targets[index],
            index,
        )

    def teacher(self, indices: Tensor) -> Tensor | None:
        """(n, t) float32: the teachers' features of these crops' view."""
        return torch.from_numpy(self._views.features(indices.numpy(), self._view))

    def hints(self, indices: Tensor) -> dict[str, Tensor]:
        """By place the teacher's maps (n, c, h, w) float32 of these crops' view."""
        maps = self._views.maps(indices.numpy(), self._view)
        return {place: torch.from_numpy(values) for place, values in maps.items()}


@dataclass(frozen=True, slots=True)
class Collate:
    """Crops -> CropBatch in the network's convention."""

    spec: InputSpec

    def __call__(self, items: Sequence[tuple[Image, Target, int]]) -> CropBatch:
        images, targets, indices = zip(*items, strict=True)
        return CropBatch(torch.from_numpy(to_batch(images, self.spec)), torch.tensor(targets), torch.tensor(indices))


def batches(
    dataset: CropDataset | ViewDataset, order: Sequence[Batch], entropy: tuple[int, ...], collate: Collate, workers: int
) -> Iterator[CropBatch]:
    """The batches of one epoch in the given order; entropy makes its augmentation differ from other epochs'."""
    draws: list[list[Draw]] = [
        [(index, (*entropy, number, place)) for place, index in enumerate(batch)] for number, batch in enumerate(order)
    ]
    loader = DataLoader(dataset, batch_sampler=draws, collate_fn=collate, num_workers=workers)
    return iter(loader)
