"""Whose look is worth its cost in this frame. Describing somebody who walks alone again and again teaches little."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes
from tracker.core.durations import ROUNDING_SECONDS
from tracker.core.types import FloatArray, IntArray, TrackState, TrackUpdate


@dataclass(frozen=True, slots=True)
class SelectionConfig:
    """A detection is described unless it belongs beyond doubt to a track that is known well enough.

    sure_overlap: it overlaps that track's predicted box by so much (IoU), and doubt_overlap: neither of them overlaps
    any other by more than this. young_looks: until a track was described so often it is described in every frame;
    every_seconds: from then on when its last look is so old.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    sure_overlap: float = 0.5
    doubt_overlap: float = 0.1
    young_looks: int = 3
    every_seconds: float = 1.0

    def __post_init__(self) -> None:
        for name in ("sure_overlap", "doubt_overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if self.young_looks < 1:
            raise ValueError(f"young_looks must be at least 1, got {self.young_looks}")
        if not 0 <= self.every_seconds < np.inf:
            raise ValueError(f"every_seconds must be finite and not negative, got {self.every_seconds}")


class Looks:
    """Remembers how often and when each track of one camera was described, and chooses who is to be described now."""

    def __init__(self, config: SelectionConfig) -> None:
        self._config = config
        self._counts: dict[int, int] = {}
        self._seconds: dict[int, float] = {}

    def wanted(
        self, t_seconds: float, ids: IntArray, predicted_xyxy: FloatArray, found_xyxy: FloatArray
    ) -> NDArray[np.bool_]:
        """(m,) which of the boxes found (m, 4) to describe; ids (n,), predicted boxes (n, 4): of the tracks alive."""
        if not len(ids) or not len(found_xyxy):
            return np.ones(len(found_xyxy), np.bool_)
        config = self._config
        iou = boxes.iou(predicted_xyxy, found_xyxy)
        rivals = boxes.iou(found_xyxy, found_xyxy) - np.eye(len(found_xyxy))
        best = iou.argmax(axis=0)
        own = iou[best, np.arange(len(found_xyxy))]
        others = iou.copy()
        others[best, np.arange(len(found_xyxy))] = 0
        doubt = np.maximum(others.max(axis=0), rivals.max(axis=0))
        known = np.array([self._is_known(int(track_id), t_seconds) for track_id in ids])
        return np.asarray(~((own >= config.sure_overlap) & (doubt <= config.doubt_overlap) & known[best]))

    def learn(self, updates: Iterable[TrackUpdate]) -> None:
        """Take in what the tracker made of the frame."""
        for update in updates:
            if update.state is TrackState.ENDED:
                self._counts.pop(update.track_id, None)
                self._seconds.pop(update.track_id, None)
            elif update.quality > 0:
                self._counts[update.track_id] = self._counts.get(update.track_id, 0) + 1
                self._seconds[update.track_id] = update.t_seconds

    def _is_known(self, track_id: int, t_seconds: float) -> bool:
        """Whether a track was described often, and lately."""
        often = self._counts.get(track_id, 0) >= self._config.young_looks
        return often and t_seconds - self._seconds[track_id] < self._config.every_seconds - ROUNDING_SECONDS

    def as_lists(self) -> list[list[float]]:
        """[track id, times described, seconds] of each track, for restore()."""
        return [[track_id, count, self._seconds[track_id]] for track_id, count in self._counts.items()]

    def restore(self, lists: Iterable[list[float]]) -> None:
        """Go on from as_lists()."""
        for track_id, count, seconds in lists:
            self._counts[int(track_id)], self._seconds[int(track_id)] = int(count), seconds
