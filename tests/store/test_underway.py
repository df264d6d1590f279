"""What users correct and undo while a run goes on: all the way from pictures to the history, in a synthetic world."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pytest
from sqlalchemy import Connection, select

from tests.crosscam.test_decisions import watched
from tests.crosscam.test_matcher import CROSSING, steps_of
from tests.store.test_memory import next_heard, wait_for
from tests.store.walk import EPOCH, IMAGE
from tests.world import Noise, View, World, WorldCamera
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections, FloatArray, TrackletKey
from tracker.crosscam.constraints import Constraint, Withdrawal
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig
from tracker.pipeline import Pipeline
from tracker.ports import Step
from tracker.store.corrections import merge_identities, split_identity, undo
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


@dataclass(frozen=True)
class RunUnderWay:
    """A run that users correct. before: who each track was when they began."""

    store: Store
    pipeline: Pipeline
    batches: Iterator[FrameBatch]
    said: list[Constraint | Withdrawal]
    hearing: Hearing
    before: Mapping[TrackletKey, int]

    def goes_on(self, correct: Callable[[Connection], object]) -> None:
        """A user says something; the run hears it and takes 35 more steps."""
        with self.store.write() as connection:
            correct(connection)
        self.said.extend(next_heard(self.hearing))
        for batch in islice(self.batches, 35):
            self.pipeline.step(batch)

    def identities(self, tracks: Iterable[TrackletKey]) -> dict[TrackletKey, int | None]:
        return {key: self.pipeline.matcher.identity_of(key) for key in tracks}

    def ended(self) -> Mapping[TrackletKey, int]:
        """The history at the end of the run."""
        self.pipeline.finish()
        self.pipeline.close()
        with self.store.read() as connection:
            return stored(connection)


@pytest.fixture
def under_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunUnderWay]:
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
    with Hearing(store, run) as hearing:
        for batch in islice(batches, 40):
            pipeline.step(batch)
        wait_for(store, lambda c: len(set(stored(c).values())) >= 2)
        with store.read() as connection:
            before = stored(connection)
        yield RunUnderWay(store, pipeline, batches, said, hearing, before)


@pytest.mark.parametrize("change", [lambda c, first, second: merge_identities(c, second, first), judged_as_one])
def test_a_correction_and_its_undoing_reach_a_run_under_way(
    under_way: RunUnderWay, change: Callable[[Connection, int, int], object]
) -> None:
    """Two people are made one and two again, each under its own number, in the matcher and in the history alike."""
    before = under_way.before
    first, second = sorted(set(before.values()))[:2]
    tracks = [key for key, person in before.items() if person in (first, second)]
    under_way.goes_on(lambda connection: change(connection, first, second))
    assert len(set(under_way.identities(tracks).values())) == 1
    under_way.goes_on(undo)
    assert under_way.identities(tracks) == {key: before[key] for key in tracks}
    after = under_way.ended()
    assert {key: after[key] for key in tracks} == {key: before[key] for key in tracks}


def test_a_track_in_view_that_is_split_off_is_somebody_new_in_matcher_and_history(under_way: RunUnderWay) -> None:
    """And the person it was taken from keeps the tracks in the other camera."""
    before = under_way.before
    key, other = (next(one for one in reversed(list(before)) if one[0] == camera.name) for camera in CAMERAS)
    under_way.goes_on(lambda connection: merge_identities(connection, before[other], before[key]))
    assert under_way.identities([key, other]) == {key: before[other], other: before[other]}
    with under_way.store.read() as connection:
        (tracklet_id,) = connection.scalars(
            select(Tracklet.id).join(Camera).where(Camera.name == key[0], Tracklet.track_id == key[1])
        )
    under_way.goes_on(lambda connection: split_identity(connection, before[other], tracklet_id, only=True))
    now = under_way.identities([key, other])
    assert now[key] not in (None, *before.values())
    assert now[other] == before[other]
    after = under_way.ended()
    assert {one: after[one] for one in now} == now


@pytest.mark.parametrize("change", [lambda c, first, second: merge_identities(c, second, first), judged_as_one])
def test_a_correction_of_people_at_rest_and_its_undoing_reach_the_matcher(
    store: Store, monkeypatch: pytest.MonkeyPatch, change: Callable[[Connection, int, int], object]
) -> None:
    """Nobody is in view when both are said; those who return are recognised as in a run without any of it."""
    monkeypatch.setattr("tracker.store.memory.HEAR_SECONDS", 0.01)
    config, tracks = MatcherConfig(memory_seconds=60.0, open_seconds=1.0), [("east", 1), ("east", 2)]
    plain, matcher = (CrossCameraMatcher(config, issue_id=issue) for issue in (None, IdentityNumbers(store)))
    watched(CROSSING, plain)
    run = begin_run(
        store, {c: CameraOrigin(c, EPOCH) for c in ("east", "west")}, embedder_name="x", embedder_dimension=64
    )
    sink = StoreSink(store, run)
    steps = iter(steps_of(CROSSING))
    with Hearing(store, run) as hearing:
        for t, updates in steps:
            of_camera = {c: [u for u in updates if u.camera_id == c] for c in ("east", "west")}
            frames = {c: Frame(c, round(10 * t), t, IMAGE) for c in of_camera}
            sink.write(Step(FrameBatch(t, frames), of_camera, matcher.update(t, updates)))
            if t > 7.5:
                break
        wait_for(store, lambda c: {*tracks} <= stored(c).keys())
        before = {key: matcher.identity_of(key) for key in tracks}
        first, second = sorted(number or 0 for number in before.values())
        for correct, people in ((lambda c: change(c, first, second), 1), (undo, 2)):
            with store.write() as connection:
                correct(connection)
            matcher.constrain(t, next_heard(hearing))
            assert len({matcher.identity_of(key) for key in tracks}) == people
    sink.close()
    assert {key: matcher.identity_of(key) for key in tracks} == before
    for t, updates in steps:
        matcher.update(t, updates)
    matcher.finish(t)
    for key in (*tracks, ("west", 3), ("west", 4)):
        assert matcher.identity_of(key) == plain.identity_of(key)
