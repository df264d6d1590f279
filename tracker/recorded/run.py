"""From recorded detections to global identities: the association of the pipeline as a pure function over arrays."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracker.core.single_camera import SingleCameraTracker, TrackerConfig
from tracker.crosscam.affinity import Walks
from tracker.crosscam.following import Followers
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.linking import SiteMatcher
from tracker.crosscam.ground.site import GroundSite, open_site
from tracker.crosscam.ground_plane import GroundCamera
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig
from tracker.crosscam.topology import Topology
from tracker.evaluation.ground import Places
from tracker.evaluation.mot import MotRows
from tracker.ports import Matcher, Sink
from tracker.recorded.associator import Associator, Sighting
from tracker.recorded.files import Recording
from tracker.recorded.source import RecordedCamera
from tracker.video.batching import StepBatcher


@dataclass(frozen=True, slots=True, eq=False)
class RecordedTracks:
    """cameras: rows with global ids. ground: of those whom a calibrated camera saw; where cameras have different rates,
    its frames count as the camera does that is furthest.
    """

    cameras: dict[str, MotRows]
    ground: Places


def track_recordings(
    recordings: Sequence[Recording],
    frames_per_second: float | None,
    *,
    tracker: TrackerConfig | None = None,
    matcher: MatcherConfig | None = None,
    cameras: Mapping[str, GroundCamera] | None = None,
    ground: GroundConfig | None = None,
    topology: Topology | None = None,
    delay_seconds: float | None = 1.0,
) -> RecordedTracks:
    """Track and match recordings. frames_per_second: as for Recording.times.

    cameras: calibrations; where these overlap people are followed on the ground. topology: what is known of the ways
    between cameras that do not; it learns in passing, if it may.
    delay_seconds: how long an answer may be reconsidered (online); None: till the end (corrected history).
    """
    names = [recording.camera_id for recording in recordings]
    settings = replace(matcher or MatcherConfig(), answer_seconds=np.inf)
    walks = None if topology is None else Walks(topology, settings.memory_seconds)
    linking = CrossCameraMatcher(settings, walks=walks)
    calibrated = {name: camera for name, camera in (cameras or {}).items() if name in names}
    site = open_site(calibrated, ground, tracker)
    associator = associator_of(names, tracker or TrackerConfig(), linking, site, np.inf, calibrated=calibrated)
    return associate(recordings, frames_per_second, associator, delay_seconds)


def associator_of(
    names: Sequence[str],
    tracker: TrackerConfig,
    matcher: CrossCameraMatcher,
    site: GroundSite | None,
    answer_seconds: float,
    sinks: Sequence[Sink] = (),
    calibrated: Mapping[str, GroundCamera] | None = None,
) -> Associator:
    """A tracker per camera and, with a site, the ground, linked by a matcher. answer_seconds: as in MatcherConfig.
    calibrated: as for Followers.
    """
    followers = Followers({name: SingleCameraTracker(name, tracker) for name in names}, site, calibrated)
    linking: Matcher = matcher if site is None else SiteMatcher(matcher, site, answer_seconds)
    return Associator(followers, linking, sinks)


def associate(
    recordings: Sequence[Recording],
    frames_per_second: float | None,
    associator: Associator,
    delay_seconds: float | None,
) -> RecordedTracks:
    """Take an associator through recordings, in step by their times. frames_per_second: as for Recording.times.

    delay_seconds: how long an answer may be reconsidered (online); None: till the end (corrected history).
    """
    frames = {recording.camera_id: recording.frames for recording in recordings}
    pending: deque[Sighting] = deque()
    labelled: list[tuple[int, Sighting]] = []
    for batch in StepBatcher([RecordedCamera(recording, frames_per_second) for recording in recordings]):
        seen = {camera: frames[camera][frame.index] for camera, frame in batch.frames.items()}
        pending += associator.step(batch, seen)
        if delay_seconds is not None:
            labelled += _release(pending, associator, associator.t_seconds - delay_seconds + 1e-9)
    associator.finish()
    labelled += _release(pending, associator, np.inf)
    # whom the ground of overlapping cameras refuses, though one of them follows a box, is mostly nobody
    placed = [one for one in labelled if one[1].camera_id not in associator.on_shared_ground]
    return RecordedTracks(
        {name: _rows([one for one in labelled if one[1].camera_id == name]) for name in frames}, _ground_rows(placed)
    )


def _release(pending: deque[Sighting], associator: Associator, until_seconds: float) -> list[tuple[int, Sighting]]:
    """Take everything up to an instant out of the queue, under the identity that is known now."""
    released = []
    while pending and pending[0].t_seconds <= until_seconds:
        sighting = pending.popleft()
        identity = associator.identity(sighting)
        if identity is not None:
            released.append((identity, sighting))
    return released


def _rows(labelled: Sequence[tuple[int, Sighting]]) -> MotRows:
    """Rows of one camera; where an identity has two boxes in a frame, the one with the better score stays."""
    best: dict[tuple[int, int], Sighting] = {}
    for identity, sighting in labelled:
        known = best.get((sighting.frame, identity))
        if known is None or sighting.score > known.score:
            best[sighting.frame, identity] = sighting
    return MotRows(
        np.array([frame for frame, _ in best], np.int64),
        np.array([identity for _, identity in best], np.int64),
        np.array([s.box_xyxy for s in best.values()], np.float64).reshape(-1, 4),
        np.array([s.score for s in best.values()], np.float64),
        np.array([s.ground_metres for s in best.values()], np.float64).reshape(-1, 2),
    )


def _ground_rows(labelled: Sequence[tuple[int, Sighting]]) -> Places:
    """One place per identity and frame, the mean where two tracks became one person: on the ground that cameras share;
    of others as single cameras tell it.
    """
    shared: dict[tuple[int, int], list[tuple[float, float]]] = {}
    alone: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for identity, sighting in labelled:
        if not np.isnan(sighting.ground_metres[0]):
            places = shared if sighting.camera_id is None else alone
            places.setdefault((sighting.ground_frame, identity), []).append(sighting.ground_metres)
    rows = [(*key, *np.mean(found, axis=0)) for key, found in sorted((alone | shared).items())]
    return np.array(rows, np.float64).reshape(-1, 4)
