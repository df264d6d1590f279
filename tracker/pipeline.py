"""The flow of one step: frames -> detections -> embeddings -> local tracks -> global identities -> sinks."""

import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections, FloatArray, IdentityEvent, TrackUpdate
from tracker.crosscam.constraints import Constraint, Withdrawal
from tracker.crosscam.following import Followers
from tracker.crosscam.ground.local_tracks import Seen
from tracker.crosscam.ground.site import GroundSite
from tracker.crosscam.ground_plane import GroundCamera
from tracker.ports import Detector, Embedder, Gate, Matcher, MotionEstimator, Sink, Step
from tracker.video.areas import EVERYWHERE, CameraAreas
from tracker.video.frame import Frame, FrameBatch
from tracker.video.readahead import computed_ahead
from tracker.video.sharpness import sharpness

Affine = NDArray[np.float64]


class Pipeline:
    """Owns the trackers' and the matcher's progress through one run.

    Deterministic: the same batches give the same steps, one after the other or overlapped. ground: follows people where
    calibrated cameras overlap; the matcher then knows it, too. calibrated: all cameras that are. decisions: gives what
    users have said of people since it was asked last. measured: a context for a stage, by its name.
    """

    def __init__(
        self,
        *,
        detector: Detector,
        embedder: Embedder,
        trackers: Mapping[str, SingleCameraTracker],
        matcher: Matcher,
        ground: GroundSite | None = None,
        calibrated: Mapping[str, GroundCamera] | None = None,
        decisions: Callable[[], Iterable[Constraint | Withdrawal]] | None = None,
        sinks: Sequence[Sink] = (),
        areas: Mapping[str, CameraAreas] | None = None,
        movements: Mapping[str, MotionEstimator] | None = None,
        gate: Gate | None = None,
        measured: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        self.detector = detector
        self.embedder = embedder
        self.trackers = dict(trackers)
        self.followers = Followers(self.trackers, ground, calibrated)
        self.matcher = matcher
        self.decisions = decisions
        self.sinks = sinks
        self.areas = dict(areas or {})
        self.movements = dict(movements or {})
        self.gate = gate
        self._measured = measured
        self._found: dict[str, Detections] = {}
        self.t_seconds = -math.inf
        self._camera_seconds: dict[str, float] = {}

    def steps(self, batches: Iterable[FrameBatch], ahead: int = 1) -> Generator[Step, None, None]:
        """All steps. While one is embedded, tracked, matched and written, people are sought in the `ahead` batches
        after it, which is what takes longest and needs nothing of what went before. No other batch is taken meanwhile.
        """
        looked_at = ((batch, self._news(batch)) for batch in batches)
        with closing(computed_ahead(lambda pair: self._detect(pair[1]), looked_at, ahead, "detect")) as detected:
            for (batch, _), found in detected:
                yield self._follow(batch, found)

    def step(self, batch: FrameBatch) -> Step:
        """One step on its own."""
        return self._follow(batch, self._detect(self._news(batch)))

    def _news(self, batch: FrameBatch) -> FrameBatch:
        """The frames in which people are sought; in the others they are where they were found last."""
        for frame in batch.frames.values():
            self._area(frame).paint_out(frame.image)
        return batch if self.gate is None else self.gate.news(batch)

    def _detect(self, news: FrameBatch) -> dict[str, Detections]:
        """Everybody by camera, found in one call of the network."""
        frames = list(news.frames.values())
        found = self.detector.detect([frame.image for frame in frames]) if frames else []
        return {frame.camera_id: people for frame, people in zip(frames, found, strict=True)}

    def _area(self, frame: Frame) -> CameraAreas:
        return self.areas.get(frame.camera_id, EVERYWHERE)

    def _follow(self, batch: FrameBatch, news: Mapping[str, Detections]) -> Step:
        """Describe the people found who count, then track and match them.

        Tracks of a camera that was lost end: whoever comes back into its view is a new local track.
        """
        frames = list(batch.frames.values())
        self._camera_seconds.update((frame.camera_id, frame.t_seconds) for frame in frames)
        self.t_seconds = max(self.t_seconds, batch.t_seconds, *self._camera_seconds.values())
        self._found |= news
        found = [self._area(frame).chosen(self._found[frame.camera_id], frame.image) for frame in frames]
        everybody = {frame.camera_id: self._found[frame.camera_id].boxes_xyxy for frame in frames}
        motions = self._camera_motions(frames, found)
        detections = self._describe(frames, found, motions)
        seen = {camera: Seen(frame.t_seconds, detections[camera]) for camera, frame in batch.frames.items()}
        # at the camera's own last time: a picture of it that was under way may follow
        lost = {camera: self._camera_seconds.get(camera, self.t_seconds) for camera in batch.lost_cameras}
        with self._measured("track"):
            updates = self.followers.step(self.t_seconds, seen, motions, lost)
        return self._link(batch, updates, detections, everybody)

    def _camera_motions(self, frames: Sequence[Frame], found: Sequence[Detections]) -> dict[str, Affine]:
        """How each camera that moves did since its picture before."""
        return {
            frame.camera_id: movement.estimate(frame.image, people.boxes_xyxy)
            for frame, people in zip(frames, found, strict=True)
            if (movement := self.movements.get(frame.camera_id)) is not None  # another thread may take it away
        }

    def _describe(
        self, frames: Sequence[Frame], found: Sequence[Detections], motions: Mapping[str, Affine]
    ) -> dict[str, Detections]:
        """The people found, with embeddings of those whose look the trackers ask for, in one call of the network."""
        seen = list(zip(frames, found, strict=True))
        with self._measured("select"):
            wanted = [
                self.followers.wants_embedding(frame.camera_id, frame.t_seconds, people, motions.get(frame.camera_id))
                for frame, people in seen
            ]
        boxes = [people.boxes_xyxy[rows] for people, rows in zip(found, wanted, strict=True)]
        vectors = self.embedder.embed([frame.image for frame in frames], boxes)
        described = {}
        for (frame, people), rows, looks in zip(seen, wanted, vectors, strict=True):
            embeddings = np.zeros((len(people), self.embedder.dimension), np.float32)
            sharp = np.zeros(len(people), np.float32)
            embeddings[rows], sharp[rows] = looks, sharpness(frame.image, people.boxes_xyxy[rows])
            height, width = frame.image.shape[:2]
            described[frame.camera_id] = replace(
                people, embeddings=embeddings, sharpness=sharp, image_size=(width, height)
            )
        return described

    def finish(self) -> None:
        """End every track and let the matcher settle what is open. Call once, after the last step."""
        if self.t_seconds == -math.inf:
            return  # there was no step
        self._link(FrameBatch(self.t_seconds, {}), self.followers.finish(self.t_seconds), {}, {}, last=True)

    def close(self) -> None:
        """Close the sinks, each whatever the others do."""
        with ExitStack() as stack:
            for sink in reversed(self.sinks):
                stack.callback(sink.close)

    def _link(
        self,
        batch: FrameBatch,
        updates: Mapping[str, Sequence[TrackUpdate]],
        detections: Mapping[str, Detections],
        everybody_xyxy: Mapping[str, FloatArray],
        last: bool = False,
    ) -> Step:
        with self._measured("match"):
            events = self._heard()
            events += self.matcher.update(self.t_seconds, list(flatten(updates.values())))
            if last:
                events = [*events, *self.matcher.finish(self.t_seconds)]
        step = Step(batch, updates, events, detections, everybody_xyxy)
        for sink in self.sinks:
            sink.write(step)
        return step

    def _heard(self) -> list[IdentityEvent]:
        """What users have said meanwhile changes who is who."""
        said = list(self.decisions()) if self.decisions is not None else []
        return self.matcher.constrain(self.t_seconds, said) if said else []


def flatten(groups: Iterable[Sequence[TrackUpdate]]) -> Iterable[TrackUpdate]:
    for group in groups:
        yield from group
