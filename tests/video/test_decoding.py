"""Who decodes. No machine of the tests need have a device for it: the stand-ins here are named so."""

from pathlib import Path
from types import SimpleNamespace

import av
import av.error
import pytest
from av.codec.hwaccel import hwdevices_available
from av.video.stream import VideoStream

from tests.video.clips import write_clip
from tracker.video import decoding
from tracker.video.decoding import SOFTWARE, Decoder, hardware_for


class StandInDevice:
    """A device's decoder that takes `good` packets by software and then fails as a lost device does."""

    def __init__(self, good: int) -> None:
        self.pix_fmt, self.thread_type, self.extradata = "cuda", "", b""
        self._good, self._decoder = good, av.CodecContext.create("h264", "r")

    def decode(self, packet: "av.Packet[VideoStream]") -> list[av.VideoFrame]:
        if self._good == 0:
            raise av.error.ExternalError(0, "the device is gone")
        self._good -= 1
        frames: list[av.VideoFrame] = self._decoder.decode(packet)
        return frames


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.ts", [number / 10 for number in range(40)], gop=5, b_frames=0)


def decoded(clip: Path, hardware: str) -> tuple[int, list[str]]:
    """How many frames, and who decoded each."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        decoder = Decoder(stream, hardware)
        names = [decoder.name for packet in container.demux(stream) if packet.size for _ in decoder.decode(packet)]
    return len(names), names


@pytest.mark.parametrize("good", [0, 20])
def test_a_device_that_fails_is_given_up_for_software(clip: Path, monkeypatch: pytest.MonkeyPatch, good: int) -> None:
    kind = SimpleNamespace(device_type=SimpleNamespace(name="cuda"), format=SimpleNamespace(name="cuda"))
    monkeypatch.setattr(decoding, "_on_devices", lambda _: iter([(kind, StandInDevice(good))]))
    count, names = decoded(clip, "auto")
    assert count == 40, "it failed at a picture that can be decoded alone"
    assert names == ["cuda"] * good + [SOFTWARE] * (40 - good)
    assert decoded(clip, "off") == (40, [SOFTWARE] * 40)


def test_what_a_device_cannot_decode_is_said_to_be_decoded_in_software(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg asks the device with the first picture, and goes on in software if it declines."""
    kind = SimpleNamespace(device_type=SimpleNamespace(name="cuda"), format=SimpleNamespace(name="cuda"))
    declining = StandInDevice(good=100)
    declining.pix_fmt = "yuv420p"
    monkeypatch.setattr(decoding, "_on_devices", lambda _: iter([(kind, declining)]))
    assert decoded(clip, "auto") == (40, [SOFTWARE] * 40)


def test_devices_of_this_machine() -> None:
    assert set(hardware_for("h264")) <= set(hwdevices_available())
