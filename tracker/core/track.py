"""The live tracks of one camera as a table: one array per property, one row per track."""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tracker.core import motion
from tracker.core.types import FloatArray, IntArray, TrackQuality, TrackState

Mask = NDArray[np.bool_]
Times = NDArray[np.float64]


PHASES = (TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.LOST)


TAKEN = len(PHASES)
"""In place of a phase: the track has its detection already."""


@lru_cache
def among(states: tuple[TrackState, ...]) -> Mask:
    """(4,) which of PHASES are among the given states; TAKEN never is."""
    return np.array([*(phase in states for phase in PHASES), False])


@dataclass(slots=True, eq=False)
class Tracks:
    """Rows of all arrays belong together; n tracks.

    ids: (n,) int64. states: (n, 5, 4) filter states at the present time (see motion). anchors: (n, 5, 4) the states
    right after the last observation. born, seen: (n,) seconds of the first and the last observation. hits: (n,) int64
    number of observations. confirmed: (n,) bool. lost: (n,) bool, confirmed but not observed at the last step.
    embeddings: (n, d) float32 unit vectors, the running appearance; zeros where known (n,) bool is false.
    sums: (n, 4) over the observations: score, visible part, sharpness, how often that was measured.
    """

    ids: IntArray
    states: motion.States
    anchors: motion.States
    born: Times
    seen: Times
    hits: IntArray
    confirmed: Mask
    lost: Mask
    embeddings: FloatArray
    known: Mask
    sums: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def empty(cls, dimension: int = 0) -> Self:
        """No track, embeddings of the given dimension."""
        states = np.zeros((0, 5, 4))
        return cls(
            ids=np.zeros(0, np.int64),
            states=states,
            anchors=states,
            born=np.zeros(0),
            seen=np.zeros(0),
            hits=np.zeros(0, np.int64),
            confirmed=np.zeros(0, np.bool_),
            lost=np.zeros(0, np.bool_),
            embeddings=np.zeros((0, dimension), np.float32),
            known=np.zeros(0, np.bool_),
            sums=np.zeros((0, 4)),
        )

    @classmethod
    def begin(
        cls,
        ids: IntArray,
        states: motion.States,
        t_seconds: float,
        confirmed: Mask,
        embeddings: FloatArray,
        known: Mask,
        sums: NDArray[np.float64],
    ) -> Self:
        """Tracks observed for the first time at t_seconds, one per state (n, 5, 4)."""
        times, hits, lost = np.full(len(ids), t_seconds), np.ones(len(ids), np.int64), np.zeros(len(ids), np.bool_)
        return cls(ids, states, states.copy(), times, times.copy(), hits, confirmed, lost, embeddings, known, sums)

    def fit_dimension(self, dimension: int, camera_id: str) -> None:
        """The first embeddings fix the dimension d of the tracks' appearance; ValueError for any other."""
        known = self.embeddings.shape[1]
        if not known:
            self.embeddings = np.zeros((len(self), dimension), np.float32)
        elif known != dimension:
            raise ValueError(f"camera {camera_id}: embeddings changed dimension from {known} to {dimension}")

    def quality(self, row: int) -> TrackQuality:
        """How well the track in this row was seen so far."""
        score, visible, sharp, measured = self.sums[row].tolist()
        count = int(self.hits[row])
        seconds = float(self.seen[row] - self.born[row])
        return TrackQuality(seconds, count, score / count, visible / count, sharp / measured if measured else None)

    def select(self, keep: Mask) -> Self:
        """The rows where keep (n,) is true."""
        return type(self)(*(getattr(self, field.name)[keep] for field in fields(self)))

    def join(self, other: Self) -> Self:
        """The rows of both, self's first."""
        columns = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return type(self)(*(np.concatenate(pair) for pair in columns))

    def phases(self) -> IntArray:
        """(n,) the place in PHASES of each track's state."""
        return self.confirmed.astype(np.int64) + self.lost

    def as_lists(self) -> dict[str, Any]:
        """The columns as nested lists of plain numbers, with the shape that an empty list would forget."""
        columns = {field.name: getattr(self, field.name).tolist() for field in fields(self)}
        return {"dimension": self.embeddings.shape[1], **columns}

    @classmethod
    def from_lists(cls, lists: dict[str, Any]) -> Self:
        """The table that as_lists wrote, to the last bit."""
        blank, count = cls.empty(lists["dimension"]), len(lists["ids"])
        columns = ((getattr(blank, field.name), lists[field.name]) for field in fields(cls))
        return cls(*(np.array(rows, like.dtype).reshape(count, *like.shape[1:]) for like, rows in columns))
