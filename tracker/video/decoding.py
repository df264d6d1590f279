"""Decoders of live cameras: on a device made for it where there is one, else in software."""

from collections.abc import Iterator

import av
import av.error
from av.codec.hwaccel import HWAccel, HWConfig
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

SOFTWARE = "software"


class Decoder:
    """Decodes one stream without delay. Pictures arrive in memory, whoever decoded them.

    hardware: "auto" takes the first kind of device that the codec can use and this machine has; "off": none. What a
    device cannot decode after all (FFmpeg asks it with the first picture), or no longer, is decoded in software.
    """

    def __init__(self, stream: VideoStream, hardware: str = "auto") -> None:
        self._software = stream.codec_context
        self._device: HWConfig | None = None
        self._context = self._software
        if hardware == "auto" and (found := next(_on_devices(self._software.codec), None)):
            self._device, self._context = found
            self._context.extradata = self._software.extradata
        for context in {self._context, self._software}:
            context.thread_type = "SLICE"  # parallel frames would be late by as many frames

    @property
    def name(self) -> str:
        """The kind of device that decoded the last picture, as FFmpeg calls it, or "software"."""
        if self._device is None or self._device.format is None or self._context.pix_fmt != self._device.format.name:
            return SOFTWARE
        return self._device.device_type.name

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the pictures; 0 before the first one was given to decode()."""
        return self._context.width, self._context.height

    def decode(self, packet: "av.Packet[VideoStream]") -> list[av.VideoFrame]:
        """Raises av.error.InvalidDataError for a damaged packet, another FFmpegError when decoding cannot go on."""
        try:
            return self._context.decode(packet)
        except av.error.InvalidDataError:
            raise
        except av.error.FFmpegError:
            if self._device is None:
                raise
        self._device, self._context = None, self._software
        return self._context.decode(packet)


def hardware_for(codec: str) -> list[str]:
    """The kinds of devices of this machine that decode a codec, as FFmpeg calls both."""
    return [config.device_type.name for config, _ in _on_devices(av.Codec(codec, "r"))]


def _on_devices(codec: av.Codec) -> Iterator[tuple[HWConfig, VideoCodecContext]]:
    """A decoder on each device that can be opened."""
    for config in codec.hardware_configs:
        if not config.is_supported:
            continue
        try:
            context = av.CodecContext.create(codec, "r", HWAccel(config.device_type))
        except av.error.FFmpegError:
            continue  # there is none on this machine
        assert isinstance(context, VideoCodecContext)
        yield config, context
