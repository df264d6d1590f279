"""Clips of what a camera sends, from a real RTSP server: they can be played, and never fill the disk."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest

from tests.cli.test_commands import WEST, first_frames
from tests.video.clips import NUMBERS, number_of, write_clip
from tests.video.rtsp import RtspServer, need_rtsp_server
from tests.video.watching import PATIENT
from tracker.config import OutputConfig
from tracker.video.clip_files import keep_quota
from tracker.video.clips import ClipRecorder, ClipSettings
from tracker.video.live import LiveCamera

EPOCH = datetime(2026, 11, 21, 10, tzinfo=UTC)


def numbers_in(clip: Path) -> list[int]:
    with av.open(str(clip)) as container:
        return [
            number_of(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)) for frame in container.decode(video=0)
        ]


@need_rtsp_server()
def test_a_camera_is_kept_in_segments_also_when_its_reader_is_killed(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.ts", [n / 10 for n in range(600)], gop=10)
    server = RtspServer({"one": clip})
    folder = tmp_path / "clips"
    settings = ClipSettings(folder, "gate", 1.0, 10**9, EPOCH)
    camera = LiveCamera("gate", server.url("one"), time.monotonic(), PATIENT, clips=settings)
    camera.start()
    try:
        deadline = time.monotonic() + 240
        while len(list(folder.glob("*"))) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        camera.close()
        server.stop()
    files = sorted(folder.glob("gate_*.mkv"), key=lambda path: path.stat().st_mtime_ns)
    assert len(files) >= 4
    assert len(files) == len(list(folder.iterdir()))
    numbers = [number for file in files[:3] for number in numbers_in(file)]
    assert numbers == [(numbers[0] + k) % NUMBERS for k in range(len(numbers))], "no picture is missing or twice"
    assert len(numbers) >= 30
    with av.open(str(files[1])) as container:
        assert (next(container.decode(video=0)).time or 0.0) < 1.0


@need_rtsp_server()
def test_a_camera_is_kept_whose_size_is_known_from_its_pictures_only(tmp_path: Path) -> None:
    server = RtspServer({"west": first_frames(WEST, tmp_path / "west.ts", 300)})
    folder = tmp_path / "clips"
    settings = ClipSettings(folder, "west", 60.0, 10**9, EPOCH)
    camera = LiveCamera("west", server.url("west"), time.monotonic(), PATIENT, clips=settings)
    camera.start()
    try:
        deadline = time.monotonic() + 240
        while sum(path.stat().st_size for path in folder.glob("*")) < 100_000 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        camera.close()
        server.stop()
    (file,) = folder.iterdir()
    with av.open(str(file)) as container:
        sizes = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert len(sizes) >= 5
    assert set(sizes) == {(330, 576)}


def test_a_file_that_cannot_be_written_is_not_tried_with_every_picture(tmp_path: Path) -> None:
    with av.open(str(write_clip(tmp_path / "clip.mp4", [n / 10 for n in range(30)], gop=1))) as container:
        stream = container.streams.video[0]
        blocked = tmp_path / "clips"
        recorder = ClipRecorder(ClipSettings(blocked, "gate", 60.0, 10**9, EPOCH), stream)
        blocked.write_text("a file where the folder should be")
        for packet in container.demux(stream):
            recorder.write(packet, (96, 64))
            blocked.unlink(missing_ok=True)
        assert not blocked.exists(), "the first picture failed, the next try comes a minute later"


def test_the_oldest_go_when_there_is_too_much(tmp_path: Path) -> None:
    for age in range(5):
        path = tmp_path / f"gate_{age}.mkv"
        path.write_bytes(bytes(100))
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "notes.txt").write_bytes(bytes(10_000))
    keep_quota(tmp_path, 250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gate_0.mkv", "gate_1.mkv", "notes.txt"]
    keep_quota(tmp_path, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    keep_quota(tmp_path / "missing", 0)


def test_clips_and_hidden_people_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="clips show people as they are"):
        OutputConfig.model_validate({"clips": {}, "hide_people": "everybody"})
