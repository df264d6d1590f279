from pathlib import Path

import pytest

from tracker.cameras import aligned
from tracker.cli.run import cameras_from, configuration
from tracker.config import CameraConfig
from tracker.errors import OmnitrackError


def test_cameras_are_named_after_their_files_or_by_hand() -> None:
    cameras = cameras_from(["clips/west.mp4", "door=clips/a=b.mp4"])
    assert [(c.name, c.source) for c in cameras] == [("west", "clips/west.mp4"), ("door", "clips/a=b.mp4")]


def test_an_existing_file_with_an_equals_sign_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "x=1.mp4"
    file.touch()
    with pytest.raises(OmnitrackError, match="write NAME=PATH to choose another name"):
        cameras_from([str(file)])


def test_two_files_with_one_name_are_refused() -> None:
    with pytest.raises(OmnitrackError, match=r"two cameras are named 'cam' \(a/cam.mp4 and b/cam.mp4\).*NAME=PATH"):
        cameras_from(["a/cam.mp4", "b/cam.mp4"])


def test_no_camera_at_all_is_refused() -> None:
    with pytest.raises(OmnitrackError, match="no camera: name video files"):
        configuration(None, [])


def test_start_times_align_the_cameras() -> None:
    cameras = (
        CameraConfig.model_validate({"name": "a", "source": "a.mp4", "start_time": "2026-11-21T08:00:10+01:00"}),
        CameraConfig.model_validate({"name": "b", "source": "b.mp4", "start_time": "2026-11-21T07:00:03Z"}),
        CameraConfig.model_validate({"name": "c", "source": "c.mp4", "time_offset_seconds": -0.5}),
    )
    assert [camera.time_offset_seconds for camera in aligned(cameras)] == [7.0, 0.0, -0.5]
