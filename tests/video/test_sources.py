import threading
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.test_commands import WEST, first_frames
from tests.video.clips import cut_off, flip_bytes, lay_on_its_side, number_of, picture, write_clip, zero_range
from tracker.errors import OmnitrackError
from tracker.video.frame import Frame
from tracker.video.sources import ImageFolderSource, VideoFileSource

STEADY = [number / 10 for number in range(40)]


def read(source: VideoFileSource | ImageFolderSource) -> list[Frame]:
    frames = list(source)
    source.close()
    return frames


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi", ".mov"])
def test_every_container_gives_the_same_pictures_at_the_same_times(tmp_path: Path, suffix: str) -> None:
    source = VideoFileSource("gate", write_clip(tmp_path / f"clip{suffix}", STEADY))
    assert source.frames_per_second == pytest.approx(10)
    assert source.total_frames == pytest.approx(40, abs=1)
    frames = read(source)
    assert [frame.index for frame in frames] == list(range(40))
    assert [number_of(frame.image) for frame in frames] == list(range(40))
    np.testing.assert_allclose([frame.t_seconds for frame in frames], STEADY, atol=1.1e-3)  # mkv keeps milliseconds
    assert frames[0].image.shape == (64, 96, 3)
    assert frames[0].image.dtype == np.uint8
    assert {frame.camera_id for frame in frames} == {"gate"}
    assert (source.lost_frames, source.damaged_frames) == (0, 0)


def test_the_true_rate_stretches_the_times_of_a_file_that_states_a_wrong_one(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", STEADY)
    source = VideoFileSource("gate", clip, time_offset_seconds=3.0, frames_per_second=5)
    assert source.frames_per_second == 5
    np.testing.assert_allclose([frame.t_seconds for frame in read(source)], 3.0 + 2 * np.asarray(STEADY), atol=1e-6)


def test_a_varying_rate_and_an_offset_show_in_the_times(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 0.9, 4.0, 4.01]
    source = VideoFileSource("gate", write_clip(tmp_path / "clip.mp4", times), time_offset_seconds=100.0)
    np.testing.assert_allclose([frame.t_seconds for frame in read(source)], np.array(times) + 100, atol=1e-4)


def test_a_file_without_times_gets_them_from_its_rate(tmp_path: Path) -> None:
    frames = read(VideoFileSource("gate", write_clip(tmp_path / "clip.h264", STEADY)))
    steps = np.diff([frame.t_seconds for frame in frames])
    assert len(frames) == 40
    np.testing.assert_allclose(steps, steps[0])
    assert steps[0] > 0


@pytest.mark.parametrize("read_ahead", [0, 1, 3])
def test_reading_ahead_changes_nothing(tmp_path: Path, read_ahead: int) -> None:
    path = write_clip(tmp_path / "clip.mp4", STEADY)
    frames = read(VideoFileSource("gate", path, read_ahead=read_ahead))
    assert [number_of(frame.image) for frame in frames] == list(range(40))


def test_closing_early_ends_the_reading_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    source = VideoFileSource("gate", write_clip(tmp_path / "clip.mp4", STEADY), read_ahead=2)
    frames = iter(source)
    next(frames)
    assert threading.active_count() == before + 1
    source.close()
    source.close()
    assert threading.active_count() == before
    assert next(frames, None) is None


def test_a_source_is_read_once(tmp_path: Path) -> None:
    source = VideoFileSource("gate", write_clip(tmp_path / "clip.mp4", STEADY))
    read(source)
    with pytest.raises(RuntimeError, match="read already"):
        iter(source)


def test_a_picture_that_lies_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    frames = read(VideoFileSource("phone", lay_on_its_side(write_clip(tmp_path / "clip.mp4", STEADY))))
    upright = np.rot90(picture(0), -1)
    assert frames[0].image.shape == upright.shape == (96, 64, 3)
    assert np.abs(frames[0].image.astype(int) - upright).mean() < 3


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("2026-03-01T12:00:05.000000Z", datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)),
        ("1970-01-01T00:00:00.000000Z", None),
    ],
)
def test_recording_time(tmp_path: Path, tag: str, expected: datetime | None) -> None:
    source = VideoFileSource("gate", write_clip(tmp_path / "clip.mp4", STEADY, metadata={"creation_time": tag}))
    assert source.recorded_at == expected
    source.close()


# Damage


def test_damage_in_the_middle_costs_only_what_it_hit(tmp_path: Path) -> None:
    path = zero_range(write_clip(tmp_path / "clip.mp4", STEADY, noisy=True), 0.4, 0.5)
    source = VideoFileSource("gate", path)
    frames = read(source)
    times = [frame.t_seconds for frame in frames]
    assert times[0] == 0
    assert times[-1] == pytest.approx(3.9)
    assert (np.diff(times) > 0).all()
    assert 30 <= len(frames) < 40
    assert source.lost_frames == 40 - len(frames)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_one_byte_in_a_thousand_wrong(tmp_path: Path, suffix: str) -> None:
    times = [number / 10 for number in range(200)]
    path = flip_bytes(write_clip(tmp_path / f"clip{suffix}", times, noisy=True, gop=20), 0.001, skip=5000)
    source = VideoFileSource("gate", path)
    frames = read(source)
    assert len(frames) >= 180
    assert source.lost_frames + source.damaged_frames > 0
    assert (np.diff([frame.t_seconds for frame in frames]) > 0).all()


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".h264"])
def test_one_byte_in_a_thousand_of_a_real_video_wrong(tmp_path: Path, suffix: str, seed: int) -> None:
    whole = first_frames(WEST, tmp_path / f"west{suffix}", 300)
    content, index = whole.read_bytes(), whole.read_bytes().rfind(b"moov")
    if suffix == ".mp4":  # the pictures, not the list of where they are
        damaged = flip_bytes(cut_off(whole, (index - 4) / len(content)), 0.001, skip=100, seed=seed)
        damaged.write_bytes(damaged.read_bytes() + content[index - 4 :])
    else:
        damaged = flip_bytes(whole, 0.001, skip=5000, seed=seed)
    source = VideoFileSource("gate", damaged)
    frames = read(source)
    assert len(frames) >= 270
    assert source.lost_frames + source.damaged_frames > 30  # said, not passed over
    assert source.lost_frames <= 30
    assert (np.diff([frame.t_seconds for frame in frames]) > 0).all()


