"""What a tracklet looks like, in a few vectors whose number does not grow."""

from typing import Any

import numpy as np

from tracker.core.types import FloatArray
from tracker.store.packing import pack_vector, unpack_vector

STRETCHES = 8

_RECENT = 16


class Appearance:
    """Quality-weighted sums of unit vectors, in up to STRETCHES stretches of equally many, oldest first.

    When there are too many stretches, neighbours become one. Adding costs one copy of a vector: the last few are kept
    as they came, and added up together.
    """

    def __init__(self) -> None:
        self.weight = 0.0
        self._sums: list[FloatArray] = []
        self._count = 0
        self._per_stretch = 1
        self._recent: FloatArray | None = None
        self._qualities: list[float] = []

    def add(self, embedding: FloatArray, quality: float) -> None:
        """A unit vector (d,) with quality above 0."""
        if self._recent is None:
            self._recent = np.empty((_RECENT, len(embedding)), np.float32)
        self._recent[len(self._qualities)] = embedding
        self._qualities.append(quality)
        self.weight += quality
        if len(self._qualities) == _RECENT:
            self._add_up()

    def _add_up(self) -> None:
        """Bring the recent vectors into the stretches."""
        weights = np.array(self._qualities, np.float32)
        first = 0
        while first < len(weights):
            if self._count == STRETCHES * self._per_stretch:
                self._sums = [self._sums[k] + self._sums[k + 1] for k in range(0, STRETCHES, 2)]
                self._per_stretch *= 2
            in_stretch = self._count % self._per_stretch
            last = min(first + self._per_stretch - in_stretch, len(weights))
            added = weights[first:last] @ self._recent[first:last]  # type: ignore[index]
            if in_stretch:
                self._sums[-1] += added
            else:
                self._sums.append(added)
            self._count += last - first
            first = last
        self._qualities.clear()

    def row(self) -> dict[str, Any]:
        """Columns of the embeddings table, without tracklet and embedder. Something must have been added."""
        self._add_up()
        whole, earlier, share = np.sum(self._sums, axis=0), None, None
        if self._count > 1:
            middle = max(round(self._count / 2 / self._per_stretch), 1)
            half = np.sum(self._sums[:middle], axis=0)
            earlier, share = pack_vector(half), _length(half) / max(_length(whole), 1e-12)
        return {"weight": self.weight, "vector": pack_vector(whole), "earlier": earlier, "earlier_share": share}


def unpack_looks(vector: bytes, earlier: bytes | None, earlier_share: float | None) -> tuple[FloatArray, ...]:
    """Unit vectors (d,) of the earlier and of the later half, or of the whole where there is but one."""
    whole = unpack_vector(vector)
    if earlier is None or earlier_share is None:
        return (whole,)
    half = unpack_vector(earlier)
    rest: FloatArray = whole - np.float32(earlier_share) * half
    return half, rest / np.float32(max(_length(rest), 1e-12))


def _length(vector: FloatArray) -> float:
    return float(np.linalg.norm(vector))
