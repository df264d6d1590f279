"""What a tracker tells the world about its tracks after a frame."""

import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes, motion
from tracker.core.appearance import Views
from tracker.core.track import Tracks
from tracker.core.types import TrackState, TrackUpdate

NOBODY = -1
"""In place of the row of a detection: the track was not observed."""


def report(
    camera_id: str,
    t_seconds: float,
    tracks: Tracks,
    partners: NDArray[np.intp],
    over: NDArray[np.bool_],
    views: Views,
    smoothing: float,
) -> list[TrackUpdate]:
    """One update per track (n); partners (n,): row of its detection or NOBODY; over (n,): it ends with this report.

    A reported box is the share `smoothing` the filter's estimate, the rest the detection.
    """
    detections = views.detections
    estimates = boxes.cxcywh_to_xyxy(tracks.states[:, motion.POSITION])
    seen = partners != NOBODY
    estimates[seen] = smoothing * estimates[seen] + (1 - smoothing) * detections.boxes_xyxy[partners[seen]]
    columns = (tracks.ids.tolist(), tracks.confirmed.tolist(), over.tolist(), partners.tolist())
    updates = []
    for index, (box, track_id, confirmed, ends, row) in enumerate(zip(estimates, *columns, strict=True)):
        state = _state(confirmed, row != NOBODY, ends)
        if row == NOBODY:
            whole = tracks.quality(index) if ends else None
            update = TrackUpdate(
                camera_id, track_id, t_seconds, state, box, 0.0, confirmed=confirmed, track_quality=whole
            )
        else:
            embedding = None if detections.embeddings is None else detections.embeddings[row]
            score, quality = float(detections.scores[row]), float(views.qualities[row])
            update = TrackUpdate(camera_id, track_id, t_seconds, state, box, score, row, embedding, quality, confirmed)
        updates.append(update)
    return updates


def _state(confirmed: bool, seen: bool, over: bool) -> TrackState:
    if over:
        return TrackState.ENDED
    if not confirmed:
        return TrackState.TENTATIVE
    return TrackState.CONFIRMED if seen else TrackState.LOST
