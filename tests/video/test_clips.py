"""Clips of what a camera sends, from a real RTSP server: they can be played, and never fill the disk."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest

from tests.video.clips import NUMBERS, number_of, write_clip
from tests.video.rtsp import RtspServer, need_rtsp_server
from tests.video.watching import PATIENT
from tracker.config import OutputConfig
from tracker.video.clip_files import keep_quota
from tracker.video.clips import ClipSettings
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
