"""What every preset and the command promise, on synthetic people."""

import json

import numpy as np
import pytest

from tests.world import View, World
from tracker.core.presets import PRESETS
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections, TrackState


def views(seed: int, count: int = 60) -> list[tuple[float, View]]:
    return [(t, by_camera["c1"]) for t, by_camera in World(8, seed=seed).frames(count, 10.0)]


@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_track_ends_once_and_ids_are_never_used_again(preset: str) -> None:
    tracker, ended, seen = SingleCameraTracker("c", PRESETS[preset]), set(), set()
    steps = [tracker.update(t_seconds, view.detections) for t_seconds, view in views(1, 100)]
    for update in [update for step in steps for update in step] + tracker.finish(10.0):
        assert update.track_id not in ended
        seen.add(update.track_id)
        if update.state is TrackState.ENDED:
            ended.add(update.track_id)
    assert seen == ended
    assert len(seen) >= 5


def test_a_new_tracker_can_be_stored_before_its_first_frame() -> None:
    restored = SingleCameraTracker.restored("c", json.loads(json.dumps(SingleCameraTracker("c").state())))
    (update,) = restored.update(0.0, Detections(np.array([[0, 0, 10, 20]], np.float32), np.ones(1, np.float32)))
    assert update.track_id == 1


def test_a_panning_camera_is_followed_when_its_motion_is_known() -> None:
    tracker = SingleCameraTracker("c")
    pan = np.array([[1.0, 0, 150], [0, 1, 0]])
    ids = set()
    for index in range(6):
        left = 20.0 + 150 * index
        detections = Detections(np.array([[left, 50, left + 40, 150]], np.float32), np.array([0.9], np.float32))
        ids |= {update.track_id for update in tracker.update(0.1 * index, detections, pan if index else None)}
    assert ids == {1}


def test_people_who_cross_and_hide_one_another_keep_their_tracks() -> None:
    """Of the pairs of observations that follow one another of one person, hardly any change the track."""
    tracker = SingleCameraTracker("c")
    latest: dict[int, int] = {}
    continued = switched = 0
    for t_seconds, view in views(2, 150):
        for update in tracker.update(t_seconds, view.detections):
            person = -1 if update.detection_index is None else int(view.people[update.detection_index])
            if person >= 0:
                continued += latest.get(person) == update.track_id
                switched += latest.get(person, update.track_id) != update.track_id
                latest[person] = update.track_id
    assert continued > 500
    assert switched < continued / 100
