"""What a recording says of people before anybody links them: where they stood, and how they looked."""

import numpy as np
from numpy.typing import NDArray

from tracker.core.single_camera import SingleCameraTracker, TrackerConfig
from tracker.core.types import Detections, TrackletKey
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground_plane import GroundCamera, locate
from tracker.crosscam.segments import Segment
from tracker.recorded.files import Recording

VAGUE_METRES = 2.0
"""Standard deviation from which on a place is left out: far away, near the horizon."""


def looked_at(recording: Recording, frames_per_second: float | None) -> list[tuple[float, Detections]]:
    """The frames in which people were sought, with their seconds."""
    times = recording.times(frames_per_second).tolist()
    return [
        (t_seconds, seen) for t_seconds, seen in zip(times, recording.frames, strict=True) if np.isfinite(t_seconds)
    ]


def places_of(
    recording: Recording, camera: GroundCamera, frames_per_second: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) seconds and (n, 2) metres of everybody who is surely tracked, frame by frame. frames_per_second: as for
    Recording.times.
    """
    tracker = SingleCameraTracker(recording.camera_id)
    foot_noise = np.array(GroundConfig().foot_noise)
    seconds, places = [np.zeros(0)], [np.zeros((0, 2))]
    for t_seconds, seen in looked_at(recording, frames_per_second):
        found = [u for u in tracker.update(t_seconds, seen) if u.confirmed and u.detection_index is not None]
        points = locate(camera, np.array([u.box_xyxy for u in found], np.float32).reshape(-1, 4), foot_noise)
        near = points.known & (np.trace(points.covariance, axis1=1, axis2=2) < VAGUE_METRES**2)
        seconds.append(np.full(int(near.sum()), t_seconds))
        places.append(points.xy[near])
    return np.concatenate(seconds), np.concatenate(places)


def segments_of(recording: Recording, config: TrackerConfig, frames_per_second: float | None) -> list[Segment]:
    """The tracks that count and are described, in order. frames_per_second: as for Recording.times."""
    tracker = SingleCameraTracker(recording.camera_id, config)
    segments: dict[TrackletKey, Segment] = {}
    previous: dict[str, float] = {}
    for t_seconds, seen in looked_at(recording, frames_per_second):
        for update in tracker.update(t_seconds, seen):
            if update.detection_index is not None:
                segments.setdefault(update.key, Segment(update.key, t_seconds)).see(update, previous)
        previous = {recording.camera_id: t_seconds}
    for segment in segments.values():
        segment.settle()
    return [segment for _, segment in sorted(segments.items()) if segment.confirmed and segment.weight > 0]