def test_damage_gives_the_same_pictures_in_every_run(tmp_path: Path) -> None:
    path = flip_bytes(write_clip(tmp_path / "clip.mp4", STEADY, noisy=True), 0.002, skip=5000)
    first, second = (read(VideoFileSource("gate", path)) for _ in range(2))
    assert len(first) == len(second)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_file_that_is_cut_off_gives_what_is_there_and_counts_the_rest(tmp_path: Path, suffix: str) -> None:
    source = VideoFileSource("gate", cut_off(write_clip(tmp_path / f"clip{suffix}", STEADY, noisy=True), 0.5))
    frames = read(source)
    assert 10 <= len(frames) <= 25
    assert len(frames) + source.lost_frames == pytest.approx(40, abs=1)


def test_nothing_decodable_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", STEADY, noisy=True)
    source = VideoFileSource("gate", zero_range(path, path.read_bytes().index(b"mdat") / path.stat().st_size, 1.0))
    with pytest.raises(OmnitrackError, match=r"clip_zeroed\.mp4: not one frame"):
        list(source)
    source.close()


# Files that are no video


def expect_error(path: Path, pattern: str) -> None:
    with pytest.raises(OmnitrackError, match=pattern) as caught:
        VideoFileSource("gate", path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    expect_error(tmp_path / "none.mp4", "No such file")


def test_folder(tmp_path: Path) -> None:
    expect_error(tmp_path, "is a folder")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    expect_error(tmp_path / "empty.mp4", "is empty")


def test_file_without_its_index(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", STEADY)
    expect_error(cut_off(path, path.read_bytes().index(b"moov") / path.stat().st_size), "not a video")


@pytest.mark.parametrize(
    "text",
    [
        "just some words\n" * 100,
        "ffconcat version 1.0\nfile clip.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nclip.mp4\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    ],
)
@pytest.mark.parametrize("name", ["text.mp4", "text.txt", "text.m3u8", "http:text.mp4"])
def test_text_is_no_video_and_opens_no_other_file(tmp_path: Path, text: str, name: str) -> None:
    write_clip(tmp_path / "clip.mp4", STEADY)
    (tmp_path / name).write_text(text)
    expect_error(tmp_path / name, "not a video")


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(tmp_path / "clip.mp4", STEADY).rename(tmp_path / "http:clip %d.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(read(VideoFileSource("gate", "http:clip %d.mp4"))) == 40


def test_sound_without_pictures(tmp_path: Path) -> None:
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    expect_error(path, "no video stream")


def test_ffmpeg_keeps_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = flip_bytes(write_clip(tmp_path / "clip.mp4", STEADY, noisy=True), 0.01, skip=5000)
    read(VideoFileSource("gate", path))
    assert capfd.readouterr() == ("", "")


# Folders of pictures


def write_pictures(folder: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        cv2.imwrite(str(folder / name), picture(number))


def test_pictures_come_in_natural_order(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["im2.png", "im10.png", "im100.PNG"])
    (tmp_path / "notes.txt").write_text("no picture")
    source = ImageFolderSource("gate", tmp_path, frames_per_second=4)
    assert source.total_frames == 3
    frames = read(source)
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2]
    assert [frame.t_seconds for frame in frames] == [0, 0.25, 0.5]


def test_a_bad_picture_is_lost_and_keeps_its_place_in_time(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["1.png", "2.png", "3.png", "4.jpg"])
    (tmp_path / "2.png").write_bytes(b"broken")
    (tmp_path / "3.png").write_bytes(b"")
    source = ImageFolderSource("gate", tmp_path, frames_per_second=2)
    frames = read(source)
    assert [(frame.index, frame.t_seconds) for frame in frames] == [(0, 0.0), (1, 1.5)]
    assert source.lost_frames == 2


def test_folders_without_usable_pictures(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match="holds no pictures"):
        ImageFolderSource("gate", tmp_path, 5)
    with pytest.raises(OmnitrackError, match="none: No such file"):
        ImageFolderSource("gate", tmp_path / "none", 5)
    with pytest.raises(OmnitrackError, match="frames_per_second"):
        ImageFolderSource("gate", tmp_path, 0)
    (tmp_path / "1.png").write_bytes(b"broken")
    with pytest.raises(OmnitrackError, match="none of its 1 pictures"):
        list(ImageFolderSource("gate", tmp_path, 5))
