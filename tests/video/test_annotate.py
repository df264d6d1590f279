from collections import deque
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from tracker.core.types import TrackState, TrackUpdate
from tracker.errors import OmnitrackError
from tracker.pictures.palette import GREY, Colour, identity_colour
from tracker.ports import Step
from tracker.video.annotate import AnnotatedVideoSink, Annotator, Mark, clock_text, file_name
from tracker.video.encoding import VideoWriter
from tracker.video.frame import Frame, FrameBatch, Image

BLACK = np.zeros((180, 241, 3), np.uint8)
BOX = (100.0, 60.0, 140.0, 150.0)


def update(
    camera_id: str,
    track_id: int,
    box: tuple[float, float, float, float] = BOX,
    state: TrackState = TrackState.CONFIRMED,
    t_seconds: float = 0.0,
) -> TrackUpdate:
    return TrackUpdate(camera_id, track_id, t_seconds, state, np.array(box, np.float32), 0.9, 0, confirmed=True)


def step(t_seconds: float, updates: dict[str, list[TrackUpdate]], image: Image = BLACK, index: int = 0) -> Step:
    frames = {camera: Frame(camera, index, t_seconds, image) for camera in updates}
    return Step(FrameBatch(t_seconds, frames), updates, [])


def near(image: Image, colour: Colour, tolerance: int = 30) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """(height, width) bool: where the BGR picture has this colour."""
    difference = np.abs(image.astype(int) - np.array(colour[::-1]))
    return np.asarray(difference.max(axis=2) <= tolerance)


