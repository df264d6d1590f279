"""What users correct and undo while a run goes on: all the way from pictures to the history, in a synthetic world."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from sqlalchemy import Connection, select

from tests.store.test_memory import next_heard, wait_for
from tests.store.walk import EPOCH
from tests.world import Noise, View, World, WorldCamera
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections, FloatArray, TrackletKey
from tracker.crosscam.constraints import Constraint, Withdrawal
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig
from tracker.pipeline import Pipeline
from tracker.store.corrections import merge_identities, undo
from tracker.store.memory import Hearing
from tracker.store.models import Camera, Identity, Tracklet
from tracker.store.numbers import IdentityNumbers
from tracker.store.reassociating import apply, judge_afresh
from tracker.store.runs import CameraOrigin, begin_run
from tracker.store.session import Store
from tracker.store.sightings import HistoryPart
from tracker.store.sink import StoreSink
from tracker.video.frame import Frame, FrameBatch, Image

CAMERAS = (WorldCamera("front"), WorldCamera("back", (22.0, 10.0, 4.0), 180.0))
FPS = 10.0


class SeenWorld:
    """A world as the two networks see it: the first pixel of a picture says which view it shows."""

    name, dimension = "world", 32

    def __init__(self) -> None:
        self._world = World(5, CAMERAS, seed=3, noise=Noise(embedding=0.3, false_alarms=0.0), leaving=0.0)
        self._views: list[View] = []

    def batches(self, count: int) -> Iterator[FrameBatch]:
        for index, (t_seconds, views) in enumerate(self._world.frames(count, FPS)):
            yield FrameBatch(t_seconds, {c: Frame(c, index, t_seconds, self._picture(v)) for c, v in views.items()})

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        found = [self._view(image).detections for image in images]
        return [Detections(people.boxes_xyxy, people.scores) for people in found]

    def embed(self, images: Sequence[Image], boxes_xyxy: Sequence[FloatArray]) -> list[FloatArray]:
        return [self._looks(self._view(image), boxes) for image, boxes in zip(images, boxes_xyxy, strict=True)]

    def _picture(self, view: View) -> Image:
        self._views.append(view)
        width, height = CAMERAS[0].size_pixels
        picture = np.zeros((height, width, 3), np.uint8)
        picture[0, 0, :2] = divmod(len(self._views) - 1, 256)
        return picture

    def _view(self, image: Image) -> View:
        return self._views[int(image[0, 0, 0]) * 256 + int(image[0, 0, 1])]

    def _looks(self, view: View, boxes: FloatArray) -> FloatArray:
        known = view.detections
        assert known.embeddings is not None
        same = (boxes[:, None] == known.boxes_xyxy[None]).all(axis=2)
        return known.embeddings[same.argmax(axis=1)] if len(boxes) else np.zeros((0, self.dimension), np.float32)


def stored(connection: Connection) -> Mapping[TrackletKey, int]:
    """Who each track is in the history."""
    query = (
        select(Camera.name, Tracklet.track_id, Identity.survivor_id)
        .select_from(Tracklet)
        .join(Camera, Camera.id == Tracklet.camera_id)
        .join(Identity, Identity.id == Tracklet.identity_id)
    )
    return {(camera, track): person for camera, track, person in connection.execute(query)}


def judged_as_one(connection: Connection, first: int, second: int) -> None:
    """A re-association that finds two people to be one, applied."""
    found = judge_afresh(connection, HistoryPart(), MatcherConfig())
    ids = tuple(second if one.identity_id in (None, first) else one.identity_id or 0 for one in found.sightings)
    apply(connection, replace(found, people=replace(found.people, ids=ids)), 1.0)


@pytest.mark.parametrize("change", [lambda c, first, second: merge_identities(c, second, first), judged_as_one])
def test_a_correction_and_its_undoing_reach_a_run_under_way(
    store: Store, monkeypatch: pytest.MonkeyPatch, change: Callable[[Connection, int, int], object]
) -> None:
    """Two people are made one and two again, each under its own number, in the matcher and in the history alike."""
    monkeypatch.setattr("tracker.store.memory.HEAR_SECONDS", 0.01)
    world, cameras = SeenWorld(), [camera.name for camera in CAMERAS]
    run = begin_run(
        store,
        {c: CameraOrigin(c, EPOCH) for c in cameras},
        embedder_name=world.name,
        embedder_dimension=world.dimension,
    )
    said: list[Constraint | Withdrawal] = []
    pipeline = Pipeline(
        detector=world,
        embedder=world,
        trackers={camera: SingleCameraTracker(camera) for camera in cameras},
        matcher=CrossCameraMatcher(issue_id=IdentityNumbers(store)),
        decisions=lambda: [said.pop(0) for _ in range(len(said))],
        sinks=[StoreSink(store, run)],
    )
    batches = world.batches(110)

    def goes_on(correct: Callable[[Connection], object]) -> None:
        with store.write() as connection:
            correct(connection)
        said.extend(next_heard(hearing))
        for batch in islice(batches, 35):
            pipeline.step(batch)

    with Hearing(store, run) as hearing:
        for batch in islice(batches, 40):
            pipeline.step(batch)
        wait_for(store, lambda c: len(set(stored(c).values())) >= 2)
        with store.read() as connection:
            before = stored(connection)
        first, second = sorted(set(before.values()))[:2]
        tracks = [key for key, person in before.items() if person in (first, second)]
        goes_on(lambda connection: change(connection, first, second))
        assert len({pipeline.matcher.identity_of(key) for key in tracks}) == 1
        goes_on(undo)
        assert {key: pipeline.matcher.identity_of(key) for key in tracks} == {key: before[key] for key in tracks}
    pipeline.finish()
    pipeline.close()
    with store.read() as connection:
        after = stored(connection)
    assert {key: after[key] for key in tracks} == {key: before[key] for key in tracks}
