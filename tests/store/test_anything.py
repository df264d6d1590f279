"""Whatever a tracker does, exactly the observed boxes of confirmed tracks come back."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.walk import IMAGE, begin, unhurried
from tracker.core.types import TrackState, TrackUpdate
from tracker.ports import Step
from tracker.store.maintenance import check
from tracker.store.session import Store, open_store
from tracker.store.sink import StoreSink
from tracker.store.stored_tracks import tracklets
from tracker.video.frame import Frame, FrameBatch


@dataclass(frozen=True)
class Track:
    """Which of its frames were observed, when it was confirmed (None: never), and whether it is seen to end."""

    camera: str
    first: int
    observed: tuple[bool, ...]
    confirmed_after: int | None
    ends: bool


tracks = st.lists(
    st.builds(
        Track,
        camera=st.sampled_from(["west", "east"]),
        first=st.integers(0, 60),
        observed=st.lists(st.booleans(), min_size=1, max_size=120).map(lambda seen: (True, *seen)),
        confirmed_after=st.none() | st.integers(0, 120),
        ends=st.booleans(),
    ),
    max_size=5,
)
rates = st.sampled_from([0.3, 2.0, 7.0, 25.0, 120.0])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("store") / "omnitrack.db") as store:
        yield store


def updated(track: Track, track_id: int, frame: int, fps: float) -> TrackUpdate | None:
    age = frame - track.first
    over = age >= len(track.observed)
    if age < 0 or age > len(track.observed) or (over and not track.ends):
        return None
    confirmed = track.confirmed_after is not None and age >= track.confirmed_after
    seen = not over and track.observed[age]
    alive = TrackState.CONFIRMED if confirmed else TrackState.TENTATIVE
    box = np.array([frame / 7, track_id, frame / 7 + 3, track_id + 0.1], np.float32)
    state = TrackState.ENDED if over else alive if seen else TrackState.LOST
    index = 0 if seen else None
    return TrackUpdate(track.camera, track_id, frame / fps, state, box, 0.5 * seen, index, confirmed=confirmed)


def boxes_that_count(track: Track) -> list[int]:
    """Frames of the observed boxes, none if the track was never confirmed while it was there."""
    last = len(track.observed) - 1 + track.ends
    if track.confirmed_after is None or track.confirmed_after > last:
        return []
    return [track.first + age for age, seen in enumerate(track.observed) if seen]


@unhurried
@given(tracks, rates)
def test_exactly_the_observed_boxes_come_back(shared: Store, people: list[Track], fps: float) -> None:
    run = begin(shared)
    sink = StoreSink(shared, run)
    for frame in range(190):
        frames = {camera: Frame(camera, frame, frame / fps, IMAGE) for camera in ("west", "east")}
        updates: dict[str, list[TrackUpdate]] = {camera: [] for camera in frames}
        for track_id, track in enumerate(people):
            update = updated(track, track_id, frame, fps)
            if update is not None:
                updates[track.camera].append(update)
        sink.write(Step(FrameBatch(frame / fps, frames), updates, []))
    sink.close()
    with shared.read() as connection:
        found = {row.track_id: row for row in tracklets(connection, run.id)}
        assert check(connection) == []
    expected = {track_id: boxes_that_count(track) for track_id, track in enumerate(people)}
    assert {track_id: row.frames.tolist() for track_id, row in found.items()} == {
        k: v for k, v in expected.items() if v
    }
    for track_id, row in found.items():
        np.testing.assert_allclose(row.t_seconds, row.frames / fps, rtol=0, atol=5.1e-7)
        np.testing.assert_array_equal(row.boxes_xyxy[:, 0], (row.frames / 7).astype(np.float32))
        assert (row.boxes_xyxy[:, 1] == track_id).all()