def read(path: Path) -> tuple[list[Image], list[float]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [np.asarray(f.to_ndarray(format="bgr24"), np.uint8) for f in frames], [
            float(f.time or 0) for f in frames
        ]


def drawn(marks: Sequence[Mark], image: Image = BLACK) -> Image:
    return Annotator("gate").draw(Frame("gate", 0, 0.0, image), marks)


def test_box_and_tag_have_the_colour_of_the_identity() -> None:
    image = drawn([Mark(update("gate", 1), 7, "#7")])
    mask = near(image, identity_colour(7))
    assert mask[60:150, 98:103].any(axis=1).all()  # the left edge
    assert mask[30:57, 100:110].any()  # the tag above the box
    assert not mask[80:140, 110:130].any()  # the person stays visible
    assert near(image, identity_colour(8)).sum() == 0


def test_the_picture_that_came_in_is_not_drawn_on() -> None:
    image = BLACK.copy()
    drawn([Mark(update("gate", 1), 7, "#7")], image)
    assert not image.any()


def test_who_does_not_count_yet_is_grey_and_who_is_lost_is_not_drawn() -> None:
    caption = drawn([])
    for mark in (Mark(update("gate", 1, state=TrackState.TENTATIVE), 7, "#7"), Mark(update("gate", 1), None, "")):
        image = drawn([mark])
        assert near(image, GREY)[62:148, 100].all()
        assert np.array_equal(image[:, 150:], caption[:, 150:])
    for state in (TrackState.LOST, TrackState.ENDED):
        assert np.array_equal(drawn([Mark(update("gate", 1, state=state), 7, "#7")]), caption)


def test_boxes_beyond_the_picture_are_cut() -> None:
    for box in ((-50, -20, 30, 100), (200, 100, 400, 300), (-90, -90, -10, -10), (300, 300, 310, 310)):
        assert drawn([Mark(update("gate", 1, box), 7, "#7")]).shape == BLACK.shape


def test_feet_leave_a_trail_that_fades() -> None:
    annotator = Annotator("gate")
    for number in range(10):
        x = 20.0 + 15 * number
        mark = Mark(update("gate", 1, (x, 60, x + 20, 150), t_seconds=number / 5), 7, "#7")
        image = annotator.draw(Frame("gate", number, number / 5, BLACK), [mark])
    trail = near(image, identity_colour(7), 60)[145:155]
    assert trail[:, 40:140].any(axis=0).mean() > 0.9
    later = Mark(update("gate", 1, (155, 60, 175, 150), t_seconds=9.0), 7, "#7")
    assert not near(annotator.draw(Frame("gate", 10, 9.0, BLACK), [later]), identity_colour(7), 60)[145:155, :150].any()


def test_videos_have_one_colour_per_person_and_the_frames_own_times(tmp_path: Path) -> None:
    identities = {("west", 3): 12, ("east", 1): 12}
    sink = AnnotatedVideoSink(tmp_path / "out", {"west": 7.0, "east": 7.0}, identities.get)
    times = [100.0, 100.1, 100.15, 103.0]
    for index, t_seconds in enumerate(times):
        updates = {"west": [update("west", 3)], "east": [update("east", 1)]}
        if index == 0:
            del updates["east"]
        sink.write(step(t_seconds, updates, index=index))
    sink.close()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["east.mp4", "west.mp4"]
    west, west_times = read(tmp_path / "out" / "west.mp4")
    east, east_times = read(tmp_path / "out" / "east.mp4")
    np.testing.assert_allclose(west_times, [0, 0.1, 0.15, 3.0], atol=1e-4)
    np.testing.assert_allclose(east_times, [0, 0.1, 0.15, 3.0], atol=1e-4)
    assert west[0].shape == (180, 242, 3)  # made even
    for image in (west[-1], east[-1]):
        assert near(image, identity_colour(12), 60)[60:150, 97:104].any(axis=1).mean() > 0.9


def test_a_camera_that_comes_later_is_dark_until_then(tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path, {"early": 5.0, "late": 5.0}, lambda key: None)
    sink.write(step(0.0, {"early": []}))
    sink.write(step(2.0, {"early": [], "late": []}, np.full((64, 64, 3), 200, np.uint8)))
    sink.close()
    images, times = read(tmp_path / "late.mp4")
    assert times == [0, 2]
    assert [image.mean() > 100 for image in images] == [False, True]


def test_a_picture_of_another_size_is_scaled(tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path, {"a": 5.0}, lambda key: None)
    sink.write(step(0.0, {"a": []}))
    sink.write(step(0.2, {"a": []}, np.full((360, 482, 3), 200, np.uint8)))
    sink.close()
    images, _ = read(tmp_path / "a.mp4")
    assert [image.shape for image in images] == [(180, 242, 3)] * 2
    assert images[1][90:].mean() == pytest.approx(200, abs=3)


def test_what_is_written_so_far_can_be_played(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    writer = VideoWriter(tmp_path / "a.mp4", 10.0)
    for index in range(100):
        writer.write(noise, index / 10)
    killed = tmp_path / "killed.mp4"
    killed.write_bytes((tmp_path / "a.partial.mp4").read_bytes())
    assert len(read(killed)[0]) >= 40
    writer.close()
    assert len(read(tmp_path / "a.mp4")[0]) == 100
    assert not (tmp_path / "a.partial.mp4").exists()


def test_a_camera_without_frames_leaves_no_file(tmp_path: Path) -> None:
    AnnotatedVideoSink(tmp_path, {"a": 5.0}, lambda key: None).close()
    assert list(tmp_path.iterdir()) == []


def test_errors_of_the_writing_thread_reach_the_pipeline(tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path / "out", {"a": 5.0}, lambda key: None)
    (tmp_path / "out").rmdir()
    steps = (step(index / 5, {"a": []}, index=index) for index in range(100_000))
    with pytest.raises(OmnitrackError, match=r"a\.mp4: cannot be written"):
        deque(map(sink.write, steps), maxlen=0)
    with pytest.raises(OmnitrackError, match=r"a\.mp4"):
        sink.close()
    (tmp_path / "file").touch()
    with pytest.raises(OmnitrackError, match="cannot be made"):
        AnnotatedVideoSink(tmp_path / "file" / "out", {}, lambda key: None)


def test_names_and_times() -> None:
    assert file_name("gate/1: left") == "gate_1__left"
    assert [clock_text(t) for t in (0, 59.96, 83.25, 3723.4)] == ["00:00.0", "01:00.0", "01:23.2", "1:02:03.4"]
