"""Recorded detections: reading, writing, tracking."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.crosscam.ground_world import CAMERAS, STEP_SECONDS, detections
from tests.recorded.written import write_recording
from tracker.core.types import Detections
from tracker.crosscam.ground_plane import GroundCamera
from tracker.errors import OmnitrackError
from tracker.recorded.files import Recording, read_recording
from tracker.recorded.run import track_recordings


def square(steps: int = 20) -> tuple[list[Recording], list[dict[str, list[int]]]]:
    rng = np.random.default_rng(4)
    frames, people = [], []
    for number in range(steps):
        t = number * STEP_SECONDS
        found, whose = detections({1: (-3 + 0.4 * t, -1.0), 2: (3 - 0.4 * t, 1.0), 3: (0.0, 3.0)}, rng)
        frames.append(found)
        people.append(whose)
    return [Recording(name, tuple(frame[name] for frame in frames), (1280, 960)) for name in CAMERAS], people


def test_a_recording_survives_writing_and_reading(tmp_path: Path) -> None:
    recording = square()[0][0]
    write_recording(tmp_path / "c0.npz", recording)
    again = read_recording("c0", tmp_path / "c0.npz")
    assert again.image_size == recording.image_size
    assert {frame.image_size for frame in again.frames} == {(1280, 960)}, "the tracker asks who is cut by its edge"
    assert {frame.image_size for frame in recording.clipped((1000, 960)).frames} == {(1000, 960)}
    assert len(again.frames) == len(recording.frames)
    for one, two in zip(recording.frames, again.frames, strict=True):
        np.testing.assert_array_equal(one.boxes_xyxy, two.boxes_xyxy)
        assert one.embeddings is not None
        assert two.embeddings is not None
        np.testing.assert_allclose(one.embeddings, two.embeddings, atol=1e-3)


def test_times_survive_and_a_rate_that_is_given_takes_their_place(tmp_path: Path) -> None:
    recording = replace(square(3)[0][0], t_seconds=np.array([0.25, np.nan, 0.875]))
    write_recording(tmp_path / "c0.npz", recording)
    again = read_recording("c0", tmp_path / "c0.npz")
    np.testing.assert_array_equal(again.times(None), [0.25, np.nan, 0.875])
    np.testing.assert_array_equal(again.times(2.0), [0.0, np.nan, 1.0])
    assert [seen is None for seen in again.looked_at()] == [False, True, False]
    np.testing.assert_array_equal(again.first(1).times(None), [0.25])


def test_a_recording_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "c0.npz").mkdir()
    with pytest.raises(OmnitrackError, match=r"c0\.npz: cannot be written"):
        write_recording(tmp_path / "c0.npz", square(1)[0][0])


def test_an_empty_recording_survives(tmp_path: Path) -> None:
    write_recording(tmp_path / "x.npz", Recording("x", (Detections.empty(), Detections.empty())))
    assert [len(seen) for seen in read_recording("x", tmp_path / "x.npz").frames] == [0, 0]


def test_mot_text_with_embeddings_beside_it(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("2,-1,10,20,30,40,0.5,-1,-1,-1\n1,-1,1,2,3,4,0.9,-1,-1,-1\n")
    np.savez(tmp_path / "x.npz", emb=np.array([[3.0, 4.0], [0.0, 2.0]]))
    first, second = read_recording("x", tmp_path / "x.txt", None, tmp_path / "x.npz").frames
    np.testing.assert_allclose(first.boxes_xyxy, [[1, 2, 4, 6]])
    assert second.embeddings is not None
    np.testing.assert_allclose(second.embeddings, [[0.6, 0.8]], atol=1e-6)


def test_clipped_boxes_end_at_the_border() -> None:
    boxes = np.array([[-5, 10, 20, 50], [90, 90, 140, 130], [200, 0, 210, 9]], np.float32)
    seen = Detections(boxes, np.ones(3, np.float32)), Detections.empty()
    clipped = Recording("x", seen).clipped((100, 100))
    np.testing.assert_allclose(clipped.frames[0].boxes_xyxy, [[0, 10, 20, 50], [90, 90, 100, 100]])


ONE = {"frame": np.array([1]), "boxes_xyxy": np.array([[0, 0, 9, 9]]), "conf": np.ones(1)}


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"boxes_xyxy": np.zeros((0, 4)), "conf": np.zeros(0)}, "'frame'"),
        ({"frame": np.array([1]), "boxes_xyxy": np.zeros((0, 4)), "conf": np.zeros(0)}, "differ in length"),
        ({"frame": np.array([0]), "boxes_xyxy": np.array([[0, 0, 9, 9]]), "conf": np.ones(1)}, "frames must lie"),
        ({"frame": np.array([1]), "boxes_xyxy": np.array([[9, 9, 0, 0]]), "conf": np.ones(1)}, "box 0"),
        (
            {k: np.zeros((0, 4)) for k in ("boxes_xyxy", "emb_a", "emb_b")}
            | {"frame": np.zeros(0), "conf": np.zeros(0)},
            "emb_a, emb_b",
        ),
        (ONE | {"emb": np.array([[np.nan, 1.0]])}, "emb is not finite in row 0"),
        (ONE | {"emb": np.array([["a", "b"]])}, "emb must hold numbers"),
        (ONE | {"frame": np.array([1.5])}, "whole numbers"),
        (ONE | {"frame": np.array([10**9])}, "the last frame is 1000000000"),
        (ONE | {"conf": np.array([7.5])}, "that of box 0 is 7.5"),
        (ONE | {"n_frames": np.array([1, 2])}, "n_frames must hold whole numbers, 1 of them"),
        (ONE | {"t_seconds": np.array([0.0, 1.0])}, "t_seconds must hold growing seconds of all 1 frames"),
        (ONE | {"n_frames": 2, "t_seconds": np.array([1.0, 1.0])}, "t_seconds must hold growing seconds"),
        (ONE | {"t_seconds": np.array([np.inf])}, "t_seconds must hold growing seconds"),
        (ONE | {"image_size": np.array([640.5, 480])}, "image_size must hold whole numbers, 2 of them"),
    ],
)
def test_a_bad_recording_is_one_clear_error(tmp_path: Path, arrays: dict[str, np.ndarray], complaint: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(OmnitrackError, match=complaint) as raised:
        read_recording("x", tmp_path / "bad.npz")
    assert "bad.npz" in str(raised.value)


def test_a_recording_that_tells_its_times_may_be_of_any_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that does not, a high number is taken for a slip."""
    monkeypatch.setattr("tracker.recorded.files.MOST_FRAMES", 10)
    late = ONE | {"frame": np.array([20])}
    np.savez(tmp_path / "bare.npz", **late)  # type: ignore[arg-type]
    np.savez(tmp_path / "timed.npz", **late, n_frames=30, t_seconds=np.arange(30.0))  # type: ignore[arg-type]
    (tmp_path / "mot.txt").write_text("20,-1,0,0,9,9,1\n")
    for name in ("bare.npz", "mot.txt"):
        with pytest.raises(OmnitrackError, match=rf"{name}: the last frame is 20; .* at most 10"):
            read_recording("x", tmp_path / name)
    assert [len(seen) for seen in read_recording("x", tmp_path / "timed.npz").frames] == [0] * 19 + [1] + [0] * 10


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=r"none\.npz"):
        read_recording("x", tmp_path / "none.npz")


