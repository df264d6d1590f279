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
    rows: NDArray[np.intp],
    partners: NDArray[np.intp],
    over: NDArray[np.bool_],
    views: Views,
    smoothing: float,
) -> list[TrackUpdate]:
    """One update per track in rows (k,); partners (n,): row of its detection or NOBODY; over (n,): it ends now.

    A reported box is the share `smoothing` the filter's estimate, the rest the detection.
    """
    detections, partners = views.detections, partners[rows]
    estimates = boxes.cxcywh_to_xyxy(tracks.states[rows, motion.POSITION])
    seen = partners != NOBODY
    estimates[seen] = smoothing * estimates[seen] + (1 - smoothing) * detections.boxes_xyxy[partners[seen]]
    scores, qualities, embeddings = detections.scores.tolist(), views.qualities.tolist(), detections.embeddings
    columns = (rows, tracks.ids[rows], tracks.confirmed[rows], over[rows], partners)
    updates = []
    for box, *entry in zip(estimates, *(column.tolist() for column in columns), strict=True):
        row, track_id, confirmed, ends, partner = entry
        state = _state(confirmed, partner != NOBODY, ends)
        if partner == NOBODY:
            whole = tracks.quality(row) if ends else None
            update = TrackUpdate(
                camera_id, track_id, t_seconds, state, box, 0.0, confirmed=confirmed, track_quality=whole
            )
        else:
            embedding = None if embeddings is None else embeddings[partner]
            found = (scores[partner], partner, embedding, qualities[partner])
            update = TrackUpdate(camera_id, track_id, t_seconds, state, box, *found, confirmed)
        updates.append(update)
    return updates


def _state(confirmed: bool, seen: bool, over: bool) -> TrackState:
    if over:
        return TrackState.ENDED
    if not confirmed:
        return TrackState.TENTATIVE
    return TrackState.CONFIRMED if seen else TrackState.LOST
