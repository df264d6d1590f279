"""Steps as the pipeline would make them, for people who walk past cameras."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from hypothesis import HealthCheck, settings

from tracker.core.types import FloatArray, IdentityEvent, IdentityEventKind, LinkEvidence, TrackState, TrackUpdate
from tracker.ports import Step
from tracker.store.runs import ActiveRun, CameraOrigin, begin_run
from tracker.store.session import Store
from tracker.store.sink import StoreSink
from tracker.video.frame import Frame, FrameBatch

EPOCH = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
FPS = 10.0
DIMENSION = 8
unhurried = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
"""For properties of a real database: what matters is the answer, not how busy the machine is."""

IMAGE = np.zeros((2, 2, 3), np.uint8)


@dataclass(frozen=True)
class Stay:
    """One local track from frame `first` to `last` (inclusive), linked to an identity when confirmed (None: never)."""

    camera: str
    track_id: int
    identity_id: int | None
    first: int
    last: int


def box(stay: Stay, frame: int) -> FloatArray:
    corner = np.random.default_rng([stay.track_id, frame]).random(2, np.float32) * 500
    return np.concatenate([corner, corner + np.float32(40)]).astype(np.float32)


def embedding(stay: Stay) -> FloatArray:
    vector = np.random.default_rng(stay.identity_id or 0).normal(size=DIMENSION).astype(np.float32)
    return vector / np.float32(np.linalg.norm(vector))


def update(stay: Stay, frame: int, confirm_after: int = 2) -> TrackUpdate:
    counted = stay.identity_id is not None and frame - stay.first >= confirm_after
    alive = TrackState.CONFIRMED if counted else TrackState.TENTATIVE
    state = TrackState.ENDED if frame > stay.last else alive
    seen = frame <= stay.last
    return TrackUpdate(
        camera_id=stay.camera,
        track_id=stay.track_id,
        t_seconds=frame / FPS,
        state=state,
        box_xyxy=box(stay, frame),
        score=0.75 if seen else 0.0,
        detection_index=0 if seen else None,
        embedding=embedding(stay) if seen else None,
        quality=0.5 if seen else 0.0,
        confirmed=counted,
    )


def steps(cameras: Sequence[str], stays: Sequence[Stay]) -> Iterator[Step]:
    """One step per frame; a stay ends in the frame after its last, and is assigned in its third."""
    for frame in range(max(stay.last for stay in stays) + 2):
        t_seconds = frame / FPS
        frames = {camera: Frame(camera, frame, t_seconds, IMAGE) for camera in cameras}
        present = [stay for stay in stays if stay.first <= frame <= stay.last + 1]
        updates = {c: [update(stay, frame) for stay in present if stay.camera == c] for c in cameras}
        events = [
            assigned(stay, t_seconds) for stay in present if stay.identity_id is not None and frame == stay.first + 2
        ]
        yield Step(FrameBatch(t_seconds, frames), updates, events)


def assigned(stay: Stay, t_seconds: float) -> IdentityEvent:
    assert stay.identity_id is not None
    evidence = LinkEvidence("appearance", 0.9, 0.8, 7, 0.3, {"transit": 0.5})
    key = (stay.camera, stay.track_id)
    return IdentityEvent(IdentityEventKind.ASSIGNED, t_seconds, stay.identity_id, key, evidence=evidence)


def event(kind: IdentityEventKind, identity_id: int, previous: int | None = None, stay: Stay | None = None) -> Step:
    """A step without frames that only changes identities."""
    key = (stay.camera, stay.track_id) if stay else None
    change = IdentityEvent(kind, 100.0, identity_id, key, previous)
    return Step(FrameBatch(100.0, {}), {}, [change])


def begin(store: Store, cameras: Sequence[str] = ("west", "east")) -> ActiveRun:
    origins = {camera: CameraOrigin(f"{camera}.mp4", EPOCH) for camera in cameras}
    return begin_run(store, origins, embedder_name="osnet", embedder_dimension=DIMENSION)


def record(store: Store, stays: Sequence[Stay], extra: Sequence[Step] = (), run: ActiveRun | None = None) -> ActiveRun:
    """Run a whole pipeline's output into the store."""
    run = run or begin(store)
    sink = StoreSink(store, run)
    for step in [*steps(list(run.cameras), stays), *extra]:
        sink.write(step)
    sink.close()
    return run


def crowd(first_identity_id: int, generations: int) -> list[Stay]:
    """Ten people at a time in one camera, each for four seconds, everybody somebody new."""
    return [
        Stay("west", number + 1, first_identity_id + number, number // 10 * 40, number // 10 * 40 + 38)
        for number in range(10 * generations)
    ]
