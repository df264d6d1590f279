from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from tests.store.walk import EPOCH, FPS, Stay, begin, box, event, steps
from tracker.core.types import IdentityEvent, IdentityEventKind
from tracker.errors import NotFoundError
from tracker.ports import Step
from tracker.store.best_crop import MOST_HEIGHT, BestCrop
from tracker.store.crops import crops_of_person, crops_of_sighting, jpeg_of
from tracker.store.models import Crop, Tracklet
from tracker.store.privacy import forget, retain
from tracker.store.session import Store
from tracker.store.sink import StoreSink
from tracker.video.frame import Frame, FrameBatch, Image

STAYS = [Stay("west", 1, 1, 0, 199), Stay("east", 2, 2, 20, 60)]


def picture(frame: int) -> Image:
    return np.random.default_rng(frame).integers(0, 255, (600, 600, 3), np.uint8)


def quality(frame: int) -> float:
    """Best in the middle of each chunk of 50 boxes, and better from chunk to chunk."""
    return 0.1 + 0.1 * (frame // 50) + 0.05 * (1 - abs(frame % 50 - 25) / 25)


def filmed(stays: Sequence[Stay]) -> Iterator[Step]:
    """Steps with pictures, in which people are seen better and worse."""
    for step in steps(["west", "east"], stays):
        frames = {name: Frame(name, f.index, f.t_seconds, picture(f.index)) for name, f in step.batch.frames.items()}
        index = round(step.batch.t_seconds * FPS)
        updates = {
            camera: [replace(update, quality=quality(index) if update.quality else 0) for update in of_camera]
            for camera, of_camera in step.updates.items()
        }
        yield replace(step, batch=FrameBatch(step.batch.t_seconds, frames), updates=updates)


def film(store: Store, stays: Sequence[Stay], keep: int, extra: Sequence[Step] = ()) -> None:
    sink = StoreSink(store, begin(store), crops_per_sighting=keep)
    for step in [*filmed(stays), *extra]:
        sink.write(step)
    sink.close()


def frames_of(store: Store, tracklet_id: int) -> list[int]:
    with store.read() as connection:
        return [round((crop.at - EPOCH).total_seconds() * FPS) for crop in crops_of_sighting(connection, tracklet_id)]


def tracklets(store: Store) -> list[int]:
    with store.read() as connection:
        return list(connection.scalars(select(Tracklet.id).order_by(Tracklet.start_us)))


@pytest.mark.parametrize(("keep", "kept"), [(0, 0), (1, 1), (3, 3), (10, 5)])
def test_the_clearest_pictures_are_kept(store: Store, keep: int, kept: int) -> None:
    film(store, STAYS[:1], keep)
    (tracklet,) = tracklets(store)
    frames = frames_of(store, tracklet)
    assert len(frames) == kept  # one of each stored chunk at most, of which there are five
    assert frames == sorted(frames, key=quality, reverse=True)
    assert frames[:1] == [175][:kept]


def test_the_picture_shows_the_person(store: Store) -> None:
    film(store, STAYS[:1], 1)
    with store.read() as connection:
        (crop,) = crops_of_person(connection, 1)
        jpeg = jpeg_of(connection, crop.tracklet_id, crop.at)
    frame = round((crop.at - EPOCH).total_seconds() * FPS)
    left, top, right, bottom = box(STAYS[0], frame)
    seen = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    there = picture(frame)[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))]
    assert seen.shape == there.shape
    assert np.corrcoef(seen.ravel(), there.ravel())[0, 1] > 0.5  # noise is hard on JPEG


def test_tracks_that_were_never_confirmed_leave_no_picture(store: Store) -> None:
    film(store, [Stay("west", 1, None, 0, 60)], 3)
    with store.read() as connection:
        assert connection.scalars(select(Crop.tracklet_id)).all() == []


def test_pictures_go_with_the_person_when_a_track_is_cut(store: Store) -> None:
    cut = IdentityEvent(IdentityEventKind.REVISED, 15.0, 2, ("west", 1), 1, since_seconds=10.0)
    assigned = event(IdentityEventKind.CONFIRMED, 1)
    film(store, STAYS[:1], 3, [replace(assigned, events=[cut])])
    first, second = tracklets(store)
    assert all(frame < 100 for frame in frames_of(store, first))
    assert 175 in frames_of(store, second)
    assert all(frame >= 100 for frame in frames_of(store, second))


def test_forgetting_erases_every_byte_of_them(store: Store) -> None:
    film(store, STAYS, 3)
    with store.read() as connection:
        theirs, others = (
            [jpeg_of(connection, c.tracklet_id, c.at) for c in crops_of_person(connection, p)] for p in (1, 2)
        )
    assert (len(theirs), len(others)) == (3, 2)

    def found(jpegs: list[bytes]) -> list[bool]:
        files = [file.read_bytes() for file in store.path.parent.iterdir()]
        return [any(jpeg[-200:-100] in content for content in files) for jpeg in jpegs]

    assert found(theirs) == [True] * 3
    forget(store, 1)
    assert found(theirs) == [False] * 3
    assert found(others) == [True] * 2
    retain(store, EPOCH + timedelta(days=1))
    assert found(others) == [False] * 2


def test_a_picture_that_is_not_there_is_named(store: Store) -> None:
    with store.read() as connection, pytest.raises(NotFoundError, match="no picture of sighting 7"):
        jpeg_of(connection, 7, EPOCH)


def test_a_crop_is_cut_to_the_picture_and_bounded() -> None:
    best = BestCrop(3)
    image = picture(0)
    best.offer(image, np.array([-50, -50, 100, 700], np.float32), 0.5, 1)
    (row,) = best.take(7)
    shown = cv2.imdecode(np.frombuffer(row["jpeg"], np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (MOST_HEIGHT, round(100 * MOST_HEIGHT / 600), 3)
    assert (row["tracklet_id"], row["at_us"], row["quality"]) == (7, 1, 0.5)


def test_what_cannot_become_one_of_the_best_is_not_taken() -> None:
    best, image, somewhere = BestCrop(2), picture(0), np.array([0, 0, 10, 10], np.float32)
    taken = []
    for at_us, value in enumerate([0.0, 0.5, 0.4, 0.3, 0.6, 0.5]):
        best.offer(image, somewhere, value, at_us)
        taken += [row["quality"] for row in best.take(1)]
    assert taken == [0.5, 0.4, 0.6]
    best.offer(image, np.array([700, 0, 800, 10], np.float32), 0.9, 9)  # outside of the picture
    assert best.take(1) == []
