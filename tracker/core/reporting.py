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
    """One update per track in rows (k,); of all tracks, partners (n,): row of its detection or NOBODY; over (n,): it
    ends now.

    A reported box is the share `smoothing` the filter's estimate, the rest the detection.
    """
    detections, boxes_xyxy = views.detections, boxes.cxcywh_to_xyxy(tracks.states[:, motion.POSITION])
    seen = (partners != NOBODY).nonzero()[0]
    measured_xyxy = detections.boxes_xyxy.take(partners.take(seen), axis=0)
    boxes_xyxy[seen] = smoothing * boxes_xyxy.take(seen, axis=0) + (1 - smoothing) * measured_xyxy
    ids, confirmed, ends, partner_of = (column.tolist() for column in (tracks.ids, tracks.confirmed, over, partners))
    scores, qualities, embeddings = detections.scores.tolist(), views.qualities.tolist(), detections.embeddings
    updates = []
    for row in rows.tolist():
        partner = partner_of[row]
        state = _state(confirmed[row], partner != NOBODY, ends[row])
        about = (camera_id, ids[row], t_seconds, state, boxes_xyxy[row])
        if partner == NOBODY:
            whole = tracks.quality(row) if ends[row] else None
            updates.append(TrackUpdate(*about, score=0.0, confirmed=confirmed[row], track_quality=whole))
        else:
            embedding = None if embeddings is None else embeddings[partner]
            seen_as = TrackUpdate(
                *about,
                score=scores[partner],
                detection_index=partner,
                embedding=embedding,
                quality=qualities[partner],
                confirmed=confirmed[row],
            )
            updates.append(seen_as)
    return updates


def _state(confirmed: bool, seen: bool, over: bool) -> TrackState:
    if over:
        return TrackState.ENDED
    if not confirmed:
        return TrackState.TENTATIVE
    return TrackState.CONFIRMED if seen else TrackState.LOST
