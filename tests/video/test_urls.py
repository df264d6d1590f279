import pytest

from tracker.video.urls import is_live, masked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://10.0.0.2:554/stream", "rtsp://10.0.0.2:554/stream"),
        ("rtsp://eve@10.0.0.2/s", "rtsp://eve@10.0.0.2/s"),
        ("rtsp://eve:secret@10.0.0.2/s", "rtsp://eve:***@10.0.0.2/s"),
        ("rtsp://eve:se:c@r/et@10.0.0.2/s", "rtsp://eve:***@10.0.0.2/s"),
        ("rtsp://:secret@10.0.0.2/s", "rtsp://:***@10.0.0.2/s"),
        ("http://cam/video?user=eve&PASSWORD=secret&x=1", "http://cam/video?user=eve&PASSWORD=***&x=1"),
        ("http://cam/video?token=secret", "http://cam/video?token=***"),
        (
            "cannot open rtsp://a:secret@b/1 and rtsp://c:secret@d/2",
            "cannot open rtsp://a:***@b/1 and rtsp://c:***@d/2",
        ),
        ("/videos/a:b@c.mp4", "/videos/a:b@c.mp4"),
        ("rtsp://me@mail.org:secret@10.0.0.2/1", "rtsp://me@mail.org:***@10.0.0.2/1"),
        ("rtsp://me@mail.org@10.0.0.2:554/1", "rtsp://me@mail.org@10.0.0.2:554/1"),
        ("rtsp://h:554/user=admin_password=secret_channel=1", "rtsp://h:554/user=admin_password=***_channel=1"),
        ("rtsp://h/user=admin_password=secret", "rtsp://h/user=admin_password=***"),
        ("http://cam/video?api_key=sec_ret==&x=1", "http://cam/video?api_key=***&x=1"),
    ],
)
def test_passwords_are_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize("source", ["rtsp://cam/1", "RTSPS://cam/1", "http://cam/mjpeg", "0", "12"])
def test_live_sources(source: str) -> None:
    assert is_live(source)


@pytest.mark.parametrize("source", ["west.mp4", "/videos/1.mp4", "folder", "file:///a.mp4", "rtsp.mp4", ""])
def test_recorded_sources(source: str) -> None:
    assert not is_live(source)