@pytest.mark.parametrize("delay_seconds", [1.0, None])
def test_people_on_the_ground_have_one_id_in_all_cameras(delay_seconds: float | None) -> None:
    recordings, people = square()
    tracks = track_recordings(recordings, 1 / STEP_SECONDS, cameras=CAMERAS, delay_seconds=delay_seconds)
    ids: dict[int, set[int]] = {}
    for recording in recordings:
        rows = tracks.cameras[recording.camera_id]
        for frame, identity, box in zip(rows.frames, rows.ids, rows.boxes_xyxy, strict=True):
            seen = recording.frames[frame - 1].boxes_xyxy
            person = people[frame - 1][recording.camera_id][int(np.abs(seen - box).sum(axis=1).argmin())]
            ids.setdefault(person, set()).add(int(identity))
    assert all(len(found) == 1 for found in ids.values()), ids
    assert len(set.union(*ids.values())) == 3
    assert set(tracks.ground[:, 1]) == set.union(*ids.values())


def test_cameras_that_are_not_calibrated_are_followed_beside_the_ground() -> None:
    """Two of four are calibrated: nobody is lost in the others, and people are one across all."""
    recordings, _ = square()
    some = {name: CAMERAS[name] for name in ("c0", "c1")}
    tracks = track_recordings(recordings, 1 / STEP_SECONDS, cameras=some, delay_seconds=None)
    assert {name: len(set(rows.ids)) for name, rows in tracks.cameras.items()} == dict.fromkeys(CAMERAS, 3)
    assert len({int(i) for rows in tracks.cameras.values() for i in rows.ids}) == 3
    assert set(tracks.ground[:, 1]) == set(tracks.cameras["c0"].ids)


def test_recordings_of_different_length_are_followed_to_the_end() -> None:
    recordings, _ = square()
    short = Recording("c0", recordings[0].frames[:5])
    tracks = track_recordings([short, *recordings[1:]], 1 / STEP_SECONDS)
    assert not len(tracks.ground)
    assert tracks.cameras["c1"].frames.max() == 20


def test_a_camera_that_shares_no_view_tells_places_too() -> None:
    recordings, _ = square()
    tracks = track_recordings(recordings[:1], 1 / STEP_SECONDS, cameras=CAMERAS, delay_seconds=None)
    rows = tracks.cameras["c0"]
    told = ~np.isnan(rows.ground_metres[:, 0])
    expected = {(int(f), int(i)): xy for f, i, xy in zip(rows.frames, rows.ids, rows.ground_metres, strict=True)}
    assert len(tracks.ground) == told.sum() > 20
    for frame, identity, x, y in tracks.ground:
        np.testing.assert_allclose((x, y), expected[frame, identity])


def test_a_camera_beside_the_shared_ground_tells_places_of_whom_the_others_do_not_see() -> None:
    """The third camera films a square of its own, one that is 100 m away, with the same people later."""
    recordings, _ = square()
    nobody = (Detections.empty(),) * 20
    here = [replace(r, frames=r.frames + nobody) for r in recordings[:2]]
    there = Recording("far", nobody + recordings[2].frames)
    move = np.array([[1.0, 0, 100], [0, 1, 0], [0, 0, 1]])
    cameras = {name: CAMERAS[name] for name in ("c0", "c1")}
    cameras["far"] = GroundCamera(move @ CAMERAS["c2"].image_to_ground, CAMERAS["c2"].image_size)
    places = track_recordings([*here, there], 1 / STEP_SECONDS, cameras=cameras, delay_seconds=None).ground
    assert set(places[places[:, 2] < 50, 0]) <= set(range(1, 24)), "a track lives on for a moment"
    assert len(places[places[:, 2] < 50]) > 40
    assert len(places[(places[:, 2] > 90) & (places[:, 0] > 20)]) > 20
