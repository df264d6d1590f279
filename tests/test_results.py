from pathlib import Path

import numpy as np

from tracker.core.motion import MotionConfig
from tracker.evaluation.mot import read_mot
from tracker.results import Visit, journeys, write_mot_files
from tracker.store.stored_tracks import TrackletRow


def row(camera: str, track: int, identity: int, frames: list[int], x: float = 10.0) -> TrackletRow:
    n = len(frames)
    boxes = np.tile(np.array([x, 20, x + 30, 100], np.float32), (n, 1)) + np.array(frames, np.float32)[:, None]
    index = np.array(frames, np.int64)
    return TrackletRow(camera, track, identity, None, index, index / 10, boxes, np.full(n, 0.5, np.float32))


def test_a_journey_lists_visits_in_order_of_time() -> None:
    found = journeys([row("b", 1, 7, [30, 31]), row("a", 1, 7, [0, 5]), row("a", 2, 3, [2, 4])])
    assert [j.identity_id for j in found] == [3, 7]
    assert found[1].visits == (Visit("a", 0.0, 0.5), Visit("b", 3.0, 3.1))
    assert found[1].cameras == ("a", "b")


def test_pieces_close_in_time_are_one_visit() -> None:
    pieces = [row("a", 1, 7, [0, 5]), row("a", 2, 7, [12, 20]), row("a", 3, 7, [60, 70])]
    assert journeys(pieces)[0].visits == (Visit("a", 0.0, 2.0), Visit("a", 6.0, 7.0))


def test_every_camera_gets_a_file_with_global_ids(tmp_path: Path) -> None:
    write_mot_files([row("a", 1, 7, [0, 1]), row("a", 2, 3, [1])], ["a", "b"], tmp_path, 0.0, MotionConfig())
    a = read_mot(tmp_path / "a.txt")
    assert list(zip(a.frames.tolist(), a.ids.tolist(), strict=True)) == [(1, 7), (2, 3), (2, 7)]
    assert len(read_mot(tmp_path / "b.txt")) == 0


def test_short_gaps_are_filled_long_ones_are_not(tmp_path: Path) -> None:
    write_mot_files([row("a", 1, 7, [0, 2, 20])], ["a"], tmp_path, 0.5, MotionConfig())
    rows = read_mot(tmp_path / "a.txt")
    assert rows.frames.tolist() == [1, 2, 3, 21]
    assert rows.conf.tolist() == [0.5, 0.0, 0.5, 0.5]
    np.testing.assert_allclose(rows.boxes_xyxy[1], [11, 21, 41, 101], atol=1)


def test_an_identity_has_one_box_per_frame_the_observed_one(tmp_path: Path) -> None:
    """Two pieces of one identity overlap in time only where one of them was interpolated."""
    write_mot_files([row("a", 1, 7, [0, 4]), row("a", 2, 7, [2], x=300.0)], ["a"], tmp_path, 1.0, MotionConfig())
    rows = read_mot(tmp_path / "a.txt")
    assert rows.frames.tolist() == [1, 2, 3, 4, 5]
    assert rows.boxes_xyxy[2, 0] > 300
